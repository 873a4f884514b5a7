"""The end: SIGTERM lets what is under way finish, up to a deadline."""

from __future__ import annotations

import signal
import time

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, Services, TcpEcho, build, get, wait_until
from harness.message import EndOfStream
from harness.plan import http, plan, proxy, respond, route, tcp, upstream
from harness.recording import Conversation, ReceivedRequest


def edge_over(runner: Runner, service: HttpUpstream, echo: TcpEcho | None = None, drain_ms: int = 5000) -> Engine:
    listeners = [http([route("/*", proxy()), route("/own", respond("own"))])]
    upstreams = [upstream("service", service.address)]
    if echo:
        listeners.append(tcp("echo"))
        upstreams.append(upstream("echo", echo.address))
    return runner.engine(plan(listeners, upstreams, drain_ms=drain_ms))


def begin(edge: Engine, service: HttpUpstream) -> RawClient:
    """A client whose request is at the service."""
    client = RawClient(edge.port)
    before = len(service.requests)
    client.send(build("GET", "/busy"))
    wait_until(lambda: len(service.requests) > before, what="the request at the service")
    return client


def refuses(port: int) -> bool:
    try:
        RawClient(port).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle_it_ends_at_once(launch: Runner, own_services: Services, number: signal.Signals) -> None:
    edge = edge_over(launch, own_services.http())
    kept = RawClient(edge.port)
    assert kept.exchange(build("GET", "/a")).status == 200
    began = time.monotonic()
    edge.signal(number)
    assert edge.wait_end() == 0
    assert time.monotonic() - began < 1.0
    assert kept.is_closed()


def test_what_is_under_way_is_finished(launch: Runner, own_services: Services) -> None:
    service = own_services.http(delay=1.0)
    edge = edge_over(launch, service)
    clients = [begin(edge, service) for _ in range(5)]
    began = time.monotonic()
    edge.signal(signal.SIGTERM)
    wait_until(lambda: refuses(edge.port), 0.8, "the closed listener")
    answers = [client.read_response() for client in clients]
    assert [(answer.status, answer.closes) for answer in answers] == [(200, True)] * 5
    assert all(client.is_closed() for client in clients)
    for client in clients:
        client.close()
    assert edge.wait_end() == 0
    assert 0.5 < time.monotonic() - began < 3


def test_a_request_that_is_being_sent_is_finished(launch: Runner, own_services: Services) -> None:
    service = own_services.http()
    edge = edge_over(launch, service)
    with RawClient(edge.port) as client:
        client.send(build("POST", "/a", {"Content-Length": "10"}) + b"12345")
        wait_until(lambda: b"12345" in service.received, what="half the body at the service")
        edge.signal(signal.SIGTERM)
        time.sleep(0.3)
        client.send(b"67890")
        assert client.read_response().json()["body_bytes"] == 10
    assert edge.wait_end() == 0


def test_the_deadline_cuts_what_is_left(launch: Runner, own_services: Services) -> None:
    service = own_services.http(delay=20)
    edge = edge_over(launch, service, drain_ms=700)
    client = begin(edge, service)
    began = time.monotonic()
    edge.signal(signal.SIGTERM)
    edge.wait_end()
    assert 0.6 < time.monotonic() - began < 2.5
    with pytest.raises((EndOfStream, ConnectionError)):
        client.read_response()


def test_a_second_signal_cuts_at_once(launch: Runner, own_services: Services) -> None:
    service = own_services.http(delay=20)
    edge = edge_over(launch, service, drain_ms=15_000)
    with begin(edge, service):
        edge.signal(signal.SIGINT)
        time.sleep(0.5)
        assert edge.running
        began = time.monotonic()
        edge.signal(signal.SIGINT)
        edge.wait_end()
    assert time.monotonic() - began < 1.5


def test_tunnels_may_finish_too(launch: Runner, own_services: Services) -> None:
    echo = own_services.keep(TcpEcho(farewell=b"bye"))
    edge = edge_over(launch, own_services.http(), echo)
    with RawClient(edge.ports["mail"]) as client:
        client.send(b"one")
        assert client.reader.exactly(3) == b"one"
        edge.signal(signal.SIGTERM)
        time.sleep(0.4)
        client.send(b"two")
        assert client.reader.exactly(3) == b"two"
        client.finish_sending()
        assert client.read_to_end() == b"bye"
    assert edge.wait_end() == 0


def test_readiness_ends_before_service_does(launch: Runner, own_services: Services) -> None:
    """A balancer in front must learn of the drain; liveness stays, or it would be killed for it."""
    service = own_services.http(delay=1.5)
    edge = edge_over(launch, service)
    client = begin(edge, service)
    edge.signal(signal.SIGTERM)
    wait_until(lambda: edge.ask("/readyz").status == 503, 1.0, "/readyz saying no")
    assert edge.ask("/livez").status == 200
    assert client.read_response().status == 200
    assert edge.wait_end() == 0


def test_the_last_lines_of_the_log_are_written(launch: Runner, own_services: Services) -> None:
    service = own_services.http(delay=0.5)
    edge = edge_over(launch, service)
    client = begin(edge, service)
    edge.signal(signal.SIGTERM)
    assert client.read_response().status == 200
    assert edge.wait_end() == 0
    assert [record["path"] for record in edge.records()] == ["/busy"]


def test_an_answer_that_streams_is_finished(launch: Runner, own_services: Services) -> None:
    origin = own_services.recording()
    edge = launch.engine(plan(http([route("/*", proxy())]), [upstream("service", origin.address)]))

    def respond_slowly(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        conversation.dribble(b"1\r\nx\r\n" * 10 + b"0\r\n\r\n", 0.1, 6)

    origin.respond = respond_slowly
    with RawClient(edge.port) as client:
        client.send(build("GET", "/a"))
        assert client.reader.line().startswith(b"HTTP/1.1 200")
        edge.signal(signal.SIGTERM)
        client.reader.fields()
        assert client.reader.chunked() == (b"x" * 10, [])
    assert edge.wait_end() == 0
    with pytest.raises(OSError):
        get(edge.port, "/")
