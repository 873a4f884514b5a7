"""HTTP/2 towards upstreams: what passes, how connections are shared, and what may be sent again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import h2.errors
import h2.settings
import pytest

from harness import Engine, RawClient, Runner, build, get, request, wait_until
from harness.certificates import Authority
from harness.h2_upstream import H2Conversation, H2Request, H2Upstream, TlsH2Upstream, answer_ok
from harness.http2 import Http2Client
from harness.plan import check, client_tls, http, plan, proxy, route, upstream
from harness.tls import TlsUpstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Services

STREAMS = int(h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS)
WINDOW_SIZE = int(h2.settings.SettingCodes.INITIAL_WINDOW_SIZE)


def edge_to(launch: Runner, service: H2Upstream, workers: int = 1, retries: int = 0, **changes: object) -> Engine:
    """One worker, so that one connection could be enough."""
    made = upstream("service", service.address, version="h2", **changes)
    document = plan(http([route("/*", proxy(retries=retries))]), [made])
    document["workers"] = workers
    return launch.engine(document)


@pytest.fixture
def service(services: Services) -> Iterator[H2Upstream]:
    made = services.keep(H2Upstream())
    yield made
    made.stop()


def test_a_request_passes_with_all_that_belongs_to_it(launch: Runner, service: H2Upstream) -> None:
    def respond(talk: H2Conversation, asked: H2Request) -> None:
        asked.wait()
        talk.head(asked, 201, [("x-answer", "yes"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])
        talk.data(asked, asked.body[::-1])
        talk.trailers(asked, [("x-sum", "42")])

    service.respond = respond
    edge = edge_to(launch, service)
    with RawClient(edge.port) as client:
        client.send(
            b"POST /a%20b?q=1 HTTP/1.1\r\nHost: Shop.Example:80\r\nTransfer-Encoding: chunked\r\nX-Sent: 1\r\n"
            b"Connection: x-hop\r\nX-Hop: 1\r\nTE: trailers\r\nCookie: a=1\r\n\r\n"
            b"3\r\nabc\r\n0\r\nX-Trailer: t\r\n\r\n"
        )
        answer = client.read_response("POST")
    assert (answer.status, answer.body, answer.trailers) == (201, b"cba", [("x-sum", "42")])
    assert answer.headers("set-cookie") == ["a=1", "b=2"]
    asked = service.requests[0]
    pseudo = {name: value for name, value in asked.fields if name.startswith(":")}
    assert pseudo == {":method": "POST", ":scheme": "http", ":authority": "Shop.Example:80", ":path": "/a%20b?q=1"}
    assert (asked.header("x-sent"), asked.header("x-hop"), asked.header("te")) == ("1", None, "trailers")
    assert asked.header("cookie") == "a=1"
    assert [name for name in ("connection", "host", "transfer-encoding") if asked.header(name) is not None] == []
    assert asked.trailers == [("x-trailer", "t")]
    record = edge.wait_record(path="/a%20b")
    assert (record["status"], record["protocol"], record["tries"]) == (201, "HTTP/1.1", 1)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_lengths_and_answers_without_a_body(launch: Runner, service: H2Upstream, method: str) -> None:
    def respond(talk: H2Conversation, asked: H2Request) -> None:
        status = int(asked.target[1:])
        has_body = asked.method == "GET" and status == 200
        fields = [("content-length", "5")] if status != 204 else []
        talk.head(asked, status, fields, end=not has_body)
        if has_body:
            talk.data(asked, b"hello", end=True)

    service.respond = respond
    edge = edge_to(launch, service)
    with RawClient(edge.port) as client:
        for status in (200, 204, 304, 200):
            answer = client.exchange(build(method, f"/{status}"), method)
            assert answer.status == status
            assert answer.body == (b"hello" if method == "GET" and status == 200 else b"")
            assert answer.header("content-length") == (None if status == 204 else "5")
    assert service.accepted == 1


def test_large_bodies_pass_both_ways_at_once(launch: Runner, service: H2Upstream) -> None:
    def respond(talk: H2Conversation, asked: H2Request) -> None:
        talk.head(asked)
        sent = [0]
        while not asked.ended or sent[0] < len(asked.body):
            asked.wait(lambda: len(asked.body) > sent[0] or asked.ended)
            piece = asked.body[sent[0] :]
            talk.data(asked, piece)
            sent[0] += len(piece)
        talk.data(asked, b"", end=True)

    service.respond = respond
    edge = edge_to(launch, service)
    body = bytes(range(256)) * 16384
    assert request(edge.port, "POST", "/", body=body, timeout=30).body == body


def test_requests_share_a_connection(launch: Runner, service: H2Upstream) -> None:
    together = threading.Barrier(20)

    def respond(talk: H2Conversation, asked: H2Request) -> None:
        # None is answered before all have come.
        together.wait(10)
        talk.answer(asked, asked.target.encode())

    service.respond = respond
    edge = edge_to(launch, service)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda number: get(edge.port, f"/{number}").text, range(20)))
    assert answers == [f"/{number}" for number in range(20)]
    assert service.accepted == 1

    def counts() -> tuple[int, int]:
        endpoint = edge.status()["upstreams"][0]["endpoints"][0]
        return endpoint["in_flight"], endpoint["connections"]

    wait_until(lambda: counts() == (0, 1), what="the count of requests under way")


@pytest.mark.parametrize(("own", "allowed"), [(2, 100), (100, 2)])
def test_as_many_as_are_allowed_share_one(launch: Runner, services: Services, own: int, allowed: int) -> None:
    now, most, lock = [0], [0], threading.Lock()

    def respond(talk: H2Conversation, asked: H2Request) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.05)
        with lock:
            now[0] -= 1
        talk.answer(asked)

    service = services.keep(H2Upstream(respond, {STREAMS: allowed}))
    pool = {"max_connections": 1, "max_streams": own}
    edge = edge_to(launch, service, pool=pool)
    with ThreadPoolExecutor(10) as threads:
        assert {answer.status for answer in threads.map(lambda _: get(edge.port, "/"), range(10))} == {200}
    assert (most[0], service.accepted) == (2, 1)


def test_workers_share_what_connections_there_may_be(launch: Runner, services: Services) -> None:
    """A worker that has none gets one though another has it: sockets do not move, permits do."""
    service = services.keep(H2Upstream())
    edge = edge_to(
        launch, service, workers=2, pool={"max_connections": 1, "max_streams": 2}, queue={"timeout_ms": 20_000}
    )

    def ask(_: int) -> int:
        with RawClient(edge.port, timeout=30) as client:
            return [client.exchange(build("GET", "/")).status for _ in range(5)].count(200)

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(8))) == [5] * 8


def test_a_client_that_goes_resets_its_stream_only(launch: Runner, service: H2Upstream) -> None:
    begun, resets = threading.Event(), []

    def respond(talk: H2Conversation, asked: H2Request) -> None:
        if asked.target == "/stay":
            answer_ok(talk, asked)
            return
        begun.set()
        asked.wait(lambda: asked.reset is not None)
        resets.append(asked.reset)

    service.respond = respond
    edge = edge_to(launch, service)
    with RawClient(edge.port) as client:
        client.send(build("GET", "/go"))
        assert begun.wait(5)
    wait_until(lambda: resets, what="the reset")
    assert resets == [h2.errors.ErrorCodes.CANCEL]
    assert get(edge.port, "/stay").status == 200
    assert service.accepted == 1
    assert edge.wait_record(path="/go")["reason"] == "client_gone"


def test_a_slow_client_holds_up_no_other(launch: Runner, service: H2Upstream) -> None:
    def respond(talk: H2Conversation, asked: H2Request) -> None:
        asked.wait()
        talk.answer(asked, b"x" * (8 << 20 if asked.target == "/large" else 2))

    service.respond = respond
    edge = edge_to(launch, service)
    before = edge.memory()
    slow = [RawClient(edge.port, receive_buffer=4096) for _ in range(10)]
    try:
        for client in slow:
            client.send(build("GET", "/large"))
        wait_until(lambda: len(service.requests) == 10, what="ten requests")
        for _ in range(20):
            assert get(edge.port, "/small").body == b"xx"
        assert service.accepted == 1
        assert edge.memory() - before < 32 << 20
    finally:
        for client in slow:
            client.socket.close()


def test_small_pieces_that_nobody_reads_end_nobody_s_answer(launch: Runner, service: H2Upstream) -> None:
    """Each frame costs more than its few bytes, but the connection is shared with others, who do read."""
    written = []

    def respond(talk: H2Conversation, asked: H2Request) -> None:
        asked.wait()
        if asked.target != "/pieces":
            talk.answer(asked)
            return
        talk.head(asked)
        with talk.lock:
            for _ in range(3000):
                talk.h2.send_data(asked.stream, b"x" * 32)
            talk.flush()
        written.append(asked.stream)

    service.respond = respond
    edge = edge_to(launch, service)
    with Http2Client(edge.port, settings={WINDOW_SIZE: 1}) as slow:
        for _ in range(20):
            slow.begin(path="/pieces")
        wait_until(lambda: len(written) == 20, what="all pieces", timeout=30)
        # What comes on the same connection comes after them.
        assert get(edge.port, "/small").text == "ok"
        assert service.accepted == 1


def test_a_goaway_loses_no_request(launch: Runner, service: H2Upstream) -> None:
    first, second = threading.Event(), threading.Event()

    def respond(talk: H2Conversation, asked: H2Request) -> None:
        if asked.connection == 0 and asked.target == "/begun":
            first.set()
            second.wait(5)
            talk.answer(asked, b"begun")
        elif asked.connection == 0 and asked.target == "/not-begun":
            talk.goodbye(asked.stream - 2)
            second.set()
        else:
            answer_ok(talk, asked)

    service.respond = respond
    edge = edge_to(launch, service)
    with ThreadPoolExecutor(2) as threads:
        begun = threads.submit(get, edge.port, "/begun")
        assert first.wait(5)
        # Not idempotent, and sent again all the same: the endpoint has said that it did nothing. It costs no retry.
        not_begun = threads.submit(request, edge.port, "POST", "/not-begun", body=b"once")
        assert not_begun.result(10).status == 200
        assert begun.result(10).body == b"begun"
    assert [asked.body for asked in service.requests if asked.target == "/not-begun" and asked.connection == 1] == [
        b"once"
    ]
    assert service.accepted == 2
    wait_until(lambda: service.open_connections == 1, what="the end of the first connection")


@pytest.mark.parametrize(
    ("code", "method", "status"),
    [
        (h2.errors.ErrorCodes.REFUSED_STREAM, "POST", 200),
        (h2.errors.ErrorCodes.INTERNAL_ERROR, "POST", 502),
        (h2.errors.ErrorCodes.INTERNAL_ERROR, "GET", 200),
        (h2.errors.ErrorCodes.HTTP_1_1_REQUIRED, "GET", 502),
    ],
)
def test_what_a_reset_says_decides(launch: Runner, service: H2Upstream, code: int, method: str, status: int) -> None:
    def respond(talk: H2Conversation, asked: H2Request) -> None:
        asked.wait()
        if len(service.requests) == 1:
            talk.reset(asked, code)
        else:
            talk.answer(asked)

    service.respond = respond
    edge = edge_to(launch, service, retries=1)
    assert request(edge.port, method, "/").status == status
    if status == 502:
        record = edge.wait_record(path="/")
        assert record["reason"] == "reset"
        assert "asks for HTTP/1.1" in record["detail"] or "INTERNAL_ERROR" in record["detail"]


def test_an_endpoint_that_does_not_speak_it_is_an_error_that_says_so(launch: Runner, services: Services) -> None:
    old = services.recording()
    edge = launch.engine(plan(http([route("/*", proxy())]), [upstream("service", old.address, version="h2")]))
    assert get(edge.port, "/").status == 502
    record = edge.wait_record(path="/")
    assert record["reason"] in ("response_malformed", "reset") and "HTTP/2" in record["detail"], record


def test_times_hold(launch: Runner, service: H2Upstream) -> None:
    def respond(talk: H2Conversation, asked: H2Request) -> None:
        if asked.target == "/body":
            talk.head(asked)
            talk.data(asked, b"begun")
        asked.wait(lambda: asked.reset is not None)

    service.respond = respond
    made = upstream("service", service.address, version="h2")
    times = {"connect_ms": 2000, "first_byte_ms": 200, "idle_ms": 200, "tunnel_ms": 1000}
    routes = [
        route("/head", proxy(timeouts=times)),
        route("/body", proxy(timeouts=times)),
        route("/deadline", proxy(), deadline_ms=200),
    ]
    edge = launch.engine(plan(http(routes), [made]))
    assert get(edge.port, "/head").status == 504
    assert edge.wait_record(path="/head")["reason"] == "first_byte_timeout"
    with RawClient(edge.port) as client:
        client.send(build("GET", "/body"))
        assert client.read_to_end().endswith(b"begun\r\n")
    assert edge.wait_record(path="/body")["reason"] == "idle_timeout"
    assert get(edge.port, "/deadline").status == 504
    assert edge.wait_record(path="/deadline")["reason"] == "deadline"
    wait_until(lambda: all(asked.reset is not None for asked in service.requests), what="the resets")


def test_interim_answers_pass(launch: Runner, service: H2Upstream) -> None:
    def respond(talk: H2Conversation, asked: H2Request) -> None:
        with talk.lock:
            talk.h2.send_headers(asked.stream, [(":status", "103"), ("link", "</a.css>")])
            talk.flush()
        asked.wait()
        talk.answer(asked, asked.body)

    service.respond = respond
    edge = edge_to(launch, service)
    with RawClient(edge.port) as client:
        answer = client.exchange(build("GET", "/"))
    assert [(status, dict(fields)["link"]) for status, fields in answer.interim] == [(103, "</a.css>")]


def test_a_body_waits_for_leave_to_be_sent(launch: Runner, service: H2Upstream) -> None:
    def respond(talk: H2Conversation, asked: H2Request) -> None:
        if asked.target == "/no":
            talk.answer(asked, b"no", 417)
            return
        with talk.lock:
            talk.h2.send_headers(asked.stream, [(":status", "100")])
            talk.flush()
        asked.wait()
        talk.answer(asked, asked.body)

    service.respond = respond
    edge = edge_to(launch, service)
    head = b"PUT %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    with RawClient(edge.port) as client:
        client.send(head % b"/yes")
        assert client.read_head().status == 100
        client.send(b"body")
        assert client.read_response("PUT").body == b"body"
    with RawClient(edge.port) as client:
        client.send(head % b"/no")
        assert client.read_response("PUT").status == 417
    assert [asked.body for asked in service.requests] == [b"body", b""]


def test_an_upgrade_is_refused_with_the_reason(launch: Runner, service: H2Upstream) -> None:
    edge = edge_to(launch, service)
    with RawClient(edge.port) as client:
        client.send(
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert client.read_response().status == 502
    record = edge.wait_record(path="/")
    assert record["reason"] == "upgrade_impossible", record


def test_active_checks_speak_it_too(launch: Runner, services: Services) -> None:
    well = threading.Event()

    def respond(talk: H2Conversation, asked: H2Request) -> None:
        talk.answer(asked, b"", 200 if asked.target != "/healthz" or well.is_set() else 503)

    service = services.keep(H2Upstream(respond))
    edge = edge_to(launch, service, health=check("/healthz"))
    wait_until(lambda: get(edge.port, "/").status == 503, what="the endpoint to be down")
    well.set()
    wait_until(lambda: get(edge.port, "/").status == 200, what="the endpoint to be up")
    asked = next(each for each in service.requests if each.target == "/healthz")
    assert asked.header("user-agent") == "glorieta-health"


class World:
    def __init__(self, folder: Path, services: Services):
        self.authority = Authority()
        self.ca = self.authority.write(folder)
        files = self.authority.leaf("localhost").write(folder, "service")
        self.h2 = services.keep(TlsH2Upstream(files))
        self.both = services.keep(TlsH2Upstream(files, protocols=("h2", "http/1.1")))
        self.silent = services.keep(TlsH2Upstream(files, protocols=()))
        self.old = services.keep(TlsUpstream(files))
        self.old.context.set_alpn_protocols(["http/1.1"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, services: Services) -> World:
    return World(tmp_path_factory.mktemp("certificates"), services)


@pytest.fixture(scope="module")
def secure(start: Runner, world: World) -> Engine:
    tls = client_tls(world.ca)
    made = {
        "h2": (world.h2.port, "h2"),
        "both": (world.both.port, "auto"),
        "old": (world.old.port, "auto"),
        "required": (world.old.port, "h2"),
        "silent": (world.silent.port, "h2"),
        "plain": (world.old.port, "h1"),
    }
    upstreams = [
        upstream(name, f"localhost:{port}", tls=tls, version=version) for name, (port, version) in made.items()
    ]
    document = plan(http([route(f"/{name}", proxy(name)) for name in made]), upstreams)
    document["workers"] = 1
    return start.engine(document)


@pytest.mark.parametrize("name", ["h2", "both", "old", "plain"])
def test_by_tls_alpn_decides(secure: Engine, name: str) -> None:
    for _ in range(3):
        assert get(secure.port, f"/{name}").status == 200


def test_by_tls_the_scheme_says_so_and_one_connection_is_kept(secure: Engine, world: World) -> None:
    with ThreadPoolExecutor(10) as threads:
        assert {answer.status for answer in threads.map(lambda _: get(secure.port, "/both"), range(10))} == {200}
    assert world.both.accepted == 1
    assert {asked.header(":scheme") for asked in world.both.requests} == {"https"}


@pytest.mark.parametrize("name", ["required", "silent"])
def test_who_must_select_it_and_does_not_is_an_error(secure: Engine, name: str) -> None:
    assert get(secure.port, f"/{name}").status == 502
    record = secure.wait_record(path=f"/{name}")
    assert record["reason"] == "tls" and "no_common_protocol" in record["detail"], record
