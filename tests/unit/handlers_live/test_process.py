"""The life of a handler process: lifespan, requests, and an orderly end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from glorieta.handlers import Request, Router
from glorieta.handlers.asgi import mount
from glorieta.handlers.serving.process import Settings, serve
from harness.carrying import PlayedCarrier


@pytest.fixture(autouse=True)
def the_collector_is_as_before() -> Any:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


QUICK = Settings(threads=2, grace=0.05)


class Life:
    """A router that keeps what happens to it."""

    def __init__(self) -> None:
        self.happened: list[str] = []
        self.router = Router(calls=["users"], lifespan=self.lifespan)
        self.router.get("/stop")(self.stop)
        self.router.get("/endless")(self.endless)
        self.router.get("/thread")(self.thread)
        self.carrier = PlayedCarrier()

    @asynccontextmanager
    async def lifespan(self, app: Router) -> Any:
        self.happened.append("began")
        yield {"pool": 7}
        self.happened.append("ended")

    async def stop(self, request: Request) -> Any:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(0)
        return request.state.pool

    async def endless(self) -> None:
        signal.raise_signal(signal.SIGTERM)
        try:
            await asyncio.sleep(3600)
        finally:
            self.happened.append("cancelled")

    def thread(self) -> str:
        signal.raise_signal(signal.SIGTERM)
        return threading.current_thread().name

    def serve(self, ready: Callable[[], None], **options: Any) -> int:
        return serve(self.carrier, [self.router.table()], ready=ready, settings=QUICK, **options)


@pytest.mark.parametrize(
    ("route", "answer"), [(0, [(200, b"7")]), (1, [])], ids=["a request under way is answered", "an endless one is not"]
)
def test_a_process_begins_serves_and_stops_in_order(route: int, answer: list[Any]) -> None:
    life = Life()

    def ready() -> None:
        life.happened.append("ready")
        life.carrier.start(route=route)

    assert life.serve(ready) == 0
    assert life.happened == ["began", "ready", *(["cancelled"] if not answer else []), "ended"]
    assert [(status, body) for _, _, status, _, body in life.carrier.heard("answer")] == answer


def test_functions_that_are_not_asynchronous_run_on_threads_of_their_own() -> None:
    life = Life()
    assert life.serve(lambda: life.carrier.start(route=2)) == 0
    ((_, _, status, _, body),) = life.carrier.heard("answer")
    assert status == 200
    assert body.startswith(b'"glorieta-handler')


def test_it_ends_when_whoever_started_it_has_ended() -> None:
    life = Life()
    reading, writing = os.pipe()
    try:
        assert life.serve(lambda: os.close(writing), parent=reading) == 0
    finally:
        os.close(reading)
    assert life.happened == ["began", "ended"]


def test_handlers_are_not_waited_for_when_nobody_waits_for_their_answers() -> None:
    life = Life()
    reading, writing = os.pipe()

    async def endless() -> None:
        os.close(writing)
        await asyncio.sleep(3600)

    life.router.get("/orphan")(endless)
    patient = Settings(threads=2, grace=3600)
    tables = [life.router.table()]
    try:
        assert (
            serve(life.carrier, tables, ready=lambda: life.carrier.start(route=3), parent=reading, settings=patient)
            == 0
        )
    finally:
        os.close(reading)
    assert life.happened == ["began", "ended"]


def test_a_broken_link_ends_it_with_1(caplog: pytest.LogCaptureFixture) -> None:
    life = Life()

    def ready() -> None:
        life.carrier.broken = True
        life.carrier.send(3, 0, 1)

    assert life.serve(ready) == 1
    assert "the link to the engine is broken: a message of no known kind" in caplog.text
    assert life.happened == ["began", "ended"]


def test_a_lifespan_that_fails_ends_it_with_1_before_it_is_ready(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def lifespan(app: Router) -> Any:
        raise KeyError("no database")
        yield

    def ready() -> None:
        raise AssertionError("it is not")

    assert serve(PlayedCarrier(), [Router(lifespan=lifespan).table()], ready=ready) == 1
    assert "KeyError: 'no database'" in caplog.text
    assert "  at lifespan (" in caplog.text


def test_routes_of_several_applications_are_numbered_one_after_the_other() -> None:
    first, second = Router(calls=["a"]), Router(calls=["b", "c"])

    @first.get("/one")
    async def one() -> str:
        return "one"

    @second.get("/two")
    async def two(request: Request) -> Any:
        await request.call_scope.upstream("c").get("/").optional(None)
        signal.raise_signal(signal.SIGTERM)
        return request.call_scope.surroundings.calls

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 418, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    carrier = PlayedCarrier()

    def ready() -> None:
        carrier.start(1, route=0)
        carrier.start(2, route=2)
        carrier.start(3, route=1)
        carrier.when["call"] = lambda: carrier.send(7, 0, 3, 0, "refused", "", 1)

    assert serve(carrier, [first.table(), second.table(), mount(app)], ready=ready, settings=QUICK) == 0
    assert {call: (status, body) for _, call, status, _, body in carrier.heard("answer")} == {
        1: (200, b'"one"'),
        2: (418, b""),
        3: (200, b'["b","c"]'),
    }
    assert [call[3] for call in carrier.heard("call")] == [1]
