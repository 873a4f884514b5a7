"""HTTP/3 towards clients: requests and answers as they pass, and how clients learn of it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from harness import Engine, RawClient, Runner, Services, wait_until
from harness.certificates import Authority
from harness.http3 import CANCELLED, NO_ERROR, Answer, Http3Client
from harness.plan import clients as verified_by
from harness.plan import headers, http, max_body, plan, proxy, respond, route, server_tls, upstream
from harness.recording import Conversation, ReceivedRequest, RecordingUpstream, always
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.plan import Document
    from harness.tls import Files

ALT_SVC = {"port": None, "max_age_s": 86_400}
LARGE = 3_000_000


class World:
    """An authority, two certificates, and whoever believes in them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.authority = Authority()
        self.ca = self.authority.write(folder)
        self.shop = self.make("shop", "shop.example", "www.shop.example")
        self.api = self.make("api", "*.api.example")
        self.client = trusting(self.ca)

    def make(self, name: str, *names: str) -> Files:
        return self.authority.leaf(*names).write(self.folder, name)

    def connect(self, edge: Engine, listener: str = "web", name: str = "shop.example") -> Http3Client:
        return Http3Client(edge.ports[listener], self.ca, name)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.keep(RecordingUpstream())


@pytest.fixture
def client(edge: Engine, world: World, origin: RecordingUpstream) -> Iterator[Http3Client]:
    origin.forget()
    with world.connect(edge) as made:
        yield made


def http3(world: World, routes: list[Document], name: str = "web", **changes: Any) -> Document:
    usual = {"tls": server_tls(world.shop, world.api), "alt_svc": ALT_SVC, "versions": ["h1", "h2", "h3"]}
    return http(routes, name, **{**usual, **changes})


@pytest.fixture(scope="module")
def edge(start: Runner, world: World, origin: RecordingUpstream) -> Engine:
    words = "${scheme} ${sni} ${protocol} ${tls.version} ${host} ${client.ip}"
    routes = [
        route("/words", respond(words)),
        route("/large", respond("x" * LARGE)),
        route("/empty", respond("", status=204)),
        route("/small/*", proxy(), filters=[max_body(1000)]),
        route("/*", proxy(), filters=[headers({"set": {"x-proto": "${protocol}"}})]),
    ]
    listeners = [
        http3(world, routes, limits={"head_bytes": 8192, "header_count": 40, "target_bytes": 2048}),
        http3(world, [route("/*", respond("strict"))], "strict", tls=server_tls(world.shop, unknown_name="refuse")),
        http3(world, [route("/*", respond("seen"))], "port", alt_svc={"port": 443, "max_age_s": 60}),
        http3(world, [route("/*", respond("silent"))], "silent", alt_svc=None),
    ]
    return start.engine(plan(listeners, [upstream("service", origin.address)]))


def test_a_request_is_answered_and_written_down(edge: Engine, client: Http3Client) -> None:
    answer = client.get("/words")
    assert (answer.status, answer.text) == (200, "https shop.example HTTP/3 1.3 shop.example 127.0.0.1")
    assert answer.header("content-length") == str(len(answer.body))
    assert answer.header("date")
    record = edge.wait_record(path="/words")
    assert (record["protocol"], record["tls"], record["status"]) == ("HTTP/3", "1.3", 200)
    assert (record["client"], record["bytes_out"]) == ("127.0.0.1", len(answer.body))
    assert edge.metrics().total("glorieta_tls_handshakes_total", listener="web", result="full") >= 1


def test_an_upstream_is_asked_as_by_any_other_version(
    edge: Engine, client: Http3Client, origin: RecordingUpstream
) -> None:
    assert client.get("/a?b=c", fields=[("accept", "*/*"), ("cookie", "a=1"), ("cookie", "b=2")]).text == "ok"
    seen = origin.requests[0]
    assert (seen.method, seen.target, seen.header("Host")) == ("GET", "/a?b=c", "shop.example")
    assert (seen.header("X-Forwarded-Proto"), seen.header("X-Forwarded-For")) == ("https", "127.0.0.1")
    assert (seen.header("Cookie"), seen.header("Via")) == ("a=1; b=2", "3 glorieta")
    # There is no body, and nobody is told that there might be one.
    assert (seen.header("Transfer-Encoding"), seen.header("Content-Length")) == (None, None)


