"""The tests' own tools: a router among fake upstreams, on a fake clock."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from glorieta.handlers import (
    BackgroundTasks,
    Depends,
    Header,
    HTTPException,
    Request,
    Router,
    StreamingResponse,
    UploadFile,
    Upstream,
    WebSocket,
    WebSocketDisconnect,
)
from glorieta.handlers.live.gather import gather
from glorieta.testing import (
    Answer,
    AsyncTestClient,
    Disconnected,
    NotFaked,
    Several,
    Stuck,
    TestClient,
    WebSocketRefused,
    after,
    hanging,
    overloaded,
    refused,
    run,
)
from glorieta.testing import clock as clocks

router = Router(calls=["users", "orders"], forward_headers=["accept-language"])
notes: list[str] = []


class Home(BaseModel):
    name: str
    orders: list[int]


def clock() -> str:
    return "real"


@router.get("/home/{user_id}")
async def home(user_id: int, users: Upstream, orders: Upstream) -> Home:
    user, recent = await gather(
        users.get("/users/{id}", path={"id": user_id}).json(),
        orders.get("/orders", params={"user": user_id}).timeout("150ms").json().optional([]),
        deadline="300ms",
    )
    return Home(name=user["name"], orders=recent)


@router.post("/users")
async def create(request: Request, users: Upstream) -> Any:
    return await users.post("/users", json=await request.json()).json()


@router.get("/crash")
async def crash() -> None:
    raise KeyError("mine")


@router.get("/teapot")
async def teapot() -> None:
    raise HTTPException(418, "short and stout")


@router.get("/slow")
async def slow(tasks: BackgroundTasks) -> str:
    async def note() -> None:
        await asyncio.sleep(60)
        notes.append("noted")

    tasks.add_task(note)
    await asyncio.sleep(2)
    return "slow"


@router.get("/plain")
def plain() -> str:
    time.sleep(0.001)
    return "plain"


@router.get("/clock")
async def shows(clock: Annotated[str, Depends(clock)], x_name: Annotated[str, Header()] = "") -> str:
    return f"{clock} {x_name}"


@router.get("/stream")
async def stream() -> StreamingResponse:
    async def pieces() -> Any:
        for index in range(3):
            yield f"{index} "
            await asyncio.sleep(1)

    return StreamingResponse(pieces())


@router.post("/upload")
async def upload(file: UploadFile) -> str:
    return f"{file.filename} {len(await file.read())}"


@router.get("/cookie")
async def cookie(request: Request) -> Any:
    from glorieta.handlers import JSONResponse

    return JSONResponse(request.cookies, headers={"set-cookie": "sid=7; Path=/"})


@router.websocket("/ws")
async def echo(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_text((await socket.receive_text()).upper())
    except WebSocketDisconnect as closed:
        notes.append(f"closed {closed.code}")


@router.websocket("/closed")
async def closed(socket: WebSocket) -> None:
    await socket.close()


UPSTREAMS = {
    "users": {"GET /users/{id}": lambda call: {"name": f"user {call.path_values['id']}"}},
    "orders": {"/orders": [1]},
}


@pytest.fixture
def client() -> Any:
    notes.clear()
    with TestClient(router, upstreams=UPSTREAMS) as made:
        yield made


def test_a_router_is_asked_and_its_upstreams_tell_what_they_were_asked(client: TestClient) -> None:
    answer = client.get("/home/7", headers={"Accept-Language": "es", "Traceparent": "00-1-2-01", "X-Other": "no"})
    assert (answer.status_code, answer.json()) == (200, {"name": "user 7", "orders": [1]})
    assert (answer.reason, answer.missing) == (None, [])
    client.upstreams["users"].assert_asked("GET /users/7")
    call = client.upstreams["orders"].only()
    assert call.params["user"] == "7"
    assert dict(call.headers) == {"accept-language": "es", "traceparent": "00-1-2-01", "x-request-id": "test-1"}


@pytest.mark.parametrize(
    ("fake", "seconds"),
    [(hanging(), 0.15), (refused(), 0), (overloaded(), 0), (500, 0), (after("100ms", "no json"), 0.1)],
)
def test_optional_parts_that_fail_are_missing(client: TestClient, fake: Any, seconds: float) -> None:
    client.fake(orders={"/orders": fake})
    answer = client.get("/home/7")
    assert (answer.status_code, answer.json()["orders"], answer.missing) == (200, [], ["orders"])
    assert answer.seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("fake", "status"),
    [(hanging(), 504), (refused(), 502), (overloaded(), 503), (500, 502), (404, 404), (Answer(403, body="no"), 403)],
)
def test_required_parts_keep_their_meaning(client: TestClient, fake: Any, status: int) -> None:
    client.fake(users={"/users/{id}": fake})
    assert client.get("/home/7").status_code == status


def test_what_is_not_faked_fails_the_test(client: TestClient) -> None:
    client.fake(users={"/other": 200})
    with pytest.raises(NotFaked, match=r"asked for GET /users/7, but has /other"):
        client.get("/home/7")
    with pytest.raises(ValueError, match='does not call "user"; its calls= has users, orders'):
        client.fake(user={})


def test_answers_may_change_from_call_to_call(client: TestClient) -> None:
    client.fake(users={"/users/{id}": Several(503, {"name": "Ana"})})
    assert [client.get("/home/7").status_code for _ in range(3)] == [502, 200, 200]


def test_requests_are_written_as_in_httpx(client: TestClient) -> None:
    client.fake(users={"POST /users": lambda call: {"got": call.json()}})
    assert client.post("/users", json={"name": "Ana"}).json() == {"got": {"name": "Ana"}}
    assert client.post("/users", content=[b'{"name":', b'"Eva"}']).json() == {"got": {"name": "Eva"}}
    assert client.post("/upload", files={"file": ("a.txt", b"abc")}).json() == "a.txt 3"
    assert client.get("/cookie").json() == {}
    assert client.get("/cookie").json() == {"sid": "7"}
    assert client.cookies == {"sid": "7"}


def test_what_no_route_takes_the_engine_answers(client: TestClient) -> None:
    assert (client.get("/nothing").status_code, client.get("/nothing").reason) == (404, "no_route")
    answer = client.put("/home/7")
    assert (answer.status_code, answer.reason, answer.headers["allow"]) == (405, "method_not_allowed", "GET")


def test_a_crash_is_the_tests_unless_it_wants_the_answer(client: TestClient) -> None:
    with pytest.raises(KeyError, match="mine"):
        client.get("/crash")
    assert client.get("/teapot").status_code == 418
    with TestClient(router, raise_server_exceptions=False) as tolerant:
        answer = tolerant.get("/crash")
        assert (answer.status_code, answer.json()["request_id"]) == (500, "test-1")
        assert "mine" not in answer.text


def test_time_passes_only_on_the_fake_clock(client: TestClient) -> None:
    began = client.now
    answer = client.get("/slow")
    assert (answer.text, answer.seconds) == ('"slow"', 2)
    assert notes == ["noted"]
    assert client.now - began == 62


def test_the_deadline_of_a_route_is_the_engines(client: TestClient) -> None:
    answer = client.get("/slow", deadline="1s")
    assert (answer.status_code, answer.reason, answer.seconds) == (504, "handler_timeout", 1)
    assert notes == []


def test_a_request_can_be_watched_and_left(client: TestClient) -> None:
    client.fake(users={"/users/{id}": hanging()})
    ongoing = client.begin("GET", "/home/7")
    client.advance("100ms")
    assert (ongoing.status_code, ongoing.is_over) == (None, False)
    ongoing.disconnect()
    client.idle()
    assert ongoing.is_over
    assert client.upstreams["users"].only().outcome == "cancelled"
    assert client.upstreams["users"].only().ended == pytest.approx(0.1)
    with pytest.raises(Disconnected):
        client.finish(ongoing)


def test_a_stream_is_received_as_it_comes(client: TestClient) -> None:
    ongoing = client.begin("GET", "/stream")
    assert (ongoing.status_code, ongoing.received) == (200, b"0 ")
    client.advance("1s")
    assert ongoing.received == b"0 1 "
    assert client.finish(ongoing).text == "0 1 2 "


def test_a_stream_that_meets_its_deadline_is_cut(client: TestClient) -> None:
    answer = client.get("/stream", deadline="1500ms")
    assert (answer.status_code, answer.text, answer.reason) == (200, "0 1 ", "cut")


def test_handlers_on_threads_are_waited_for(client: TestClient) -> None:
    assert client.get("/plain").json() == "plain"
    assert client.now == 0


def test_a_thread_that_ends_while_threads_are_looked_for_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first look at the descriptors comes before it has ended, the look for threads at work after."""
    looks = []

    async def main() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, clocks.FakeClockLoop)
        said = loop.create_future()

        def ends_just_now() -> bool:
            if not looks:
                loop.call_soon_threadsafe(said.set_result, loop.time())
            looks.append(loop.time())
            return False

        monkeypatch.setattr(loop._fake.threads, "at_work", ends_just_now)
        return await said

    assert run(main()) == 0
    assert looks


