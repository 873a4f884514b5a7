"""HTTP/3 while everything else changes: reloads, other certificates, listeners that come and go, and the end."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from e2e.test_http3 import World, http3
from harness import Runner, Services, wait_until
from harness.datagrams import is_free
from harness.http3 import NO_ERROR, REJECTED, Http3Client
from harness.plan import http, plan, proxy, respond, route, server_tls, upstream
from harness.recording import Conversation, ReceivedRequest, RecordingUpstream
from harness.tls import TlsClient

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def says(client: Http3Client) -> str:
    return client.get("/").text


def refuses(port: int, world: World) -> bool:
    """Whether new clients are turned away, or nobody is there."""
    try:
        Http3Client(port, world.ca, timeout=1.0).close()
    except (ConnectionError, TimeoutError):
        return True
    return False


def waiting(services: Services) -> tuple[RecordingUpstream, threading.Event]:
    """A service that answers once it is let."""
    service, let = services.keep(RecordingUpstream()), threading.Event()

    def answer(conversation: Conversation, _: ReceivedRequest) -> None:
        let.wait(10)
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")

    service.respond = answer
    return service, let


def test_an_open_connection_asks_the_new_plan(launch: Runner, world: World) -> None:
    edge = launch.engine(plan(http3(world, [route("/*", respond("old"))])))
    with world.connect(edge) as client:
        assert says(client) == "old"
        for number in range(20):
            edge.reload(plan(http3(world, [route("/*", respond(f"new {number}"))])))
            assert says(client) == f"new {number}"


def test_requests_under_way_outlast_a_reload(launch: Runner, world: World, own_services: Services) -> None:
    service, let = waiting(own_services)
    document = plan(http3(world, [route("/*", proxy())]), [upstream("service", service.address)])
    edge = launch.engine(document)
    with world.connect(edge) as client:
        stream = client.begin("/")
        wait_until(lambda: service.requests, 5, "the request")
        edge.reload(plan(http3(world, [route("/*", respond("new"))])))
        let.set()
        assert client.read(stream).text == "late"
        assert says(client) == "new"


def test_another_certificate_answers_whoever_comes_next(launch: Runner, world: World) -> None:
    edge = launch.engine(plan(http3(world, [route("/*", respond("here"))], tls=server_tls(world.shop))))
    with world.connect(edge) as lasting:
        assert says(lasting) == "here"
        fresh = world.folder / "fresh"
        fresh.mkdir()
        for path in world.authority.leaf("new.example", "shop.example").write(fresh, "shop"):
            path.replace(world.folder / path.name)

        def answers_as_new() -> bool:
            try:
                with world.connect(edge, name="new.example") as client:
                    return client.get("/", "new.example").status == 200
            except ConnectionError:
                return False

        wait_until(answers_as_new, 15, "the new certificate")
        assert says(lasting) == "here"


def test_it_is_switched_off_and_on_again(launch: Runner, world: World) -> None:
    routes = [route("/*", respond("here"))]
    on, again = (plan(http3(world, routes), version=version) for version in ("0000000000aa", "0000000000bb"))
    off = plan(http3(world, routes, versions=["h1", "h2"], alt_svc=None))
    edge = launch.engine(off)
    assert refuses(edge.port, world)
    edge.reload(on)
    with world.connect(edge) as client:
        assert says(client) == "here"
        edge.reload(off)
        # Whoever is there is told to go, whoever comes is turned away at once.
        with pytest.raises(ConnectionError, match=f"error_code={NO_ERROR}"):
            client.wait(lambda: False, "the end")
    began = time.monotonic()
    assert refuses(edge.port, world)
    assert time.monotonic() - began < 0.9, "it was not told so"
    edge.reload(again)
    with world.connect(edge) as client:
        assert says(client) == "here"
    with TlsClient(edge.port, world.client) as over_tcp:
        assert over_tcp.get("/").header("Alt-Svc") is not None


def test_a_listener_that_is_removed_ends_in_peace(launch: Runner, world: World, own_services: Services) -> None:
    service, let = waiting(own_services)
    upstreams = [upstream("service", service.address)]
    stays = http([route("/*", respond("stays"))], "stays")
    edge = launch.engine(plan([http3(world, [route("/*", proxy())]), stays], upstreams))
    port = edge.port
    client = world.connect(edge)
    stream = client.begin("/")
    wait_until(lambda: service.requests, 5, "the request")
    edge.reload(plan([stays]))
    assert refuses(port, world)
    let.set()
    assert client.read(stream).text == "late"
    with pytest.raises(ConnectionError, match=f"error_code={NO_ERROR}"):
        client.wait(lambda: False, "the end")
    # Then the port is free again, and a later Plan may have it.
    wait_until(lambda: is_free(port), 10, "the free port")
    edge.reload(plan([http3(world, [route("/*", respond("again"))], bind=f"127.0.0.1:{port}"), stays]))
    with Http3Client(port, world.ca) as again:
        assert says(again) == "again"


def test_a_listener_that_comes_back_while_connections_end_serves_at_once(
    launch: Runner, world: World, own_services: Services
) -> None:
    service, let = waiting(own_services)
    upstreams = [upstream("service", service.address)]
    stays = http([route("/*", respond("stays"))], "stays")
    edge = launch.engine(plan([http3(world, [route("/*", proxy())]), stays], upstreams, workers=2))
    port = edge.port
    clients = [world.connect(edge) for _ in range(4)]
    streams = [client.begin("/") for client in clients]
    wait_until(lambda: len(service.requests) == 4, 5, "the requests")
    for number in range(3):
        edge.reload(plan([stays], upstreams, server_name=f"gone-{number}"))
        for client in clients:
            client.pass_time(0.05)
        back = http3(world, [route("/*", respond(f"again {number}"))], bind=f"127.0.0.1:{port}")
        edge.reload(plan([back, stays], upstreams, server_name=f"back-{number}"))
        for _ in range(4):
            with Http3Client(port, world.ca) as new:
                assert says(new) == f"again {number}"
    let.set()
    for client, stream in zip(clients, streams, strict=True):
        assert client.read(stream).text == "late"
        client.close()


def test_what_is_under_way_at_the_end_is_finished(launch: Runner, world: World, own_services: Services) -> None:
    service, let = waiting(own_services)
    document = plan(http3(world, [route("/*", proxy())]), [upstream("service", service.address)], drain_ms=10_000)
    edge = launch.engine(document)
    clients = [world.connect(edge) for _ in range(4)]
    streams = [client.begin("/") for client in clients]
    wait_until(lambda: len(service.requests) == 4, 5, "the requests")
    edge.signal(signal.SIGTERM)
    for client in clients:
        # What was on its way when the end was said is still answered.
        client.pass_time(0.1)
    late = clients[0].begin("/late")
    wait_until(lambda: len(service.requests) == 5, 5, "the request that was on its way")
    clients[0].pass_time(1.0)
    too_late = clients[0].begin("/too-late")
    assert clients[0].read(too_late).reset == REJECTED
    let.set()
    for client, stream in zip(clients, streams, strict=True):
        assert client.read(stream).text == "late"
        client.settle()
    assert clients[0].read(late).text == "late"
    clients[0].settle()
    assert edge.wait_end() == 0
    for client in clients:
        with pytest.raises(ConnectionError, match=f"error_code={NO_ERROR}"):
            client.wait(lambda: False, "the end")


def test_idle_connections_do_not_hold_the_end_up(launch: Runner, world: World) -> None:
    edge = launch.engine(plan(http3(world, [route("/*", respond("here"))]), drain_ms=20_000))
    clients = [world.connect(edge) for _ in range(5)]
    assert [says(client) for client in clients] == ["here"] * 5
    for client in clients:
        client.settle()
    began = time.monotonic()
    edge.signal(signal.SIGTERM)
    assert edge.wait_end() == 0
    assert time.monotonic() - began < 5


def test_no_request_is_lost_to_reloads(launch: Runner, world: World) -> None:
    def document(number: int) -> object:
        return plan(http3(world, [route("/*", respond("here"))]), version=f"{number:012x}")

    edge = launch.engine(document(0))
    failures: list[str] = []
    done = threading.Event()

    def load() -> None:
        while not done.is_set():
            try:
                with world.connect(edge) as client:
                    failures.extend("answer" for _ in range(30) if says(client) != "here")
            except (OSError, TimeoutError) as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(1, 60):
        edge.reload(document(number))
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
