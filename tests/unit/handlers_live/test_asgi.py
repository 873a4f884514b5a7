"""ASGI applications in the place of a router: by the letter of the protocol, and the well-known ones."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import pytest

from glorieta.handlers import HTTPException, UpstreamError, WebSocketDisconnect
from glorieta.handlers.asgi import mount
from glorieta.handlers.asgi.http import answer_http
from glorieta.handlers.asgi.lifespan import LifespanFailed
from glorieta.handlers.live.gather import gather
from glorieta.handlers.live.scope import CallScope, upstream
from glorieta.handlers.transport import CallResponse, Transport
from glorieta.testing import TestClient, TestResponse, WebSocketRefused, hanging
from harness.carrying import Pumped, pumped


def app_of(*messages: Any, seen: list[Any] | None = None) -> Any:
    """An application that keeps its scope, reads the whole body, and sends these messages."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        if seen is not None:
            seen.append(scope)
        more = scope["type"] == "http"
        body = b""
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if seen is not None:
            seen.append(body)
        for message in messages:
            await send(message)

    return app


START = {"type": "http.response.start", "status": 200, "headers": [(b"X-A", b"1")]}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def answered(app: Any, method: str = "GET", url: str = "/a", **what: Any) -> TestResponse:
    with TestClient(app, raise_server_exceptions=False) as client:
        return client.request(method, url, **what)


def test_an_application_is_told_of_the_request_and_answers() -> None:
    seen: list[Any] = []
    answer = answered(
        app_of(START, body(b"hola"), seen=seen),
        "POST",
        "/caf%C3%A9/a%2Fb?q=%C3%A9",
        content=[b"one ", b"two"],
        headers={"Host": "shop.example:8443", "X-B": "é"},
    )
    assert (answer.status_code, answer.headers["x-a"], answer.content, answer.reason) == (200, "1", b"hola", None)
    scope, received = seen
    assert received == b"one two"
    assert scope["asgi"]["version"] == "3.0"
    assert (scope["type"], scope["method"], scope["http_version"], scope["scheme"]) == ("http", "POST", "1.1", "http")
    assert (scope["path"], scope["raw_path"]) == ("/café/a/b", b"/caf%C3%A9/a%2Fb")
    assert (scope["query_string"], scope["root_path"]) == (b"q=%C3%A9", "")
    assert (scope["client"], scope["server"]) == (("192.0.2.1", 0), ("shop.example", 8443))
    assert (b"x-b", "é".encode("latin-1")) in scope["headers"]


def test_the_prefix_below_which_it_is_mounted_is_its_root_path() -> None:
    seen: list[Any] = []
    with TestClient(mount(app_of(START, body(b""), seen=seen), root_path="/shop/")) as client:
        client.get("/shop/items")
    assert (seen[0]["root_path"], seen[0]["path"]) == ("/shop", "/shop/items")


def test_a_body_in_pieces_is_streamed() -> None:
    answer = answered(app_of(START, body(b"a", True), body(b"", True), body(b"b", True), body(b"")))
    assert (answer.content, answer.reason) == (b"ab", None)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_what_has_no_body_gets_none(method: str, status: int) -> None:
    answer = answered(app_of({**START, "status": status}, body(b"none", True), body(b"")), method)
    assert (answer.status_code, answer.content) == (status, b"")


MISUSE: list[tuple[list[Any], int | str]] = [
    ([], 500),
    ([START], 500),
    ([body(b"x")], 500),
    ([{"type": "http.response.nonsense"}], 500),
    ([START, START], 500),
    ([START, body(b"x", True)], "cut"),
    ([START, body(b"x", True), START], "cut"),
]


@pytest.mark.parametrize(("messages", "outcome"), MISUSE)
def test_an_application_that_breaks_the_protocol_is_a_failure(messages: list[Any], outcome: int | str) -> None:
    answer = answered(app_of(*messages))
    if outcome == "cut":
        assert (answer.status_code, answer.content, answer.reason) == (200, b"x", "cut")
    else:
        assert (answer.status_code, answer.json()["request_id"]) == (500, "test-1")


def test_an_exception_is_a_500_and_the_tests_own() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("mine")

    with TestClient(app) as client, pytest.raises(KeyError, match="mine"):
        client.get("/")
    answer = answered(app)
    assert (answer.status_code, "mine" in answer.text) == (500, False)