def test_dependencies_are_overridden() -> None:
    with TestClient(router, overrides={clock: lambda: "fake"}, headers={"X-Name": "Ana"}) as client:
        assert client.get("/clock").json() == "fake Ana"


def test_websockets(client: TestClient) -> None:
    with client.websocket_connect("/ws") as socket:
        socket.send_text("hola")
        assert socket.receive_text() == "HOLA"
    assert notes == ["closed 1000"]
    with pytest.raises(WebSocketRefused, match="403"), client.websocket_connect("/closed"):
        pass
    with client.websocket_connect("/ws") as socket, pytest.raises(Stuck):
        socket.receive_text()


def test_routers_and_applications_are_upstreams() -> None:
    users = Router()

    @users.get("/users/{id}")
    async def user(id: int) -> Any:
        return {"name": f"router {id}"}

    async def orders(scope: Any, receive: Any, send: Any) -> None:
        assert (scope["type"], scope["query_string"]) == ("http", b"user=7")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"[7]"})

    with TestClient(router, upstreams={"users": users, "orders": orders}) as client:
        assert client.get("/home/7").json() == {"name": "router 7", "orders": [7]}


def test_coroutines_have_a_client_of_their_own() -> None:
    async def main() -> None:
        async with AsyncTestClient(router, upstreams=UPSTREAMS) as client:
            assert (await client.get("/home/7")).json() == {"name": "user 7", "orders": [1]}
            both = await asyncio.gather(client.get("/slow"), client.get("/slow"))
            assert [answer.seconds for answer in both] == [2, 2]
            async with client.websocket_connect("/ws") as socket:
                await socket.send_text("a")
                assert await socket.receive_text() == "A"

    run(main())


