"""WebSockets to upstreams, and the messages in them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import ConnectionType

from glorieta.handlers import Router, Upstream, UpstreamError, WebSocket, WebSocketDisconnect
from glorieta.handlers.live.messages import Messages, SocketClosed
from glorieta.handlers.live.websocket import accept_token
from glorieta.testing import AsyncTestClient, TestClient, run

CLIENT, SERVER = ConnectionType.CLIENT, ConnectionType.SERVER


class Wire:
    """One direction: what one side writes the other reads, cut as a test wants."""

    def __init__(self, cut: int = 0) -> None:
        self.pieces: deque[bytes] = deque()
        self.ended = False
        self._cut = cut

    def put(self, data: bytes) -> None:
        size = self._cut or len(data) or 1
        self.pieces.extend(data[start : start + size] for start in range(0, len(data), size))


class Side:
    def __init__(self, reads: Wire, writes: Wire) -> None:
        self._reads, self._writes = reads, writes

    async def read(self) -> bytes:
        return self._reads.pieces.popleft() if self._reads.pieces else b""

    async def write(self, data: bytes) -> None:
        self._writes.put(data)

    def end(self) -> None:
        self._writes.ended = True


def pair(cut: int = 0, largest: int = 2**20) -> tuple[Messages, Messages, Wire]:
    there, back = Wire(cut), Wire(cut)
    return Messages(Side(back, there), CLIENT), Messages(Side(there, back), SERVER, largest), there


@given(st.lists(st.one_of(st.text(), st.binary()), max_size=5), st.integers(1, 20))
def test_messages_arrive_whole_however_they_are_cut(messages: list[str | bytes], cut: int) -> None:
    async def main() -> None:
        client, server, _ = pair(cut)
        for message in messages:
            await client.send(message)
        assert [await server.receive() for _ in messages] == messages
        await client.close(3000, "done")
        with pytest.raises(SocketClosed) as closed:
            await server.receive()
        assert (closed.value.code, closed.value.reason) == (3000, "done")
        with pytest.raises(SocketClosed):
            await server.send("after the end")

    asyncio.run(main())


@given(st.binary(min_size=1))
def test_any_bytes_are_messages_or_the_end(data: bytes) -> None:
    async def main() -> None:
        _, server, wire = pair()
        wire.put(data)
        for _ in range(len(data) + 1):
            try:
                await server.receive()
            except SocketClosed as closed:
                codes.append(closed.code)
                break

    codes: list[int] = []

    asyncio.run(main())
    assert len(codes) == 1
    assert 1000 <= codes[0] <= 4999


def test_a_message_that_is_too_large_closes_with_1009() -> None:
    async def main() -> None:
        client, server, _ = pair(largest=10)
        await client.send("x" * 10)
        await client.send("x" * 11)
        assert await server.receive() == "x" * 10
        with pytest.raises(SocketClosed) as closed:
            await server.receive()
        assert closed.value.code == 1009
        with pytest.raises(SocketClosed) as closed:
            await client.receive()
        assert closed.value.code == 1009

    asyncio.run(main())


def test_the_handshakes_answer_is_that_of_the_specification() -> None:
    assert accept_token(b"dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


events = Router()
seen: list[Any] = []


@events.websocket("/events/{room}")
async def serve_events(socket: WebSocket, room: str) -> None:
    seen.append((room, socket.query_params["q"], socket.headers.get("x-request-id"), socket.headers.get("x-own")))
    await socket.accept("json" if "json" in socket.subprotocols else None)
    try:
        while True:
            await socket.send_text(f"{room} {await socket.receive_text()}")
    except WebSocketDisconnect as closed:
        seen.append(closed.code)


@events.websocket("/closed")
async def serve_closed(socket: WebSocket) -> None:
    await socket.close()


router = Router(calls=["events"])


@router.websocket("/live/{room}")
async def live(socket: WebSocket, room: str, events: Upstream) -> None:
    """Passes messages on in both directions."""
    async with events.websocket(
        "/events/{room}", path={"room": room}, params={"q": 1}, headers={"X-Own": "1"}, subprotocols=["json"]
    ) as upstream:
        await socket.accept()
        assert upstream.subprotocol == "json"
        async for message in socket.iter_text():
            if message == "leave":
                break
            await upstream.send(message)
            await socket.send(await upstream.receive())
        await socket.close()


@router.get("/first/{path:path}")
async def first(path: str, events: Upstream) -> str:
    try:
        async with events.websocket(f"/{path}", params={"q": 1}) as socket:
            await socket.send("hola")
            async for message in socket:
                return str(message)
    except UpstreamError as error:
        return f"{error.kind} {error.status}"
    return "closed"


def test_a_handler_speaks_with_an_upstream_in_both_directions() -> None:
    seen.clear()
    client = TestClient(router, upstreams={"events": events})
    with client, client.websocket_connect("/live/a b") as socket:
        for text in ("one", "two"):
            socket.send_text(text)
            assert socket.receive_text() == f"a b {text}"
        socket.send_text("leave")
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert seen == [("a b", "1", "test-1", "1"), 1000]


def test_an_upstream_that_opens_none_is_an_error() -> None:
    with TestClient(router, upstreams={"events": events}) as client:
        assert client.get("/first/events/room").json() == "room hola"
        assert client.get("/first/closed").json() == "status 403"
        client.fake(events={"/{any}": {"a": 1}})
        assert client.get("/first/other").json() == "status 200"


def test_a_client_that_goes_closes_the_upstreams_side() -> None:
    seen.clear()

    async def main() -> None:
        async with AsyncTestClient(router, upstreams={"events": events}) as client:
            async with client.websocket_connect("/live/room") as socket:
                await socket.send_text("x")
                assert await socket.receive_text() == "room x"
            (call,) = client.upstreams["events"].calls
            assert call.outcome != "under way"

    run(main())
    assert seen == [("room", "1", "test-1", "1"), 1000]