def test_a_body_that_is_lost_is_a_disconnect_and_then_the_clients_fault() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(2):
            message = await receive()
            seen.append(message["type"])
        if scope["path"] == "/raises":
            raise OSError("disconnected")

    async def script(made: Pumped) -> None:
        for call, path in [(1, "/"), (2, "/raises")]:
            made.carrier.start(call, body=None, path=path)
            await made.idle()
            made.carrier.send(1, 0, call, b"half", False)
            made.carrier.send(2, 0, call, "body_too_large")
            await made.idle()

    carrier = pumped(script, mount(app).routes[0].serve)
    assert seen == ["http.request", "http.disconnect"] * 2
    assert [status for _, _, status, *_ in carrier.heard("answer")] == [413, 413]


def test_a_client_that_goes_cancels_the_application() -> None:
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("ended")

    with TestClient(app) as client:
        ongoing = client.begin("GET", "/")
        ongoing.disconnect()
        client.idle()
    assert ended == ["ended"]


def test_after_the_answer_there_is_a_disconnect() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(body(b"x"))
        seen.append(await receive())
        await send(body(b"after the end"))

    assert answered(app).content == b"x"
    assert seen == [{"type": "http.disconnect"}]


def lifespan_app(seen: list[Any], *, start: str = "complete", stop: str = "complete") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            scope["state"]["pool"] = 7
            seen.append((await receive())["type"])
            await send({"type": f"lifespan.startup.{start}", "message": "no database"})
            seen.append((await receive())["type"])
            await send({"type": f"lifespan.shutdown.{stop}", "message": "no goodbye"})
            return
        seen.append(dict(scope["state"]))
        scope["state"]["own"] = 1
        await app_of(START, body(b""))(scope, receive, send)

    return app


def test_its_lifespan_runs_around_the_requests_and_its_state_is_copied() -> None:
    seen: list[Any] = []
    with TestClient(lifespan_app(seen)) as client:
        client.get("/")
        client.get("/")
    assert seen == ["lifespan.startup", {"pool": 7}, {"pool": 7}, "lifespan.shutdown"]


def test_a_lifespan_that_fails_says_so() -> None:
    with pytest.raises(LifespanFailed, match="no database"), TestClient(lifespan_app([], start="failed")):
        raise AssertionError("it started")
    with pytest.raises(LifespanFailed, match="no goodbye"), TestClient(lifespan_app([], stop="failed")):
        pass


SOCKET = {"type": "websocket.accept", "subprotocol": "chat", "headers": [(b"x-a", b"1")]}


