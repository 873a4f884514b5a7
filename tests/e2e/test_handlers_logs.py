"""What handler processes say, as the operator of `glorieta run` has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness import Services, wait_until
from harness.handled_edge import HandledEdge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTER = """
import logging
import httpx
from glorieta.handlers import httpx_transport

log = logging.getLogger("shop")
print("imported")


@router.get("/log/{user}")
async def logs(user: int) -> None:
    print("asked")
    log.info("looks for %d", user, extra={"user": user})
    try:
        {}[user]
    except KeyError:
        log.exception("nobody")


@router.get("/plain-def")
def plain_def() -> None:
    log.info("in a thread")


@router.get("/crash")
async def crash() -> None:
    raise LookupError("of the handler")


@router.get("/httpx")
async def over_httpx() -> Any:
    async with httpx.AsyncClient(transport=httpx_transport(), base_url="http://users") as client:
        answer = await client.get("/users/7")
    log.info("done")
    return answer.json()["service"]
"""


@pytest.fixture
def edge(tmp_path: Path, services: Services) -> Iterator[HandledEdge]:
    made = HandledEdge(tmp_path)
    made.write(ROUTER, users=services.http("users").address)
    made.configure()
    yield made
    made.running.check()
    made.running.stop()


def events(edge: HandledEdge, **wanted: Any) -> list[dict[str, Any]]:
    """What was said so far, and has these values: each line of it is an object."""
    said = [json.loads(line) for line in edge.running.stderr.splitlines()]
    return [each for each in said if wanted.items() <= each.items()]


def heard(edge: HandledEdge, **wanted: Any) -> dict[str, Any]:
    return wait_until(lambda: events(edge, **wanted), 10, f"an event with {wanted}")[0]


def test_every_line_of_run_json_is_an_object(edge: HandledEdge) -> None:
    edge.start("--json")
    answer = edge.get("/log/7")
    assert answer.status == 200
    assert edge.get("/plain-def").status == 200
    crashed = edge.get("/crash")
    assert crashed.status == 500

    (process,) = edge.processes()
    info = heard(edge, event="logged", message="looks for 7")
    assert info["extra"] == {"user": 7}
    assert (info["level"], info["logger"], info["pid"]) == ("info", "shop", process)
    wait_until(
        lambda: f'"request_id":"{info["request_id"]}"' in edge.running.stdout, 10, "the same id in the access log"
    )
    error = heard(edge, event="logged", message="nobody")
    assert error["request_id"] == info["request_id"]
    assert error["exception"].startswith("  at logs (") and error["exception"].endswith("KeyError: 7")
    assert heard(edge, event="printed", message="asked")["request_id"] == info["request_id"]
    assert "request_id" in heard(edge, event="logged", message="in a thread")

    failed = heard(edge, event="logged", level="error", logger="glorieta.handlers")
    assert failed["request_id"] == crashed.json()["request_id"]
    assert failed["message"].endswith(f"failed (request_id {failed['request_id']}): LookupError: of the handler")
    assert failed["exception"].endswith("LookupError: of the handler")


def test_what_the_code_prints_when_it_is_read_is_an_object_too(edge: HandledEdge) -> None:
    edge.start("--json")
    reads = len({each["pid"] for each in events(edge, event="printed", message="imported")})
    assert reads == 2, "the command that compiles it first, and the process that runs it"
    edge.write(ROUTER.replace("imported", "imported again"), users=next(iter(edge.names.values())))
    applied = wait_until(lambda: events(edge, event="applied"), 20, "the reload")
    assert len(events(edge, message="imported again")) >= 2, applied


def test_code_for_httpx_says_nothing_for_each_call(edge: HandledEdge) -> None:
    edge.start()
    assert edge.get("/httpx").json() == "users"
    assert "httpx" not in edge.wait_log("INFO shop: done")


def test_code_that_wants_httpx_to_talk_says_so(edge: HandledEdge) -> None:
    talk = 'logging.getLogger("httpx").setLevel(logging.INFO)\n'
    edge.write(ROUTER + talk, users=next(iter(edge.names.values())))
    edge.start()
    assert edge.get("/httpx").json() == "users"
    assert "INFO httpx: HTTP Request: GET http://users/users/7" in edge.wait_log("INFO shop: done")
