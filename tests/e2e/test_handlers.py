"""Requests that a process of Python answers, over the bare carrier: the engine's part, without routers."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from glorieta._engine import Carrier
from glorieta.engine import Engine, PlanRefused, Trial
from harness import RawClient, Services, always, build, get, message, wait_until
from harness.carrier_process import ROUTES
from harness.plan import UPSTREAM_TIMEOUTS, Document, http, plan, respond, route, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator

NUMBERS = {function.__name__: number for number, function in enumerate(ROUTES)}


def handler(**changes: object) -> Document:
    base = {"id": "app", "generation": "one", "calls": [], "queue": 4, "queue_timeout_ms": 300}
    return base | {"background_ms": 60_000, "tunnel_ms": 60_000} | changes


def document(*handlers: Document, upstreams: tuple[Document, ...] = (), bind: str = "127.0.0.1:0") -> Document:
    def to(name: str, key: str | None = None, deadline_ms: int | None = None) -> Document:
        target = {
            "handler": {
                "handler": "app",
                "route": NUMBERS[name],
                "name": name,
                "first_byte_ms": 30_000,
                "redirect_slashes": True,
            }
        }
        return route(key or f"/{name}", target, deadline_ms=deadline_ms)

    routes = [to(name) for name in NUMBERS if name not in ("tell", "hold")]
    routes += [to("tell", "/tell/{user}/*"), to("hold", deadline_ms=400), to("hold", "/forever")]
    routes.append(route("/other", respond("not a handler's")))
    whole = plan(http(routes, bind=bind), upstreams, access_log={"to": "off"})
    return whole | {"handlers": list(handlers) or [handler()]}


class House:
    """An engine and its handler processes."""

    def __init__(self, whole: Document) -> None:
        self.engine = Engine(json.dumps(whole))
        self.port = int(self.engine.addresses()["web"][0].rpartition(":")[2])
        self.processes: dict[int, subprocess.Popen[str]] = {}

    def start(self, generation: str = "one") -> int:
        number, memory, event, workers = self.engine.handler_process(["app"], generation)
        descriptors = [memory, event, *workers]
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.carrier_process", *map(str, descriptors)],
            pass_fds=descriptors,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for descriptor in descriptors:
            os.close(descriptor)
        self.processes[number] = process
        assert self.said(number) == "ready"
        assert self.engine.handlers_ready(number)
        return number

    def said(self, number: int) -> str:
        output = self.processes[number].stdout
        assert output is not None
        return output.readline().strip()

    def ended(self, number: int) -> None:
        """What a control loop does once a process has ended."""
        self.processes[number].wait(10)
        self.engine.handler_gone(number)

    def stop(self) -> None:
        self.engine.drain(0)
        for process in self.processes.values():
            process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()


@pytest.fixture
def houses() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def house(houses: ExitStack, *handlers: Document, upstreams: tuple[Document, ...] = ()) -> House:
    made = House(document(*handlers, upstreams=upstreams))
    houses.callback(made.stop)
    return made


def test_a_request_comes_as_it_was_matched_and_its_answer_goes_back(houses: ExitStack) -> None:
    it = house(houses)
    it.start()
    with RawClient(it.port) as client:
        head = ["X-One: a", "x-one: b", "X-Latin: \xe9", "Connection: x-hop", "X-Hop: 1", "X-Forwarded-For: 6.6.6.6"]
        client.send(
            build(
                "POST",
                "/tell/7%2F8/a/../b?q=%20",
                [(name, value) for name, _, value in (line.partition(": ") for line in head)],
                b"body",
            )
        )
        answer = client.read_response()
    assert answer.status == 200
    told = answer.json()
    number, deadline, method, path, query, protocol, scheme, peer, identity, parameters, headers, body = told
    assert (number, deadline, method, path, query) == (NUMBERS["tell"], 0, "POST", "/tell/7%2F8/b", "q=%20")
    assert (protocol, scheme, peer, body) == ("http/1.1", "http", "127.0.0.1", "body")
    assert parameters == [["user", "7%2F8"], ["*", "b"]]
    fields = [(name, value) for name, value in headers]
    assert fields[0][0] == "host"
    assert [value for name, value in fields if name == "x-one"] == ["a", "b"]
    assert ("x-latin", "\xe9") in fields and ("content-length", "4") in fields
    assert ("x-forwarded-for", "127.0.0.1") in fields and ("x-request-id", identity) in fields
    assert not {"x-hop", "connection"} & {name for name, _ in fields}


def test_both_workers_reach_the_process(houses: ExitStack) -> None:
    it = house(houses)
    it.start()
    for _ in range(40):
        assert get(it.port, "/other").status == 200
        assert get(it.port, "/tell/1/").status == 200


def test_a_large_body_goes_through_and_comes_back(houses: ExitStack) -> None:
    it = house(houses)
    it.start()
    body = os.urandom(1_000_000)
    with RawClient(it.port) as client:
        client.send(build("POST", "/echo", [], body))
        assert client.read_response().body == body


def test_a_switched_protocol_passes_both_ways(houses: ExitStack) -> None:
    it = house(houses)
    number = it.start()
    with RawClient(it.port) as client:
        client.send(build("GET", "/switch", [("Connection", "upgrade"), ("Upgrade", "echo")]))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.socket.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ") and b"upgrade: echo\r\n" in head.lower()
        for size in (1, 1000, 100_000):
            client.send(b"x" * size)
            got = b""
            while len(got) < size:
                got += client.socket.recv(65536)
            assert got == b"x" * size
    wait_until(lambda: it.engine.handler_stats()[0]["calls"] == 0, what="the end of the tunnel")
    assert it.processes[number].poll() is None
    with RawClient(it.port) as client:
        client.send(build("GET", "/switch", []))
        assert client.read_response().status == 500


def test_a_handler_calls_an_upstream(houses: ExitStack, own_services: Services) -> None:
    stock = own_services.recording(always(message(200, b"three", "X-Stock: 3\r\n")))
    calls = [{"upstream": "stock", "host": "preserve", "timeouts": UPSTREAM_TIMEOUTS, "retries": 1}]
    it = house(houses, handler(calls=calls), upstreams=(upstream("stock", stock.address),))
    it.start()
    answer = get(it.port, "/ask")
    assert (answer.status, answer.text, answer.header("x-stock")) == (200, "three", "3")
    (asked,) = stock.requests
    assert (asked.method, asked.target, asked.header("x-asked"), asked.header("host")) == (
        "GET",
        "/stock?of=7",
        "1",
        "localhost",
    )


def test_a_handler_that_calls_what_it_may_not_is_ended(houses: ExitStack) -> None:
    it = house(houses)
    number = it.start()
    alarm = it.engine.handler_alarm()
    assert get(it.port, "/ask").status == 502
    assert select.select([alarm], [], [], 5)[0]
    assert [process for process, _ in it.engine.broken_handlers()] == [number]
    assert not select.select([alarm], [], [], 0)[0]
    assert it.engine.broken_handlers() == []


def test_what_a_process_had_when_it_ended_is_lost_and_the_next_one_is_asked(houses: ExitStack) -> None:
    it = house(houses)
    first = it.start()
    with RawClient(it.port) as client:
        client.send(build("GET", "/end"))
        it.ended(first)
        assert client.read_response().status == 502
    second = it.start()
    assert get(it.port, "/tell/1/").status == 200
    assert [process["process"] for process in it.engine.handler_stats()] == [second]
    assert 'glorieta_handler_restarts_total{handler="app"} 1' in it.engine.metrics()
    assert 'glorieta_handler_duration_seconds_count{handler="app"} 2' in it.engine.metrics()


def test_a_blocked_process_refuses_its_own_requests_and_nobody_elses(houses: ExitStack) -> None:
    it = house(houses)
    it.start()
    with ExitStack() as clients:
        blocking = clients.enter_context(RawClient(it.port))
        blocking.send(build("GET", "/block"))
        wait_until(lambda: it.engine.handler_stats()[0]["calls"] == 1, what="the request")
        # Taken when it is blocked, not before.
        time.sleep(0.1)
        waiting = clients.enter_context(RawClient(it.port))
        waiting.send(build("GET", "/tell/1/"))
        assert get(it.port, "/other").status == 200
        answer = waiting.read_response()
        assert (answer.status, answer.header("retry-after")) == (503, "1")
        assert blocking.read_response().text == "awake"
    assert get(it.port, "/tell/1/").status == 200


def test_more_requests_than_may_wait_are_refused(houses: ExitStack) -> None:
    it = house(houses, handler(queue=2))
    number = it.start()
    with ExitStack() as clients:
        for _ in range(2):
            client = clients.enter_context(RawClient(it.port))
            client.send(build("GET", "/forever"))
            assert it.said(number) == "held"
            clients.callback(client.reset)
        answer = get(it.port, "/tell/1/")
        assert (answer.status, answer.header("retry-after")) == (503, "1")
    # The clients have gone, and their requests with them.
    wait_until(lambda: it.engine.handler_stats()[0]["calls"] == 0, what="the cancelled requests")
    assert [it.said(number), it.said(number)] == ["cancelled", "cancelled"]
    assert get(it.port, "/tell/1/").status == 200


def test_a_handler_that_does_not_answer_is_given_up_at_the_deadline(houses: ExitStack) -> None:
    it = house(houses)
    number = it.start()
    assert get(it.port, "/hold").status == 504
    assert [it.said(number), it.said(number)] == ["held", "cancelled"]
    assert get(it.port, "/fail").status == 500


def test_a_new_generation_takes_over_with_the_plan_that_names_it(houses: ExitStack) -> None:
    it = house(houses)
    old = it.start()
    new = it.start("two")
    with RawClient(it.port) as client:
        client.send(build("GET", "/forever"))
        assert it.said(old) == "held"
        it.engine.apply(json.dumps(document(handler(generation="two"))))
        with RawClient(it.port) as other:
            other.send(build("GET", "/forever"))
            assert it.said(new) == "held"
            other.reset()
        # What the old one has is its own until it ends.
        calls = {process["process"]: process["calls"] for process in it.engine.handler_stats()}
        assert calls[old] == 1
        client.reset()
    wait_until(lambda: all(process["calls"] == 0 for process in it.engine.handler_stats()), what="all requests")
    it.processes[old].kill()
    it.ended(old)
    assert get(it.port, "/tell/1/").status == 200
    assert 'glorieta_handler_restarts_total{handler="app"} 0' in it.engine.metrics(), "nobody wanted the old one"


def test_what_a_plan_names_must_be_there() -> None:
    calls = [{"upstream": "nowhere", "host": "preserve", "timeouts": UPSTREAM_TIMEOUTS, "retries": 0}]
    with pytest.raises(PlanRefused) as refused:
        Trial(json.dumps(document(handler(calls=calls), handler(id="app"))))
    assert sorted(refused.value.problems) == [
        ("handlers.app", "two handlers have this id"),
        ("handlers.app.calls", 'there is no upstream "nowhere"'),
    ]
    with pytest.raises(PlanRefused) as refused:
        Trial(json.dumps(document(handler(id="other"))))
    assert ("routes.web//echo", 'there is no handler "app"') in refused.value.problems


def test_a_question_is_told_that_a_handler_would_answer() -> None:
    told = Trial(json.dumps(document())).ask(
        {"method": "GET", "url": "http://shop.example/tell/7/x", "listener": "web"}
    )
    assert told["outcome"] == "handler"
    assert (told["handler"]["handler"], told["handler"]["name"]) == ("app", "tell")
    assert told["handler"]["parameters"] == [["user", "7"], ["*", "x"]]
    assert ["host", "shop.example"] in told["handler"]["headers"]


def test_a_carrier_is_made_of_its_own_descriptors_only() -> None:
    with pytest.raises(ValueError, match="-1 is no descriptor"):
        Carrier(-1, -1, [])
    with pytest.raises(OSError, match="Bad file descriptor"):
        Carrier(1_000_000, 1_000_000, [])
    with pytest.raises(OSError, match="holds no rings"):
        Carrier(os.open("/dev/null", os.O_RDWR), 1_000_000, [])
