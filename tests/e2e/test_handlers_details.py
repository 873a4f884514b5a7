"""What a stranger to handlers trips over: numbers that are none, stale polling, answers held back, cut bodies, refusals
in middleware, synchronous clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import RawClient, Services, build, request, wait_until
from harness.handled_edge import HandledEdge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Conversation, HttpUpstream, ReceivedRequest

ROUTER = """
import httpx
from pathlib import Path
from pydantic import BaseModel
from glorieta.handlers import HTTPException, Response, httpx_transport, optional


class Size(BaseModel):
    x: float


@router.get("/nan")
async def nan() -> Size:
    return Size(x=float("nan"))


@router.post("/size")
async def size(size: Size) -> Size:
    return size


@router.get("/poll")
async def poll(users: Upstream) -> list[int]:
    return [(await users.get("/poll").fresh()).status for _ in range(2)] + [(await users.get("/poll")).status]


@router.get("/blocks")
async def blocks(tasks: BackgroundTasks) -> str:
    async def work() -> None:
        while not Path("go").exists():
            time.sleep(0.01)

    tasks.add_task(work)
    # Whoever waits in the engine has gone to sleep, and has to be woken.
    await asyncio.sleep(0.3)
    return "now"


@router.post("/relay")
async def relay(request: Request, users: Upstream) -> Any:
    return await users.post("/", content=request.stream()).json().optional("none")


@router.get("/synchronous")
def synchronous() -> Any:
    with httpx.Client(transport=httpx_transport(), base_url="http://users") as client:
        return client.get("/synchronous").json()["target"]


@router.get("/own")
async def own(users: Upstream) -> Any:
    async def database() -> None:
        raise ConnectionError("no database")

    return await gather(users.get("/").json(), optional(database(), "default", name="database"))


guarded = Router()


@guarded.middleware
async def guard(request: Request, call_next: Any) -> Response:
    if "authorization" not in request.headers:
        raise HTTPException(401, "Who are you?", {"WWW-Authenticate": "Basic"})
    return await call_next(request)


@guarded.get("/guarded")
async def inside() -> str:
    return "in"


router.include_router(guarded)
"""


@pytest.fixture(scope="module")
def users(services: Services) -> HttpUpstream:
    return services.http("users")


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory, users: HttpUpstream) -> Iterator[HandledEdge]:
    made = HandledEdge(tmp_path_factory.mktemp("shop"))
    made.write(ROUTER, users=users.address)
    made.configure()
    made.start()
    yield made
    made.running.check()
    made.running.stop()


@pytest.fixture(autouse=True)
def forgetful(users: HttpUpstream) -> None:
    users.forget()


def test_no_number_that_is_none_goes_out_or_comes_in(edge: HandledEdge) -> None:
    answer = edge.get("/nan")
    assert (answer.status, answer.json()["status"]) == (500, 500)
    edge.wait_log("NaN and Infinity are no JSON")
    kind = [("Content-Type", "application/json")]
    answer = request(edge.port, "POST", "/size", kind, b'{"x": "NaN"}')
    assert (answer.status, answer.json()["errors"][0]["pointer"]) == (422, "#/x")


def test_a_call_that_is_fresh_is_made_anew(edge: HandledEdge, users: HttpUpstream) -> None:
    statuses = iter([503, 200, 204])

    def respond(conversation: Conversation, request: ReceivedRequest) -> None:
        users.status = next(statuses)
        users.answer(conversation, request)

    users.respond = respond  # type: ignore[assignment]
    try:
        assert edge.get("/poll").json() == [503, 200, 204]
    finally:
        users.status = 200


def test_work_that_blocks_does_not_hold_its_answer_back(edge: HandledEdge) -> None:
    assert edge.get("/blocks").json() == "now"
    (edge.folder / "go").touch()


def test_a_body_that_is_cut_off_is_the_clients_matter(edge: HandledEdge, users: HttpUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(build("POST", "/relay", [("Content-Length", "100")]) + b"half")
        client.finish_sending()
        answer = client.read_response()
    assert (answer.status, answer.json()["code"]) == (400, "body_cut_off")
    assert answer.header("glorieta-partial") is None


def test_a_synchronous_client_waits_on_its_thread(edge: HandledEdge) -> None:
    assert edge.get("/synchronous").json() == "/synchronous"


def test_a_part_of_ones_own_that_fails_is_left_out_and_told(edge: HandledEdge) -> None:
    answer = edge.get("/own")
    assert (answer.status, answer.header("glorieta-partial")) == (200, "database;r=failed")
    wait_until(lambda: "ConnectionError: no database" in edge.running.stderr, what="the traceback")


def test_a_refusal_in_middleware_is_the_answer(edge: HandledEdge) -> None:
    answer = edge.get("/guarded")
    assert (answer.status, answer.json()["detail"]) == (401, "Who are you?")
    assert answer.header("www-authenticate") == "Basic"
    assert request(edge.port, "GET", "/guarded", [("Authorization", "Basic x")]).json() == "in"
    assert "handler of GET /guarded failed" not in edge.running.stderr
