"""At the pool's bound requests wait, in order and with a limit; the bound holds over all workers."""

from __future__ import annotations

import contextlib
import socket
import time

from harness import Engine, HttpUpstream, RawClient, RecordingUpstream, Runner, Services, build, get, wait_until
from harness.plan import http, plan, proxy, route, upstream

# Of tcp(7): the first byte of TCP_INFO.
ESTABLISHED = 1


def edge_over(runner: Runner, service: RecordingUpstream, connections: int, workers: int = 2, **queue: int) -> Engine:
    return runner.engine(
        plan(
            http([route("/*", proxy())]),
            [upstream("service", service.address, pool={"max_connections": connections}, queue=queue)],
            workers=workers,
        )
    )


def at_once(edge: Engine, count: int, timeout: float = 10) -> tuple[list[int], float]:
    """The statuses of so many requests at once, each on a connection of its own, and how long all took."""
    clients = [RawClient(edge.port, timeout=timeout) for _ in range(count)]
    began = time.monotonic()
    for number, client in enumerate(clients):
        client.send(build("GET", f"/{number}"))
    statuses = [client.read_response().status for client in clients]
    seconds = time.monotonic() - began
    for client in clients:
        client.close()
    return statuses, seconds


def established(service: HttpUpstream) -> int:
    """How many connections the other side has not closed.

    Asked of the kernel: the service's own threads notice the end of one only after the next may have come.
    """
    with service.lock:
        conversations = list(service.conversations)
    count = 0
    for conversation in conversations:
        with contextlib.suppress(OSError):
            count += conversation.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED
    return count


def test_requests_wait_for_a_free_connection(launch: Runner, own_services: Services) -> None:
    service = own_services.http(delay=0.1)
    edge = edge_over(launch, service, connections=3)
    seen: list[int] = []
    service.on_accept = lambda _: seen.append(established(service))
    statuses, seconds = at_once(edge, 30)
    assert statuses == [200] * 30
    assert 0.9 < seconds < 4, "30 requests of 0.1 s over 3 connections take 1 s"
    assert max(seen) <= 3, f"{max(seen)} connections where 3 are allowed over all workers"


def test_one_connection_serves_all_workers(launch: Runner, own_services: Services) -> None:
    """The hardest case of the shared bound: whoever holds the one connection must let go of it."""
    service = own_services.http()
    edge = edge_over(launch, service, connections=1, workers=4)
    seen: list[int] = []
    service.on_accept = lambda _: seen.append(established(service))
    for _ in range(5):
        assert at_once(edge, 20)[0] == [200] * 20
    assert max(seen) == 1


def test_an_idle_pool_at_its_bound_gives_way_to_another_worker(launch: Runner, own_services: Services) -> None:
    """Connections at rest with one worker must not starve the others, who know nothing of them."""
    service = own_services.http()
    edge = edge_over(launch, service, connections=2, workers=4, timeout_ms=1000)
    clients = [RawClient(edge.port) for _ in range(32)]
    for client in clients:
        began = time.monotonic()
        assert client.exchange(build("GET", "/x")).status == 200
        assert time.monotonic() - began < 0.5
    for client in clients:
        client.close()


def test_waiting_ends_with_503(launch: Runner, own_services: Services) -> None:
    service = own_services.http(delay=1.5)
    edge = edge_over(launch, service, connections=1, timeout_ms=300)
    first = RawClient(edge.port)
    first.send(build("GET", "/first"))
    wait_until(lambda: service.requests, what="the first request at the service")
    began = time.monotonic()
    assert get(edge.port, "/second").status == 503
    assert 0.25 < time.monotonic() - began < 1.2
    assert edge.wait_record(path="/second")["reason"] == "queue_timeout"
    assert first.read_response().status == 200
    assert [each.target for each in service.requests] == ["/first"]


def test_a_full_queue_is_503_at_once(launch: Runner, own_services: Services) -> None:
    service = own_services.http(delay=0.8)
    edge = edge_over(launch, service, connections=1, max=2)
    waiting = [RawClient(edge.port) for _ in range(3)]
    for number, client in enumerate(waiting):
        client.send(build("GET", f"/{number}"))
        time.sleep(0.05)
    began = time.monotonic()
    assert get(edge.port, "/beyond").status == 503
    assert time.monotonic() - began < 0.4
    assert edge.wait_record(path="/beyond")["reason"] == "queue_full"
    assert [client.read_response().status for client in waiting] == [200] * 3


def test_who_came_first_is_served_first(launch: Runner, own_services: Services) -> None:
    service = own_services.http(delay=0.05)
    edge = edge_over(launch, service, connections=1, workers=1)
    clients = [RawClient(edge.port) for _ in range(10)]
    for number, client in enumerate(clients):
        client.send(build("GET", f"/{number}"))
        time.sleep(0.01)
    assert [client.read_response().status for client in clients] == [200] * 10
    assert [each.target for each in service.requests] == [f"/{number}" for number in range(10)]


def test_who_leaves_gives_up_its_place(launch: Runner, own_services: Services) -> None:
    service = own_services.http(delay=0.3)
    edge = edge_over(launch, service, connections=1)
    first, leaving = RawClient(edge.port), RawClient(edge.port)
    first.send(build("GET", "/first"))
    wait_until(lambda: service.requests, what="the first request at the service")
    leaving.send(build("GET", "/leaving"))
    time.sleep(0.1)
    leaving.reset()
    assert get(edge.port, "/next").status == 200
    assert first.read_response().status == 200
    assert "/leaving" not in [each.target for each in service.requests]


def test_a_failed_connection_frees_its_place(launch: Runner, own_services: Services) -> None:
    service = own_services.recording()
    edge = edge_over(launch, service, connections=2)
    service.respond = lambda conversation, _: conversation.reset()
    for number in range(20):
        assert get(edge.port, f"/{number}").status == 502
    service.forget()
    assert at_once(edge, 10)[0] == [200] * 10
