"""A router and a mounted application in a process of their own, behind the engine: everything that is real but
configuration and control."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

from glorieta.engine import Engine
from harness import RawClient, Services, build, get, message, request, wait_until
from harness.handler_process import CALLS, router
from harness.plan import UPSTREAM_TIMEOUTS, Document, http, plan, respond, route, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Conversation, HttpUpstream, ReceivedRequest


def to(number: int) -> Document:
    return {
        "handler": {
            "handler": "app",
            "route": number,
            "name": "app",
            "first_byte_ms": 30_000,
            "redirect_slashes": False,
        }
    }


def document(addresses: list[str]) -> Document:
    listing = router.table().listing()
    routes = [
        route(
            f"{'' if listed.is_websocket else listed.method + ' '}{listed.path}",
            to(number),
            deadline_ms=700 if listed.path == "/hang" else None,
        )
        for number, listed in enumerate(listing)
    ]
    routes.append(route("/mounted/*", to(len(listing))))
    routes.append(route("/other", respond("not a handler's")))
    calls = [{"upstream": name, "host": "preserve", "timeouts": UPSTREAM_TIMEOUTS, "retries": 1} for name in CALLS]
    handler = {
        "id": "app",
        "generation": "one",
        "calls": calls,
        "queue": 64,
        "queue_timeout_ms": 500,
        "background_ms": 60_000,
    }
    upstreams = [upstream(name, address) for name, address in zip(CALLS, addresses, strict=True)]
    whole = plan(http(routes, bind="127.0.0.1:0"), upstreams, access_log={"to": "off"})
    return whole | {"handlers": [handler | {"tunnel_ms": 60_000}]}


class House:
    """An engine, its handler process, and what both stand on."""

    def __init__(self, users: HttpUpstream, orders: HttpUpstream, log: Path) -> None:
        self.users, self.orders = users, orders
        self.log = log
        self.engine = Engine(json.dumps(document([users.address, orders.address])))
        self.port = int(self.engine.addresses()["web"][0].rpartition(":")[2])
        self.number, memory, event, workers = self.engine.handler_process(["app"], "one")
        descriptors = [memory, event, *workers]
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "harness.handler_process", *map(str, descriptors)],
                pass_fds=descriptors,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
        for descriptor in descriptors:
            os.close(descriptor)
        assert [self.said(), self.said()] == ["began", "ready"]
        assert self.engine.handlers_ready(self.number)

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def stop(self) -> None:
        self.engine.drain(0)
        self.process.kill()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def house(own_services: Services, tmp_path: Path) -> Iterator[House]:
    made = House(own_services.http("users"), own_services.http("orders"), tmp_path / "log")
    yield made
    made.stop()


def test_a_handler_gathers_from_its_upstreams(house: House) -> None:
    answer = get(house.port, "/home/7", headers={"traceparent": "00-1-2-01"})
    assert answer.status == 200
    told = answer.json()
    assert (told["user"], told["target"]) == ("users", "/users/7")
    assert (told["orders"]["service"], told["orders"]["target"]) == ("orders", "/orders?user=7")
    (asked,) = house.users.requests
    assert asked.header("traceparent") == "00-1-2-01"
    assert asked.header("x-request-id") == answer.header("x-request-id")


def test_an_optional_part_that_is_late_is_missing_and_its_connection_is_closed(house: House) -> None:
    ended = threading.Event()

    def hangs(conversation: Conversation, _: ReceivedRequest) -> None:
        if conversation.wait_closed():
            ended.set()

    house.orders.respond = hangs
    answer = get(house.port, "/home/7")
    assert (answer.status, answer.json()["orders"]) == (200, "none")
    assert answer.header("glorieta-partial") == "orders;r=timeout"
    assert ended.wait(5)


@pytest.mark.parametrize(("status", "answered"), [(404, 404), (500, 502)])
def test_a_required_part_keeps_its_meaning(house: House, status: int, answered: int) -> None:
    house.users.status = status
    answer = get(house.port, "/home/7")
    assert answer.status == answered
    if status == 404:
        assert answer.json()["service"] == "users"
    else:
        assert answer.header("content-type") == "application/problem+json"


def test_a_client_that_goes_cancels_the_handler_and_its_upstream(house: House) -> None:
    ended = threading.Event()

    def hangs(conversation: Conversation, _: ReceivedRequest) -> None:
        if conversation.wait_closed():
            ended.set()

    house.users.respond = hangs
    with RawClient(house.port) as client:
        client.send(build("GET", "/hang"))
        assert house.said() == "hangs"
        wait_until(lambda: len(house.users.requests) == 1, what="the call")
        client.reset()
    assert house.said() == "left"
    assert ended.wait(5)


def test_the_deadline_ends_the_handler(house: House) -> None:
    house.users.respond = lambda conversation, _: conversation.wait_closed() and None
    assert get(house.port, "/hang").status == 504
    assert [house.said(), house.said()] == ["hangs", "left"]


def test_large_bodies_pass_in_every_direction(house: House) -> None:
    body = os.urandom(3_000_000)
    assert request(house.port, "POST", "/echo", body=body).body == body
    assert request(house.port, "POST", "/upload", body=body).json()["body_bytes"] == len(body)
    assert get(house.port, "/whole/1000000").body == b"x" * 1_000_000
    house.users.respond = lambda conversation, _: conversation.send(message(200, body))
    assert get(house.port, "/download/1").json() == {"bytes": len(body)}


def test_a_crash_is_a_500_with_an_id_and_the_log_has_the_handlers_frames_first(house: House) -> None:
    answer = get(house.port, "/crash")
    assert answer.status == 500
    told = answer.json()
    assert told["request_id"] == answer.header("x-request-id")
    assert "of the handler" not in answer.text
    wait_until(lambda: "Traceback" in house.log.read_text(), what="the log")
    lines = house.log.read_text().splitlines()
    assert lines[0].endswith(f"(request_id {told['request_id']}): KeyError: 'of the handler'")
    assert lines[1].startswith("  at crash (")


def test_a_blocked_loop_is_told_of_and_hurts_no_other_route(house: House) -> None:
    with RawClient(house.port) as client:
        client.send(build("GET", "/block"))
        assert house.said() == "blocks"
        assert get(house.port, "/other").text == "not a handler's"
        assert client.read_response().json() == "blocked"
    wait_until(lambda: "was blocked for" in house.log.read_text(), what="the log")
    assert "the event loop is blocked" in house.log.read_text()
    assert "  at block (" in house.log.read_text()
    assert get(house.port, "/thread").json() == "thread"


def test_work_after_the_answer(house: House) -> None:
    assert get(house.port, "/later").json() == "now"
    assert house.said() == "worked"


def test_websockets(house: House) -> None:
    with connect(f"ws://127.0.0.1:{house.port}/socket", compression=None) as socket:
        for text in ("hola", "x" * 300_000):
            socket.send(text)
            assert socket.recv(timeout=5) == text
    assert house.said() == "closed 1000"
    wait_until(lambda: house.engine.handler_stats()[0]["calls"] == 0, what="the end of the tunnel")


def test_a_mounted_application_answers_beside_the_router(house: House) -> None:
    answer = get(house.port, "/mounted/a%20b")
    assert (answer.status, answer.text, answer.header("x-path")) == (200, "orders", "/mounted/a b")


def test_many_at_once(house: House) -> None:
    problems: list[Any] = []

    def ask() -> None:
        for _ in range(25):
            answer = get(house.port, "/home/7")
            if answer.status != 200 or answer.json()["target"] != "/users/7":
                problems.append(answer)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    wait_until(lambda: house.engine.handler_stats()[0]["calls"] == 0, what="every request")
    assert not house.engine.broken_handlers()


def test_it_stops_in_order_and_what_runs_is_answered(house: House) -> None:
    with RawClient(house.port) as client:
        client.send(build("GET", "/block"))
        assert house.said() == "blocks"
        house.process.send_signal(signal.SIGTERM)
        assert client.read_response().json() == "blocked"
    assert house.said() == "ended"
    assert house.process.wait(10) == 0