async def echo(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        return
    assert (scope["scheme"], scope["subprotocols"]) == ("ws", ["chat", "other"])
    assert await receive() == {"type": "websocket.connect"}
    await send(SOCKET)
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") == "close":
            await send({"type": "websocket.close", "code": 3001, "reason": "asked for"})
        elif "text" in message:
            await send({"type": "websocket.send", "text": message["text"].upper()})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"] * 2})
    assert message["type"] == "websocket.disconnect"


def test_a_websocket_is_opened_used_and_closed_by_either_side() -> None:
    with TestClient(echo) as client:
        with client.websocket_connect("/ws", subprotocols=["chat", "other"]) as socket:
            assert socket.accepted_subprotocol == "chat"
            socket.send_text("hola")
            assert socket.receive_text() == "HOLA"
            socket.send_bytes(b"x" * 70_000)
            assert socket.receive_bytes() == b"x" * 140_000
        with client.websocket_connect("/ws", subprotocols=["chat", "other"]) as socket:
            socket.send_text("close")
            with pytest.raises(WebSocketDisconnect) as closed:
                socket.receive_text()
            assert (closed.value.code, closed.value.reason) == (3001, "asked for")


REFUSALS: list[tuple[list[Any], int, bytes | None]] = [
    ([{"type": "websocket.close"}], 403, None),
    (
        [
            {"type": "websocket.http.response.start", "status": 418, "headers": []},
            {"type": "websocket.http.response.body", "body": b"no"},
        ],
        418,
        b"no",
    ),
    ([], 500, None),
    ([{"type": "websocket.send", "text": "early"}], 500, None),
    ([{"type": "websocket.http.response.body", "body": b""}], 500, None),
]


@pytest.mark.parametrize(("messages", "status", "content"), REFUSALS)
def test_a_websocket_may_be_refused(messages: list[Any], status: int, content: bytes | None) -> None:
    client = TestClient(app_of(*messages), raise_server_exceptions=False)
    with client, pytest.raises(WebSocketRefused) as refused, client.websocket_connect("/ws"):
        pass
    assert refused.value.response.status_code == status
    assert content is None or refused.value.response.content == content


def test_an_open_websocket_whose_application_fails_is_closed_with_1011() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        await send({"type": "websocket.accept"})
        raise KeyError("mine")

    with TestClient(app, raise_server_exceptions=False) as client, client.websocket_connect("/ws") as socket:
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert closed.value.code == 1011


def test_what_it_may_call_is_declared_and_enforced() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        (user, ads) = await gather(upstream("users").get("/me").json(), upstream("ads").get("/").json().optional(None))
        await send({**START, "headers": []})
        await send(body(f"{user['name']} {ads}".encode()))
        with pytest.raises(LookupError, match=r"add it to calls= \(which has users, ads\)"):
            upstream("orders")

    fakes = {"users": {"/me": {"name": "Ana"}}, "ads": {"/": hanging()}}
    with TestClient(mount(app, calls=["users", "ads"]), upstreams=fakes) as client:
        answer = client.get("/", deadline="1s")
    assert (answer.text, answer.missing, answer.seconds) == ("Ana None", ["ads"], pytest.approx(0.95))


def test_fastapi_runs_in_place() -> None:
    fastapi = pytest.importorskip("fastapi")
    responses = pytest.importorskip("fastapi.responses")
    seen: list[str] = []

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        seen.append("began")
        yield {"pool": 7}
        seen.append("ended")

    app = fastapi.FastAPI(lifespan=lifespan)

    async def items(request: Any, item: int, tasks: Any, q: str = "none") -> Any:
        tasks.add_task(seen.append, "background")
        return {"item": item, "q": q, "pool": request.state.pool}

    items.__annotations__ |= {"request": fastapi.Request, "tasks": fastapi.BackgroundTasks, "item": int, "q": str}
    app.get("/items/{item}")(items)

    @app.get("/plain")
    def plain() -> str:
        return "on a thread"

    @app.get("/stream")
    async def stream() -> Any:
        async def pieces() -> Any:
            for index in range(3):
                yield str(index)
                await asyncio.sleep(1)

        return responses.StreamingResponse(pieces())

    @app.get("/me")
    async def me() -> Any:
        try:
            return await upstream("users").get("/me").json()
        except UpstreamError as error:
            raise fastapi.HTTPException(error.problem().status) from None

    async def socket(websocket: Any) -> None:
        await websocket.accept()
        await websocket.send_text(await websocket.receive_text() * 2)
        await websocket.close()

    socket.__annotations__["websocket"] = fastapi.WebSocket
    app.websocket("/ws")(socket)
    users = {"users": {"/me": {"name": "Ana"}}}
    with TestClient(mount(app, calls=["users"]), upstreams=users) as client:
        assert client.get("/items/3?q=a").json() == {"item": 3, "q": "a", "pool": 7}
        assert client.get("/items/x").status_code == 422
        assert client.get("/plain").json() == "on a thread"
        assert client.get("/stream").text == "012"
        assert client.get("/me").json() == {"name": "Ana"}
        with client.websocket_connect("/ws") as session:
            session.send_text("ab")
            assert session.receive_text() == "abab"
        client.fake(users={"/me": 404})
        assert client.get("/me").status_code == 404
    assert seen == ["began", "background", "ended"]


def test_starlettes_streams_end_when_the_client_goes() -> None:
    applications = pytest.importorskip("starlette.applications")
    responses = pytest.importorskip("starlette.responses")
    routing = pytest.importorskip("starlette.routing")
    ended: list[str] = []

    async def stream(request: Any) -> Any:
        async def pieces() -> Any:
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(1)
            finally:
                ended.append("ended")

        return responses.StreamingResponse(pieces())

    app = applications.Starlette(routes=[routing.Mount("/shop", routes=[routing.Route("/stream", stream)])])
    with TestClient(app) as client:
        ongoing = client.begin("GET", "/shop/stream")
        client.advance("2500ms")
        assert ongoing.received == b"xxx"
        ongoing.disconnect()
        client.idle()
        assert ongoing.is_over
    assert ended == ["ended"]


def test_django_runs_in_place() -> None:
    django = pytest.importorskip("django", reason="Django is not installed, so nobody knows whether it can be mounted")
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpResponse
    from django.urls import path

    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of a test", DEBUG=False)
        django.setup()

    async def view(request: Any, name: str) -> Any:
        return HttpResponse(f"{name} {request.method} {request.META['SCRIPT_NAME']} {request.body.decode()}")

    globals()["urlpatterns"] = [path("hello/<str:name>/", view)]
    with TestClient(mount(get_asgi_application(), root_path="/legacy")) as client:
        answer = client.post("/legacy/hello/ana/", content=b"body")
    assert (answer.status_code, answer.text) == (200, "ana POST /legacy body")


def test_a_plain_function_is_no_application() -> None:
    with pytest.raises(TypeError, match="neither a Router nor an ASGI application"):
        TestClient(lambda call: 200)
    assert issubclass(HTTPException, Exception)


# After the answer.


def carried(app: Any, *messages: tuple[Any, ...], calls: tuple[str, ...] = ("users",)) -> list[str]:
    """What is said to the engine of one request to an application, once these messages have come."""

    async def handler(transport: Transport, scope: CallScope) -> None:
        await answer_http(app, {"path": "/"}, transport, scope)

    async def script(made: Pumped) -> None:
        made.carrier.start()
        await made.idle()
        for message in messages:
            made.carrier.send(*message)
            await made.idle()
        await asyncio.sleep(2)
        assert not made.pump.is_busy()

    return [message[0] for message in pumped(script, handler, calls=calls).said]


async def sends(send: Any, *pieces: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for place, piece in enumerate(pieces):
        await send({"type": "http.response.body", "body": piece, "more_body": place + 1 < len(pieces)})


def test_an_application_that_may_call_upstreams_may_do_so_until_it_returns() -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await sends(send, b"x")

    assert carried(app) == ["linger", "answer", "done"]
    assert carried(app, calls=()) == ["answer"]


@pytest.mark.parametrize("calls", [(), ("users",)], ids=["calls nobody", "calls"])
@pytest.mark.parametrize(
    "pieces", [(b"x",), (b"x", b""), (b"x", b"y"), (b"x" * 200_000,)], ids=["whole", "ended", "pieces", "large"]
)
def test_the_answer_has_left_before_an_application_goes_on(pieces: tuple[bytes, ...], calls: tuple[str, ...]) -> None:
    """It may block the event loop from there on."""
    left: list[tuple[list[str], bool]] = []

    async def handler(transport: Transport, scope: CallScope) -> None:
        async def app(_: Any, __: Any, send: Any) -> None:
            await sends(send, *pieces)
            left.append((carrier.signalled, transport.over))  # type: ignore[attr-defined]

        await answer_http(app, {"path": "/"}, transport, scope)

    async def script(made: Pumped) -> None:
        nonlocal carrier
        carrier = made.carrier
        made.carrier.start()
        for _ in range(10):
            await made.idle()
            made.carrier.send(4, 0, 1, 40_000)
        await made.idle()

    carrier: Any = None
    said = [message[0] for message in pumped(script, handler, calls=calls).said]
    ((signalled, over),) = left
    assert over
    assert signalled == [name for name in said if name != "done"]


def test_an_application_that_goes_on_may_call_upstreams() -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await sends(send, b"x")
        await upstream("users").get("/")

    assert carried(app, (5, 0, 1, 0, CallResponse(200, [], b""))) == ["linger", "answer", "call", "done"]


def test_so_may_one_that_answers_in_pieces() -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await sends(send, b"x", b"")
        await upstream("users").get("/")

    said = carried(app, (4, 0, 1, 1000), (5, 0, 1, 0, CallResponse(200, [], b"")))
    assert said == ["answer", "answer_body", "linger", "answer_body", "call", "done"]


def test_one_that_calls_nobody_needs_no_leave_to_go_on() -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await sends(send, b"x")
        await asyncio.sleep(1)

    assert carried(app, calls=()) == ["answer"]


def test_one_that_fails_after_its_answer_has_answered(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await sends(send, b"x")
        raise KeyError("of the application")

    assert carried(app, calls=()) == ["answer"]
    assert "of the application" in caplog.text


def test_a_test_sees_the_calls_that_an_application_makes_after_its_answer() -> None:
    async def app(scope: Any, _: Any, send: Any) -> None:
        if scope["type"] == "http":
            await sends(send, b"x")
            assert (await upstream("users").get("/7")).json() == {"name": "Ana"}

    with TestClient(mount(app, calls=("users",)), upstreams={"users": {"GET /7": {"name": "Ana"}}}) as client:
        assert client.get("/").text == "x"
        assert [call.path for call in client.upstreams["users"].calls] == ["/7"]