@pytest.mark.parametrize("length", [0, 1, 5000, LARGE])
@pytest.mark.parametrize("announced", [True, False])
def test_bodies_pass(client: Http3Client, origin: RecordingUpstream, length: int, announced: bool) -> None:
    body = bytes(index % 251 for index in range(length))
    fields = [("content-length", str(length))] if announced else []
    assert client.exchange("/upload", "POST", body, fields).text == "ok"
    seen = origin.requests[0]
    assert seen.body == body
    if announced:
        assert seen.header("Content-Length") == str(length)


def test_large_answers_come_whole_and_several_at_once(client: Http3Client) -> None:
    streams = [client.begin("/large") for _ in range(8)]
    for stream in streams:
        assert client.read(stream, 30).body == b"x" * LARGE


def test_a_hundred_requests_at_once(client: Http3Client, origin: RecordingUpstream) -> None:
    streams = [client.begin(f"/{number}") for number in range(100)]
    assert [client.read(stream).text for stream in streams] == ["ok"] * 100
    assert {request.target for request in origin.requests} == {f"/{number}" for number in range(100)}


def test_trailers_pass_in_both_directions(client: Http3Client, origin: RecordingUpstream) -> None:
    def respond_so(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        conversation.send(b"2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n")

    origin.respond = respond_so
    answer = client.exchange("/t", "POST", b"body", trailers=[("x-last", "1")])
    assert (answer.text, answer.trailers, answer.ended) == ("ok", [("x-sum", "7")], True)
    assert origin.requests[0].trailers == [("x-last", "1")]


def test_answers_without_a_body(client: Http3Client, origin: RecordingUpstream) -> None:
    origin.respond = always(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
    head = client.read(client.begin("/a", "HEAD"))
    assert (head.status, head.header("content-length"), head.body, head.ended) == (200, "1234", b"", True)
    origin.respond = always(b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n')
    unchanged = client.get("/a")
    assert (unchanged.status, unchanged.header("etag"), unchanged.body) == (304, '"x"', b"")
    empty = client.get("/empty")
    assert (empty.status, empty.header("content-length"), empty.body) == (204, None, b"")


def test_interim_answers_come_before_the_answer(client: Http3Client, origin: RecordingUpstream) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
    origin.respond = always(hints + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    answer = client.get("/a")
    assert (answer.interim, answer.text) == ([(103, [("link", "</a.css>; rel=preload")])], "ok")


def test_a_body_is_asked_for_where_its_client_waits(client: Http3Client, origin: RecordingUpstream) -> None:
    stream = client.begin("/a", "POST", [("expect", "100-continue"), ("content-length", "4")], end=False)
    client.wait(lambda: client.answer(stream).interim, "100 Continue")
    assert client.answer(stream).interim == [(100, [])]
    client.send(stream, b"body", end=True)
    assert client.read(stream).text == "ok"
    assert origin.requests[0].body == b"body"


def test_an_answer_may_come_before_the_whole_request(client: Http3Client) -> None:
    stream = client.begin("/small/a", "POST", [("content-length", "1000000")], end=False)
    client.send(stream, b"x" * 5000)
    answer = client.read(stream)
    assert answer.status == 413
    client.wait(lambda: answer.stopped is not None, "word that no more is needed")
    assert answer.stopped == NO_ERROR
    assert client.get("/words").status == 200


def test_a_client_that_gives_up_takes_the_upstream_s_work_back(
    edge: Engine, client: Http3Client, origin: RecordingUpstream
) -> None:
    closed: list[bool] = []
    origin.respond = lambda conversation, _: closed.append(conversation.wait_closed())
    stream = client.begin("/given-up")
    wait_until(lambda: origin.requests, 5, "the request")
    client.cancel(stream)
    wait_until(lambda: closed == [True], 5, "the end of the upstream's connection")
    assert edge.wait_record(path="/given-up")["reason"] == "client_gone"
    origin.respond = always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert client.get("/a").text == "ok"


def test_a_connection_that_is_closed_gives_all_its_requests_up(
    edge: Engine, world: World, origin: RecordingUpstream
) -> None:
    origin.forget()
    closed: list[bool] = []
    origin.respond = lambda conversation, _: closed.append(conversation.wait_closed())
    with world.connect(edge) as client:
        for number in range(5):
            client.begin(f"/left/{number}")
        wait_until(lambda: len(origin.requests) == 5, 5, "the requests")
    wait_until(lambda: closed == [True] * 5, 5, "the end of the upstream's connections")
    for number in range(5):
        assert edge.wait_record(path=f"/left/{number}")["reason"] == "client_gone"
    wait_until(lambda: edge.metrics().total("glorieta_connections", listener="web") == 0, 5, "no connection")


def test_an_answer_that_breaks_off_never_looks_whole(
    edge: Engine, client: Http3Client, origin: RecordingUpstream
) -> None:
    seen = threading.Event()

    def break_off(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        seen.wait(5)
        conversation.close()

    origin.respond = break_off
    stream = client.begin("/broken")
    client.wait(lambda: client.answer(stream).body == b"hello", "what there is")
    seen.set()
    answer = client.read(stream)
    assert (answer.status, answer.body, answer.ended) == (200, b"hello", False)
    assert answer.reset is not None
    assert edge.wait_record(path="/broken")["reason"] == "response_cut_off"
    assert client.get("/words").status == 200


@pytest.mark.parametrize(
    ("path", "fields", "status", "reason"),
    [
        ("/", [("x-a", "a" * 9000)], 431, "head_too_large"),
        ("/", [("x-a", "a" * 40_000)], 431, "head_too_large"),
        ("/", [(f"x-{number}", "a") for number in range(60)], 431, "headers_too_many"),
        ("/" + "a" * 3000, [], 414, "target_too_long"),
        ("/%00", [], 400, "path_refused"),
        ("/", [("connection", "close")], 400, "head_malformed"),
        ("/", [("transfer-encoding", "chunked")], 400, "head_malformed"),
        ("/", [("host", "other.example")], 400, "host_refused"),
        ("/", [("content-length", "1"), ("content-length", "2")], 400, "framing_refused"),
        ("/", [("expect", "200-ok")], 417, "expectation_unknown"),
    ],
)
def test_what_cannot_be_a_request_is_refused(
    edge: Engine,
    world: World,
    origin: RecordingUpstream,
    path: str,
    fields: list[tuple[str, str]],
    status: int,
    reason: str,
) -> None:
    origin.forget()
    with world.connect(edge) as client:
        answer = client.get(path, fields=fields)
        # A Host that differs makes the message malformed to the library, and the stream is reset.
        if reason != "host_refused":
            assert answer.status == status
            assert edge.wait_record(reason=reason)["status"] == status
        else:
            assert answer.reset is not None
        assert client.get("/words").status == 200
    assert origin.requests == []


def test_connect_is_refused(client: Http3Client) -> None:
    assert client.h3 is not None
    stream = client.quic.get_next_available_stream_id()
    client.h3.send_headers(stream, [(b":method", b"CONNECT"), (b":authority", b"shop.example:443")], True)
    assert client.read(stream).status == 405


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"


def echo(conversation: Conversation, _: ReceivedRequest) -> None:
    """A WebSocket in which whatever comes goes back, but for `reset`; what stands in its frames is nobody's on the way."""
    conversation.send(SWITCH)
    with contextlib.suppress(ConnectionError):
        while data := conversation.socket.recv(1 << 16):
            if data == b"reset":
                return conversation.reset()
            conversation.send(data)
    return None


def opened(client: Http3Client) -> int:
    stream = client.begin("/chat", "CONNECT", [(":protocol", "websocket")], end=False)
    client.wait(lambda: client.answer(stream).status, "the answer")
    assert client.answer(stream).status == 200
    return stream


def test_websockets_pass_each_by_itself(launch: Runner, world: World, services: Services) -> None:
    service = services.keep(RecordingUpstream(echo))
    edge = launch.engine(plan(http3(world, [route("/*", proxy())]), [upstream("service", service.address)]))
    with world.connect(edge) as client:
        streams = [opened(client) for _ in range(3)]
        data = bytes(range(256)) * 1200
        for stream in streams:
            client.send(stream, data, end=True)
        assert [client.read(stream).body == data for stream in streams] == [True] * 3
        assert client.answer(streams[0]).reset is None
    wait_until(lambda: len(edge.records()) == 3, what="the records")
    seen = {(each["status"], each["protocol"], each["bytes_in"], each["bytes_out"]) for each in edge.records()}
    assert seen == {(101, "HTTP/3", len(data), len(data))}


def test_a_websocket_on_which_nothing_moves_is_closed(launch: Runner, world: World, services: Services) -> None:
    service = services.keep(RecordingUpstream(echo))
    target = proxy(timeouts={"connect_ms": 2000, "first_byte_ms": 5000, "idle_ms": 5000, "tunnel_ms": 300})
    edge = launch.engine(plan(http3(world, [route("/*", target)]), [upstream("service", service.address)]))
    with world.connect(edge) as client:
        assert client.read(opened(client)).reset == CANCELLED
        # The connection is as good as before.
        assert client.read(opened(client)).reset == CANCELLED
    assert edge.wait_record(path="/chat")["reason"] == "idle_timeout"


def test_resets_of_websockets_are_passed_on_both_ways(launch: Runner, world: World, services: Services) -> None:
    service = services.keep(RecordingUpstream(echo))
    edge = launch.engine(plan(http3(world, [route("/*", proxy())]), [upstream("service", service.address)]))
    with world.connect(edge) as client:
        client.cancel(opened(client))
        client.settle()
        assert edge.wait_record(path="/chat")["reason"] == "client_gone"
        stream = opened(client)
        client.send(stream, b"reset")
        assert client.read(stream).reset == CANCELLED
    wait_until(lambda: [each["reason"] for each in edge.records()] == ["client_gone", "reset"], what="the records")


def test_the_name_asked_for_chooses_the_certificate(edge: Engine, world: World) -> None:
    for name in ("shop.example", "www.shop.example", "a.api.example"):
        with world.connect(edge, name=name) as client:
            assert client.get("/words", name).text.split()[1] == name
    with pytest.raises(ConnectionError):
        Http3Client(edge.ports["strict"], None, "unknown.example")
    with Http3Client(edge.port, None, "unknown.example") as client:
        assert client.get("/words").status == 200


def test_a_host_that_the_certificate_does_not_cover_is_misdirected(client: Http3Client) -> None:
    assert client.get("/words", "a.api.example").status == 421
    assert client.get("/words", "www.shop.example:443").status == 200


def test_only_http3_is_spoken(edge: Engine, world: World) -> None:
    with pytest.raises(ConnectionError, match=r"ALPN|alpn|protocol"):
        Http3Client(edge.port, world.ca, alpn_protocols=["hq-interop"])
    assert edge.wait_record(reason="handshake_failed")["protocol"] == "quic"


def test_sessions_are_taken_up_again(edge: Engine, client: Http3Client, world: World) -> None:
    assert client.get("/words").status == 200
    client.wait(lambda: client.tickets, "a ticket")
    with Http3Client(edge.port, world.ca, session_ticket=client.tickets[0]) as again:
        assert again.resumed
        # What is said before the handshake is done is never taken.
        assert client.tickets[0].max_early_data_size in (None, 0)
        assert again.get("/words").status == 200


def test_clients_learn_of_it_by_answers_over_tcp(edge: Engine, world: World, origin: RecordingUpstream) -> None:
    def alt_svc(listener: str, path: str = "/words") -> list[str]:
        with TlsClient(edge.ports[listener], world.client) as client:
            return client.get(path).headers("Alt-Svc")

    assert alt_svc("web") == [f'h3=":{edge.port}"; ma=86400']
    assert alt_svc("port") == ['h3=":443"; ma=60']
    assert alt_svc("silent") == []
    # What an upstream says of itself is not of here.
    origin.respond = always(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nAlt-Svc: h3=":9"; ma=1\r\n\r\nok')
    assert alt_svc("web", "/proxied") == [f'h3=":{edge.port}"; ma=86400']
    with world.connect(edge) as client:
        assert client.get("/words").header("alt-svc") is None


def test_clients_prove_who_they_are(launch: Runner, world: World) -> None:
    customers = Authority("Customers")
    authorities = customers.write(world.folder, "customers")
    shown = customers.client("billing").write(world.folder, "billing")
    words = respond("${client.certificate.verified} ${client.certificate.subject}")
    listeners = [
        http3(world, [route("/*", words)], tls=server_tls(world.shop, clients=verified_by(authorities))),
        http3(
            world,
            [route("/*", words)],
            "optional",
            tls=server_tls(world.shop, clients=verified_by(authorities, "optional")),
        ),
    ]
    edge = launch.engine(plan(listeners))
    for listener in ("web", "optional"):
        with Http3Client(edge.ports[listener], world.ca, shown=shown) as client:
            assert client.get("/").text == "true CN=billing"
    with Http3Client(edge.ports["optional"], world.ca) as client:
        assert client.get("/").text.strip() == "false"
    with pytest.raises((ConnectionError, TimeoutError)), Http3Client(edge.port, world.ca) as client:
        client.get("/")
    assert edge.wait_record(reason="handshake_failed")["listener"] == "web"


def test_a_port_that_another_has_is_said(launch: Runner, world: World) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        document = plan(http3(world, [route("/*", respond("here"))], bind=f"127.0.0.1:{port}"))
        edge = launch.engine(document, ready=False)
        assert edge.wait_end() != 0
    assert f"127.0.0.1:{port} (UDP): address in use by another program; find it with: ss -lunp" in edge.stderr


def answers(client: Http3Client, count: int) -> list[Answer]:
    return [client.get("/") for _ in range(count)]


def test_several_workers_share_a_port_and_clients_may_move(launch: Runner, world: World) -> None:
    """A client's datagrams come in at whichever worker the kernel chooses by its address; its connection is found."""
    edge = launch.engine(plan(http3(world, [route("/*", respond("${client.port}"))]), workers=4))
    clients = [world.connect(edge) for _ in range(12)]
    ports = {client.get("/").text for client in clients}
    assert len(ports) == len(clients)
    for client in clients:
        first = client.get("/").text
        for _ in range(6):
            client.migrate()
            # Who has moved is still who came: no packet alone makes anybody another.
            assert client.get("/").text == first
    for client in clients:
        client.close()
    wait_until(lambda: edge.metrics().total("glorieta_connections", listener="web") == 0, 5, "no connection")


@pytest.mark.parametrize(("kind", "status"), [("application/grpc", 200), ("text/plain", 408)])
def test_messages_of_grpc_come_when_they_come(
    launch: Runner, world: World, origin: RecordingUpstream, kind: str, status: int
) -> None:
    made = http3(world, [route("/*", proxy())], timeouts={"body_ms": 300})
    edge = launch.engine(plan(made, [upstream("service", origin.address)]))
    with world.connect(edge) as client:
        stream = client.begin("/a.B/C", "POST", [("content-type", kind)], end=False)
        client.send(stream, b"first")
        client.pass_time(0.9)
        if not client.answer(stream).over:
            client.send(stream, b"second", end=True)
        assert client.read(stream).status == status


def test_an_idle_connection_ends(launch: Runner, world: World) -> None:
    document = http3(world, [route("/*", respond("here"))], timeouts={"keep_alive_ms": 300})
    edge = launch.engine(plan(document))
    with world.connect(edge) as client:
        assert client.get("/").status == 200
        began = time.monotonic()
        with pytest.raises(ConnectionError, match=f"error_code={NO_ERROR}"):
            client.wait(lambda: False, "the end")
        assert 0.2 < time.monotonic() - began < 5


def test_a_connection_has_so_many_requests(launch: Runner, world: World) -> None:
    document = http3(world, [route("/*", respond("here"))], limits={"requests_per_connection": 3})
    edge = launch.engine(plan(document))
    with world.connect(edge) as client:
        assert [answer.status for answer in answers(client, 3)] == [200] * 3
        with pytest.raises(ConnectionError, match=f"error_code={NO_ERROR}"):
            client.wait(lambda: False, "the end")


def test_there_are_so_many_connections(launch: Runner, world: World) -> None:
    document = http3(world, [route("/*", respond("here"))], limits={"connections": 3})
    edge = launch.engine(plan(document))
    clients = [world.connect(edge) for _ in range(3)]
    with pytest.raises(ConnectionError):
        world.connect(edge)
    assert edge.metrics().total("glorieta_rejected_total", reason="too_many_connections") >= 1
    clients.pop().close()
    wait_until(lambda: edge.metrics().total("glorieta_connections", listener="web") == 2, 5, "two connections")
    with world.connect(edge) as another:
        assert another.get("/").status == 200
    for client in clients:
        client.close()


def test_who_does_not_read_is_not_waited_for(launch: Runner, world: World, own_services: Services) -> None:
    """Neither the answer nor more than a window of it stays here."""
    service = own_services.keep(RecordingUpstream())
    service.respond = always(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n" + b"x" * 50_000_000)
    document = http3(world, [route("/*", proxy())], timeouts={"write_ms": 500})
    edge = launch.engine(plan(document, [upstream("service", service.address)]))
    with world.connect(edge) as other:
        assert other.h3 is not None
    before = edge.memory()
    clients = [world.connect(edge) for _ in range(20)]
    for client in clients:
        client.begin("/slow")
    # They read nothing any more.
    wait_until(lambda: len([each for each in edge.records() if each.get("path") == "/slow"]) == 20, 20, "all given up")
    assert all(each["reason"] == "client_gone" for each in edge.records() if each.get("path") == "/slow")
    assert edge.memory() - before < 60 << 20
    for client in clients:
        client.close()


def test_plain_tcp_is_as_before(edge: Engine, world: World) -> None:
    with TlsClient(edge.port, world.client) as client:
        assert client.get("/words").text.split()[2] == "HTTP/1.1"
    with RawClient(edge.port) as raw:
        assert "speaks HTTPS" in raw.exchange(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n").text