def test_a_plain_client_in_a_coroutine_says_which_to_use(client: TestClient) -> None:
    async def main() -> None:
        with pytest.raises(RuntimeError, match="use AsyncTestClient"):
            client.get("/home/7")

    run(main())


def test_lifespan_runs_around_the_requests_of_a_with() -> None:
    from contextlib import asynccontextmanager

    seen: list[Any] = []

    @asynccontextmanager
    async def lifespan(app: Router) -> Any:
        seen.append("began")
        yield {"pool": 7}
        seen.append("ended")

    own = Router(lifespan=lifespan)

    @own.get("/")
    async def root(request: Request) -> Any:
        return request.state.pool

    with TestClient(own) as client:
        assert client.get("/").json() == 7
    assert seen == ["began", "ended"]


def test_what_everything_waits_for_and_never_comes_is_said() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="no timer"):
        run(main())


@pytest.mark.parametrize("first", ["get", "websocket"])
def test_a_websocket_and_a_get_may_share_a_path(first: str) -> None:
    router = Router()

    async def news() -> str:
        return "read"

    async def follow(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("followed")

    for kind in (first, "websocket" if first == "get" else "get"):
        getattr(router, kind)("/news")(news if kind == "get" else follow)
    with TestClient(router) as client:
        assert client.get("/news").json() == "read"
        with client.websocket_connect("/news") as socket:
            assert socket.receive_text() == "followed"
