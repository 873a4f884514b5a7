"""What the access log and the metrics say where a handler fails: the reason, which clients are not told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from harness import Services, request, wait_until
from harness.handled_edge import HandledEdge
from harness.recording import RecordingUpstream
from harness.service import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.recording import Conversation, ReceivedRequest

ROUTER = """
from glorieta.handlers import HTTPException, UpstreamError, upstream


@router.get("/crash")
async def crash() -> None:
    raise KeyError("secret")


@router.get("/call/{rest:path}")
async def called(rest: str, users: Upstream) -> Any:
    return await users.get("/" + rest).json()


@router.get("/gathered/{rest:path}")
async def gathered(rest: str, users: Upstream) -> Any:
    return await gather(users.get("/" + rest).timeout("100ms").json())


@router.get("/nobody")
async def nobody(lost: Upstream) -> Any:
    return await lost.get("/").json()


@router.get("/caught")
async def caught(lost: Upstream) -> Any:
    try:
        return await lost.get("/").json()
    except UpstreamError:
        raise HTTPException(503, "later") from None


@router.get("/own/{status}")
async def own(status: int) -> None:
    raise HTTPException(status)


@router.post("/number")
async def number(request: Request) -> Any:
    return await request.json()


async def app(scope, receive, send) -> None:
    if scope["type"] == "http":
        raise KeyError("secret")
"""


def users(conversation: Conversation, received: ReceivedRequest) -> None:
    match received.target:
        case "/hang":
            conversation.wait_closed()
        case "/status/404" | "/status/500":
            conversation.send(message(int(received.target[-3:]), b"no"))
        case _:
            conversation.send(message(200, b"no JSON"))


class Edge(HandledEdge):
    """One whose access log is read."""

    def record(self, path: str) -> dict[str, Any]:
        log = self.folder / "access.log"

        def find() -> list[dict[str, Any]]:
            lines = log.read_text().split("\n")[:-1] if log.exists() else []
            return [each for each in map(json.loads, lines) if each["path"] == path]

        return wait_until(find, 10, f"a record of {path}")[-1]


@pytest.fixture(scope="module")
def service(services: Services) -> RecordingUpstream:
    return services.keep(RecordingUpstream(users))


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, service: RecordingUpstream) -> Iterator[Edge]:
    made = Edge(tmp_path_factory.mktemp("reasons"))
    made.top = f"log: {{to: {made.folder}/access.log, format: json}}"
    made.listener = ", /app: {asgi: shop.py:app}"
    made.write(ROUTER, users=service.address, lost="127.0.0.1:1")
    made.configure()
    made.start()
    yield made
    made.running.check()
    made.running.stop()


REASONS = [
    ("/crash", 500, "handler_failed", "KeyError"),
    ("/app", 500, "handler_failed", "KeyError"),
    ("/call/status/500", 502, "part_failed", 'upstream "users"'),
    ("/call/status/404", 404, "part_failed", 'upstream "users"'),
    ("/call/text", 502, "part_invalid", 'upstream "users"'),
    ("/gathered/hang", 504, "deadline", 'upstream "users"'),
    ("/nobody", 502, "refused", 'upstream "lost"'),
    ("/own/zero", 422, "request_invalid", "path.status"),
]


@pytest.mark.parametrize(("path", "status", "reason", "detail"), REASONS, ids=[each[0] for each in REASONS])
def test_the_log_says_why_an_answer_is_an_error(edge: Edge, path: str, status: int, reason: str, detail: str) -> None:
    assert edge.get(path).status == status
    record = edge.record(path)
    assert (record["status"], record["reason"]) == (status, reason)
    assert detail in record["detail"]
    assert "secret" not in record["detail"]


@pytest.mark.parametrize("path", ["/own/503", "/own/404", "/caught"])
def test_an_error_that_a_handler_means_has_no_reason(edge: Edge, path: str) -> None:
    status = edge.get(path).status
    assert edge.record(path).get("reason") is None
    assert edge.record(path)["status"] == status


def test_a_body_that_is_no_json_is_the_clients_fault(edge: Edge) -> None:
    assert request(edge.port, "POST", "/number", body=b"{").status == 400
    assert edge.record("/number")["reason"] == "request_invalid"


def test_failures_are_counted_by_handler_and_reason(edge: Edge) -> None:
    def count(reason: str) -> float:
        metrics = edge.running.metrics()
        return metrics.total("glorieta_handler_failures_total", handler="shop.py:router", reason=reason)

    before = count("handler_failed")
    edge.get("/crash")
    edge.get("/own/zero")
    assert count("handler_failed") == before + 1
    assert count("request_invalid") == 0
