"""Ten thousand routes: what they cost to keep, to replace, and to replace again while connections of before live on."""

from __future__ import annotations

import json
import signal
import time

import pytest

from glorieta.engine import Trial
from harness import Conversation, Engine, RawClient, ReceivedRequest, Runner, Services, build, get, wait_until
from harness.plan import Document, http, plan, proxy, route, upstream

GROUPS, ROUTES = 100, 100
RELOADS = 5
MIB = 1 << 20
# What the routes of one Plan may take, and all that reloads leave behind.
MOST = 30 * MIB
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhi\n\r\n"


def edge_of(address: str, groups: int, routes: int, deadline: int) -> Document:
    made = [
        route(f"t{group}.example/svc{number}/*", proxy(f"u{group}", strip_prefix=f"/svc{number}"), deadline_ms=deadline)
        for group in range(groups)
        for number in range(routes)
    ]
    return plan(http(made), [upstream(f"u{group}", address) for group in range(groups)])


def reply(conversation: Conversation, request: ReceivedRequest) -> None:
    """A tunnel, a stream without an end, or a plain answer."""
    kinds = {"/tunnel": SWITCH, "/stream": STREAM}
    conversation.send(kinds.get(request.target, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
    if request.target in kinds:
        conversation.wait_closed(60)


@pytest.fixture
def address(own_services: Services) -> str:
    return own_services.recording(reply).address


def settled(edge: Engine) -> int:
    time.sleep(1.5)
    return edge.memory()


def open_all(edge: Engine, host: str) -> list[RawClient]:
    """One tunnel, one stream and one idle connection."""
    clients = [RawClient(edge.port) for _ in range(3)]
    upgrade = {"Host": host, "Connection": "upgrade", "Upgrade": "echo"}
    assert clients[0].exchange(build("GET", "/svc7/tunnel", upgrade)).status == 101
    clients[1].send(build("GET", "/svc7/stream", {"Host": host}))
    assert clients[1].read_head().status == 200
    assert clients[2].exchange(build("GET", "/svc7/x", {"Host": host})).text == "ok"
    return clients


@pytest.mark.timeout(180)
def test_ten_thousand_routes_cost_little_and_reloads_nothing(launch: Runner, address: str) -> None:
    small = settled(launch.engine(edge_of(address, 1, 10, 5000)))
    edge = launch.engine(edge_of(address, GROUPS, ROUTES, 5000))
    host, kept = "t57.example", open_all(edge, "t57.example")
    first = settled(edge) - small
    assert first < MOST, f"{first / MIB:.1f} MiB more than ten routes"
    for round_ in range(RELOADS):
        edge.reload(edge_of(address, GROUPS, ROUTES, 5001 + round_))
        kept += open_all(edge, host)
    last = settled(edge) - small
    assert last < MOST, f"{last / MIB:.1f} MiB more than ten routes after {RELOADS} reloads; {first / MIB:.1f} before"
    for client in kept[2::3]:
        assert client.exchange(build("GET", "/svc7/x", {"Host": host})).text == "ok"
    for client in kept:
        client.close()


def test_a_reload_is_quick_and_no_request_fails_meanwhile(launch: Runner, address: str) -> None:
    edge = launch.engine(edge_of(address, GROUPS, ROUTES, 5000))
    slowest = 0.0
    for round_ in range(3):
        edge.plan = edge.write(edge_of(address, GROUPS, ROUTES, 5001 + round_))
        edge.signal(signal.SIGHUP)
        while not edge.serves():
            began = time.monotonic()
            assert get(edge.port, "/svc9/x", {"Host": "t9.example"}).status == 200
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 1, f"a request took {slowest:.3f} s while the plan was replaced"


def test_a_trial_is_quick(address: str) -> None:
    document = edge_of(address, GROUPS, ROUTES, 5000)
    document["listeners"][0]["bind"] = ["127.0.0.1:80"]
    document["access_log"]["to"] = "off"
    text = json.dumps(document)
    began = time.monotonic()
    report = Trial(text).ask({"method": "GET", "url": "http://t99.example/svc99/x"})
    assert report["forward"]["upstream"] == "u99"
    # 0.05 s here; other machines are slower, and something that grows with the square would not hide.
    assert time.monotonic() - began < 1.5


def test_the_view_shows_every_route(launch: Runner, address: str) -> None:
    edge = launch.engine(edge_of(address, GROUPS, ROUTES, 5000))
    [web] = edge.status()["listeners"]
    assert len(web["routes"]) == GROUPS * ROUTES
    # What a route does not have need not be said.
    written = {"mirror": None, "words": [], **web["routes"][-1]}
    assert written == edge.plan["listeners"][0]["routes"][-1]
    wait_until(lambda: edge.serves(), what="its going on")
