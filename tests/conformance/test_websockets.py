"""WebSocket (RFC 6455) with a real client and a real server on either side."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.typing import Subprotocol

from harness import Engine, Runner, wait_until
from harness.plan import http, plan, proxy, route, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHAT = Subprotocol("chat")


class WebSocketService:
    """Echoes. `close CODE` closes with that code, `drop` drops the connection."""

    def __init__(self) -> None:
        self.closes: list[tuple[int | None, str | None]] = []
        self.headers: list[dict[str, str]] = []
        self.ready = threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True)
        self.thread.start()
        assert self.ready.wait(10)

    async def run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        async with serve(
            self.handle, "127.0.0.1", 0, max_size=None, subprotocols=[CHAT], select_subprotocol=first_or_none
        ) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.ready.set()
            await self.ended.wait()

    async def handle(self, connection: ServerConnection) -> None:
        assert connection.request
        self.headers.append(dict(connection.request.headers))
        try:
            async for text in connection:
                if isinstance(text, str) and text.startswith("close "):
                    await connection.close(int(text[6:]), "as told")
                elif text == "drop":
                    connection.transport.abort()
                else:
                    await connection.send(text)
        except ConnectionClosedError:
            pass
        self.closes.append((connection.close_code, connection.close_reason))

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join(10)


def first_or_none(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Takes part also with clients that name no subprotocol."""
    return offered[0] if offered else None


@pytest.fixture(scope="module")
def service() -> Iterator[WebSocketService]:
    made = WebSocketService()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def edge(start: Runner, service: WebSocketService) -> Engine:
    listener = http([route("/chat/*", proxy(strip_prefix="/chat")), route("/*", proxy())])
    return start.engine(plan(listener, [upstream("service", f"127.0.0.1:{service.port}")]))


def test_messages_of_every_kind_and_size(edge: Engine, service: WebSocketService) -> None:
    async def talk() -> None:
        address = f"ws://127.0.0.1:{edge.port}/chat/room?x=1"
        async with connect(address, subprotocols=[CHAT], max_size=None, compression="deflate") as connection:
            assert connection.subprotocol == CHAT
            texts: list[str | bytes] = [
                "",
                "hello",
                "ñandú",
                b"",
                b"\x00\xff",
                "x" * 126,
                "x" * 65_536,
                b"y" * 1_000_003,
            ]
            for text in texts:
                await connection.send(text)
                assert await connection.recv() == text
            await connection.send(["frag", "ment", "ed"])
            assert await connection.recv() == "fragmented"
            assert await (await connection.ping()) >= 0
            await connection.close(1000, "thanks")
        assert connection.close_code == 1000

    asyncio.run(talk())
    wait_until(lambda: (1000, "thanks") in service.closes, what="the close at the service")
    assert service.headers[-1]["x-forwarded-prefix"] == "/chat"


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_the_services_close_reaches_the_client(edge: Engine, code: int) -> None:
    async def talk() -> tuple[int | None, str | None]:
        async with connect(f"ws://127.0.0.1:{edge.port}/") as connection:
            await connection.send(f"close {code}")
            await connection.wait_closed()
            return connection.close_code, connection.close_reason

    assert asyncio.run(talk()) == (code, "as told")


@pytest.mark.parametrize("code", [1000, 1001, 3000])
def test_the_clients_close_reaches_the_service(edge: Engine, service: WebSocketService, code: int) -> None:
    async def talk() -> None:
        async with connect(f"ws://127.0.0.1:{edge.port}/") as connection:
            await connection.close(code, "enough")

    before = len(service.closes)
    asyncio.run(talk())
    # The end of a test before this one may still be on its way there.
    wait_until(lambda: (code, "enough") in service.closes[before:], what="the close at the service")


def test_a_dropped_connection_is_dropped_on_the_other_side(edge: Engine, service: WebSocketService) -> None:
    async def by_service() -> int | None:
        async with connect(f"ws://127.0.0.1:{edge.port}/") as connection:
            await connection.send("drop")
            await asyncio.wait_for(connection.wait_closed(), 5)
            return connection.close_code

    async def by_client() -> None:
        connection = await connect(f"ws://127.0.0.1:{edge.port}/")
        connection.transport.abort()

    assert asyncio.run(by_service()) == 1006
    before = len(service.closes)
    asyncio.run(by_client())
    [(code, _)] = wait_until(lambda: service.closes[before:], what="the service's noticing that the client has gone")
    assert code == 1006


def test_many_at_once(edge: Engine) -> None:
    async def one(number: int) -> None:
        async with connect(f"ws://127.0.0.1:{edge.port}/{number}") as connection:
            for turn in range(10):
                await connection.send(f"{number} {turn}")
                assert await connection.recv() == f"{number} {turn}"

    async def talk() -> None:
        await asyncio.gather(*(one(number) for number in range(100)))

    asyncio.run(talk())


def test_a_refused_handshake_is_an_answer(edge: Engine) -> None:
    async def talk() -> int:
        try:
            async with connect(f"ws://127.0.0.1:{edge.port}/", additional_headers={"Sec-WebSocket-Version": "7"}):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    assert asyncio.run(talk()) in (400, 426)
