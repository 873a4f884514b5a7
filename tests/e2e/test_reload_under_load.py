"""Twenty reloads under load: no request lost, no kept-alive connection dropped, nothing cut."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from harness import Engine, HttpUpstream, Load, RawClient, Runner, Services, TcpEcho, build, get
from harness.plan import Document, addresses, headers, http, max_body, plan, proxy, respond, route, tcp, upstream

RELOADS = 20
CONNECTIONS = 24


class WebSocketEcho:
    def __init__(self) -> None:
        self.ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.run()), daemon=True).start()
        assert self.ready.wait(10)

    async def run(self) -> None:
        async def echo(connection: ServerConnection) -> None:
            async for text in connection:
                await connection.send(text)

        self.loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        async with serve(echo, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.ready.set()
            await self.ended.wait()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.ended.set)


class Heartbeat:
    """One WebSocket and one layer-4 connection that must answer all the time."""

    def __init__(self, edge: Engine):
        self.edge = edge
        self.beats = 0
        self.failure: BaseException | None = None
        self.stopping = False
        self.threads = [threading.Thread(target=self.guard, args=(each,)) for each in (self.websocket, self.layer_4)]
        for thread in self.threads:
            thread.start()

    def guard(self, beat: Callable[[], None]) -> None:
        try:
            beat()
        except BaseException as failure:
            self.failure = failure

    def websocket(self) -> None:
        async def talk() -> None:
            async with connect(f"ws://127.0.0.1:{self.edge.ports['web']}/socket", close_timeout=2) as connection:
                while not self.stopping:
                    await connection.send(str(self.beats))
                    await asyncio.wait_for(connection.recv(), 5)
                    self.beats += 1
                    await asyncio.sleep(0.01)

        asyncio.run(talk())

    def layer_4(self) -> None:
        with RawClient(self.edge.ports["mail"]) as client:
            while not self.stopping:
                client.send(b"beat")
                assert client.reader.exactly(4) == b"beat"
                self.beats += 1
                time.sleep(0.01)

    def stop(self) -> None:
        self.stopping = True
        for thread in self.threads:
            thread.join(10)
        if self.failure:
            raise AssertionError("a connection that should outlive reloads ended") from self.failure


@pytest.fixture
def three(own_services: Services) -> list[HttpUpstream]:
    return [own_services.http(name, delay=0.002) for name in ("one", "two", "three")]


def version(number: int, three: list[HttpUpstream], echo: str, socket: int) -> Document:
    """The Plan of one turn: other routes, other endpoints, another filter, and every second time a listener more."""
    chosen = random.Random(number).sample(three, 2)
    mark = headers({"set": {"X-Turn": str(number)}}, {"set": {"X-Mark": f"{number}"}})
    filters = [mark, max_body(1000 + number)] if number % 2 else [addresses(deny=[f"192.0.2.{number}"]), mark]
    routes = [
        route("/load/*", proxy(rewrite=f"/turn/{number}"), filters=filters),
        route("/socket", proxy("socket")),
        *[route(f"/extra/{each}", respond(str(each))) for each in range(number, number + 5)],
    ]
    listeners = [http(routes), tcp("echo")]
    if number % 2:
        listeners.append(http([route("/*", proxy(), filters=[mark])], "extra"))
    upstreams = [
        upstream("service", [each.address for each in chosen], pool={"max_connections": 100 + number}),
        upstream("socket", f"127.0.0.1:{socket}"),
        upstream("echo", echo),
    ]
    return plan(listeners, upstreams, version=f"{number:012x}")


@pytest.mark.timeout(120)
def test_twenty_reloads_under_load(launch: Runner, own_services: Services, three: list[HttpUpstream]) -> None:
    echo, sockets = own_services.keep(TcpEcho()), own_services.keep(WebSocketEcho())
    edge = launch.engine(version(0, three, echo.address, sockets.port))
    heartbeat = Heartbeat(edge)
    reading = Load(edge.port, "/load/get", CONNECTIONS)
    writing = Load(edge.port, "/load/post", CONNECTIONS // 2, method="POST")
    with reading, writing:
        for number in range(1, RELOADS + 1):
            time.sleep(0.25)
            edge.reload(version(number, three, echo.address, sockets.port))
            assert get(edge.port, "/load/now").header("X-Mark") == str(number)
            assert get(edge.port, f"/extra/{number + 4}").status == 200
            if number % 2:
                assert get(edge.ports["extra"], "/").header("X-Mark") == str(number)
        time.sleep(0.25)
    heartbeat.stop()
    for load, connections in ((reading, CONNECTIONS), (writing, CONNECTIONS // 2)):
        assert load.failures == []
        assert set(load.statuses) == {200}
        assert load.opened == connections, "a kept-alive connection was closed"
        assert set(load.marks) == {str(number) for number in range(RELOADS + 1)}, "an answer without its Plan's version"
        assert load.answered > 20 * RELOADS
    assert heartbeat.beats > 10 * RELOADS
    for service in three:
        assert service.errors == []
        turns = {(each.header("X-Turn"), each.target) for each in service.requests if each.target.startswith("/turn")}
        assert turns and all(target == f"/turn/{turn}" for turn, target in turns), "a mix of two Plans"


def test_new_connections_under_reloads(launch: Runner, own_services: Services, three: list[HttpUpstream]) -> None:
    """Each request on a connection of its own, so that accepting is tested too."""
    echo, sockets = own_services.keep(TcpEcho()), own_services.keep(WebSocketEcho())
    edge = launch.engine(version(0, three, echo.address, sockets.port))
    ended, failures, answered = threading.Event(), [], [0]

    def ask() -> None:
        while not ended.is_set():
            try:
                with RawClient(edge.port) as client:
                    response = client.exchange(build("GET", "/load/x", {"Connection": "close"}))
                    assert response.status == 200, response
                    answered[0] += 1
            except (OSError, AssertionError) as failure:
                failures.append(failure)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for number in range(1, RELOADS + 1):
        time.sleep(0.1)
        edge.reload(version(number, three, echo.address, sockets.port))
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert answered[0] > 200
