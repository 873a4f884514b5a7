"""WebSockets from the handshake to the last message."""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from glorieta.handlers import Depends, HTTPException, Query, Router, WebSocket, WebSocketDisconnect, WebSocketException
from glorieta.handlers.transport import BodyLost
from glorieta.testing.exchange import Exchange
from harness.asked import Answer, ask

HANDSHAKE = {
    "host": "shop.example",
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Client:
    """The client's end."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.connection = Connection(ConnectionType.CLIENT)
        self.events: list[Event] = []

    def send(self, event: Event) -> None:
        self.exchange.inbox.put(self.connection.send(event))

    async def next(self) -> Event:
        while not self.events:
            piece = await asyncio.wait_for(self.exchange.outbox.get(), 60)
            assert piece, "the answer ended"
            self.connection.receive_data(piece)
            self.events += self.connection.events()
        return self.events.pop(0)


def opened(router: Router, talk: Callable[[Client], Awaitable[None]], target: str = "/", **headers: str) -> Answer:
    """Opens a WebSocket and talks."""
    fields = {**HANDSHAKE, **{name.replace("_", "-"): value for name, value in headers.items()}}

    async def client(exchange: Exchange) -> None:
        await exchange.head()
        if exchange.status == 101:
            await talk(Client(exchange))

    return ask(router, "GET", target, headers=fields, client=client)


def refused(router: Router, target: str = "/", **headers: str | None) -> Answer:
    """Asks for one that is not opened."""
    fields = {**HANDSHAKE, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return ask(router, "GET", target, headers={name: value for name, value in fields.items() if value is not None})


def test_messages_both_ways_and_values_of_the_request() -> None:
    router = Router()

    async def who(websocket: WebSocket, q: str) -> str:
        return f"{q} from {websocket.client.host}"

    @router.websocket("/rooms/{room}")
    async def talk(websocket: WebSocket, room: int, who: Annotated[str, Depends(who)]) -> None:
        await websocket.accept(subprotocol="chat", headers={"x-a": "b"})
        await websocket.send_json({"room": room, "who": who})
        await websocket.send_text((await websocket.receive_text()).upper())
        await websocket.send_bytes((await websocket.receive_bytes())[::-1])
        await websocket.send_json(await websocket.receive_json())
        await websocket.close(4000, "enough")

    async def client(client: Client) -> None:
        assert (await client.next()) == TextMessage('{"room":7,"who":"me from 192.0.2.1"}')
        client.send(TextMessage("é", message_finished=False))
        client.send(TextMessage("t", message_finished=True))
        assert (await client.next()) == TextMessage("ÉT")
        client.send(BytesMessage(b"abc"))
        assert (await client.next()) == BytesMessage(bytearray(b"cba"))
        client.send(Ping(b"p"))
        assert (await client.next()) == Pong(b"p")
        client.send(TextMessage("[1]"))
        assert (await client.next()) == TextMessage("[1]")
        assert (await client.next()) == CloseConnection(4000, "enough")

    answer = opened(router, client, "/rooms/7?q=me", sec_websocket_protocol="other, chat")
    assert answer.status == 101
    assert answer.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert (answer.header("sec-websocket-protocol"), answer.header("x-a")) == ("chat", "b")


def test_a_client_that_closes_ends_the_iteration() -> None:
    router, seen = Router(), []

    @router.websocket("/")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        async for message in websocket.iter_json():
            seen.append(message)
        with pytest.raises(WebSocketDisconnect) as closed:
            await websocket.send_text("late")
        seen.append(closed.value.code)

    async def client(client: Client) -> None:
        client.send(TextMessage("1"))
        client.send(CloseConnection(1001, "bye"))
        assert (await client.next()) == CloseConnection(1001, "bye")

    opened(router, client)
    assert seen == [1, 1001]


@pytest.mark.parametrize("lost", [None, BodyLost("client_gone")])
def test_a_client_that_is_gone(lost: BodyLost | None) -> None:
    router, seen = Router(), []

    @router.websocket("/")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await websocket.receive_text()
        except WebSocketDisconnect as gone:
            seen.append(gone.code)

    async def client(client: Client) -> None:
        client.exchange.inbox.end(lost)

    opened(router, client)
    assert seen == [1006]


@pytest.mark.parametrize(
    ("event", "receive", "code"),
    [
        (BytesMessage(b"x"), "receive_text", 1003),
        (TextMessage("x"), "receive_bytes", 1003),
        (TextMessage("{"), "receive_json", 1007),
        (TextMessage("NaN"), "receive_json", 1007),
        (TextMessage("a" * 1100), "receive_text", 1009),
    ],
)
def test_messages_that_are_not_what_is_asked_for(event: Event, receive: str, code: int) -> None:
    router = Router(max_body_size="1KiB")

    @router.websocket("/")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await getattr(websocket, receive)()

    async def client(client: Client) -> None:
        client.send(event)
        closed = await client.next()
        assert isinstance(closed, CloseConnection) and closed.code == code

    opened(router, client)


def test_a_handler_that_returns_closes_and_one_that_fails_says_so(caplog: pytest.LogCaptureFixture) -> None:
    router, told = Router(), []

    async def resource() -> AsyncIterator[None]:
        try:
            yield
        except RuntimeError:
            told.append("seen")
            raise
        finally:
            told.append("closed")

    @router.websocket("/{kind}")
    async def talk(websocket: WebSocket, kind: str, resource: Annotated[None, Depends(resource)]) -> None:
        await websocket.accept()
        if kind == "fails":
            raise RuntimeError("why")
        if kind == "refuses":
            raise WebSocketException(1008, "policy")

    async def closed_with(target: str, expected: CloseConnection) -> None: ...

    for target, expected in (
        ("/returns", CloseConnection(1000, "")),
        ("/refuses", CloseConnection(1008, "policy")),
        ("/fails", CloseConnection(1011, "")),
    ):

        async def client(client: Client, expected: CloseConnection = expected) -> None:
            closed = await client.next()
            assert isinstance(closed, CloseConnection)
            assert (closed.code, closed.reason or "") == (expected.code, expected.reason)

        opened(router, client, target)
    assert told == ["closed", "closed", "seen", "closed"]
    assert "RuntimeError: why" in caplog.text


def test_a_refusal_that_cannot_be_sent_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()

    @router.websocket("/")
    async def talk(websocket: WebSocket) -> None:
        raise HTTPException(400, {"secret": math.nan})

    answer = refused(router)
    assert (answer.status, answer.json["request_id"], "secret" in answer.text) == (500, "an-id", False)
    assert "NaN and Infinity are no JSON" in caplog.text


def test_handshakes_that_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()

    @router.websocket("/{kind}")
    async def talk(websocket: WebSocket, kind: str, n: Annotated[int, Query()] = 0) -> None:
        if kind == "raises":
            raise HTTPException(401, "who are you?")
        if kind == "closes":
            await websocket.close(1008, "no")
        if kind == "refuses":
            raise WebSocketException(1008, "no")
        if kind == "fails":
            raise RuntimeError("why")
        if kind == "protocol":
            await websocket.accept(subprotocol="chat")

    assert refused(router, "/raises").status == 401
    for kind in ("closes", "refuses", "returns"):
        assert refused(router, f"/{kind}").status == 403
    answer = refused(router, "/fails")
    assert (answer.status, answer.json["request_id"]) == (500, "an-id")
    assert refused(router, "/protocol").status == 500
    assert "does not offer the subprotocol 'chat'" in caplog.text
    assert refused(router, "/x?n=y").errors() == [("query", "n", None, "int_parsing")]
    answer = refused(router, "/x", upgrade=None)
    assert (answer.status, answer.header("upgrade"), answer.json["code"]) == (426, "websocket", "websocket_expected")
    assert refused(router, "/x", sec_websocket_version="8").header("sec-websocket-version") == "13"
    assert refused(router, "/x", sec_websocket_key=None).status == 400


def test_a_socket_has_no_body() -> None:
    from glorieta.handlers import RouterError

    router = Router()

    @router.websocket("/")
    async def talk(websocket: WebSocket, item: dict[str, Any]) -> None: ...

    with pytest.raises(RouterError, match="has no body"):
        router.table()


def test_using_it_before_it_is_open_is_told_in_words(caplog: pytest.LogCaptureFixture) -> None:
    router = Router()

    @router.websocket("/")
    async def talk(websocket: WebSocket) -> None:
        await websocket.send_text("early")

    assert refused(router).status == 500
    assert "await websocket.accept() first" in caplog.text
