"""HTTP/2 towards clients, with real ones: agreed on by ALPN, or known before."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, Runner, get, wait_until
from harness.certificates import Authority
from harness.http2 import FrameClient, Http2Client
from harness.plan import headers, http, plan, proxy, respond, route, server_tls, upstream
from harness.recording import Conversation, ReceivedRequest, RecordingUpstream
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Services

LARGE = bytes(range(256)) * 8000
CURL = pytest.mark.tool("curl", "curl")
H2LOAD = pytest.mark.tool("h2load", "nghttp2-client")


class World:
    def __init__(self, folder: Path):
        authority = Authority()
        self.ca = authority.write(folder)
        self.shop = authority.leaf("shop.example", "www.shop.example").write(folder, "shop")

    def client(self, *alpn: str) -> ssl.SSLContext:
        return trusting(self.ca, alpn=list(alpn) or ["h2"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.keep(RecordingUpstream(answer))


def answer(conversation: Conversation, request: ReceivedRequest) -> None:
    """Large bodies, bodies with trailers, hints, what came in, and what never comes."""
    match request.target:
        case "/large":
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
        case "/trailers":
            conversation.send(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n"
            )
        case "/hints":
            conversation.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: y\r\nX: 1\r\nY: 2\r\n\r\nbody")
        case "/cut":
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly")
            conversation.close()
        case "/never":
            conversation.reader.line()
        case _:
            said = json.dumps(
                {"target": request.target, "fields": request.fields, "length": len(request.body)}
            ).encode()
            conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(said) + said)


def everything(origin: RecordingUpstream) -> list[dict[str, object]]:
    return [upstream("service", origin.address)]


@pytest.fixture(scope="module")
def edge(start: Runner, world: World, origin: RecordingUpstream) -> Engine:
    """The same routes in clear and encrypted, and listeners of one version each."""
    routes = [
        route("/own", respond("own ${tls.version}")),
        route("/*", proxy(), filters=[headers({"set": {"x-filtered": "yes"}})]),
    ]
    tls = server_tls(world.shop)
    listeners = [
        http(routes, "clear"),
        http(routes, "secure", tls=tls),
        http([route("/*", respond("h1"))], "old", tls=tls, versions=["h1"]),
        http([route("/*", respond("h2"))], "new", tls=tls, versions=["h2"]),
        http([route("/*", respond("h2"))], "new-clear", versions=["h2"]),
    ]
    return start.engine(plan(listeners, everything(origin)))


@pytest.fixture(params=["clear", "secure"])
def client(request: pytest.FixtureRequest, edge: Engine, world: World) -> Iterator[Http2Client]:
    tls = world.client() if request.param == "secure" else None
    with Http2Client(edge.ports[request.param], tls) as made:
        yield made


def test_requests_and_bodies_both_ways(client: Http2Client, origin: RecordingUpstream) -> None:
    assert client.get("/own").text.startswith("own")
    answer = client.request("POST", "/echo?a=b", [("x-a", "1"), ("cookie", "a=1"), ("cookie", "b=2")], LARGE)
    said = json.loads(answer.text)
    assert (answer.status, said["target"], said["length"]) == (200, "/echo?a=b", len(LARGE))
    fields = {name.lower(): value for name, value in said["fields"]}
    assert fields["host"] == "shop.example"
    assert fields["x-forwarded-proto"] == client.scheme
    assert (fields["cookie"], fields["x-filtered"], fields["via"]) == ("a=1; b=2", "yes", "2 glorieta")
    assert client.get("/large").body == LARGE


def test_heads_trailers_and_hints(client: Http2Client) -> None:
    trailing = client.get("/trailers")
    assert (trailing.body, trailing.trailers) == (b"body", [("x-sum", "7")])
    hinted = client.get("/hints")
    assert [(status, dict(fields)["link"]) for status, fields in hinted.interim] == [(103, "</a.css>")]
    assert [hinted.header(name) for name in ("x", "y", "connection")] == ["1", None, None]
    head = client.request("HEAD", "/large")
    assert (head.header("content-length"), head.body) == (str(len(LARGE)), b"")


def test_an_answer_that_was_cut_off_is_reset(client: Http2Client) -> None:
    answer = client.get("/cut")
    assert answer.reset is not None
    assert not answer.ended


def test_many_at_once_on_one_connection(client: Http2Client) -> None:
    streams = [client.begin(path=f"/echo/{number}") for number in range(100)]
    targets = [json.loads(client.wait(stream).text)["target"] for stream in streams]
    assert targets == [f"/echo/{number}" for number in range(100)]


def test_expectations_are_met_once_the_service_wants_the_body(client: Http2Client) -> None:
    stream = client.begin("POST", "/echo", [("expect", "100-continue")], end=False)
    client.wait_for(lambda: client.answers[stream].interim, "100 Continue")
    client.send(stream, b"body", end=True)
    assert json.loads(client.wait(stream).text)["length"] == 4


def test_a_request_that_is_reset_is_cancelled_and_written_down(
    edge: Engine, client: Http2Client, origin: RecordingUpstream
) -> None:
    before = len(origin.conversations)
    stream = client.begin(path="/never", fields=[("user-agent", client.scheme)])
    wait_until(lambda: origin.requests and origin.requests[-1].target == "/never")
    client.h2.reset_stream(stream, 8)
    client.flush()
    record = edge.wait_record(path="/never", reason="client_gone")
    assert (record["protocol"], record["status"]) == ("HTTP/2", 499)
    assert client.get("/own").status == 200
    assert len(origin.conversations) >= before
    edge.log_file.write_text("")


def test_the_log_says_which_version_was_spoken(edge: Engine, client: Http2Client) -> None:
    client.get("/own?log")
    record = edge.wait_record(path="/own", protocol="HTTP/2", bytes_out=len(client.get("/own").body))
    assert record["method"] == "GET"


def test_connections_are_counted_as_they_are(edge: Engine) -> None:
    def states() -> tuple[float, float]:
        metrics = edge.metrics()
        return tuple(metrics.total("glorieta_connections", listener="clear", state=each) for each in ("idle", "active"))

    with Http2Client(edge.ports["clear"]) as client:
        client.get("/own")
        wait_until(lambda: states()[1] == 0 and states()[0] >= 1)
        client.begin(path="/never")
        wait_until(lambda: states()[1] == 1)
    wait_until(lambda: states() == (0, 0))


@pytest.mark.parametrize(
    ("listener", "offered", "agreed"),
    [
        ("secure", ["h2", "http/1.1"], "h2"),
        ("secure", ["http/1.1", "h2"], "h2"),
        ("secure", ["http/1.1"], "http/1.1"),
        ("old", ["h2", "http/1.1"], "http/1.1"),
        ("new", ["h2", "http/1.1"], "h2"),
    ],
)
def test_what_is_agreed_on(edge: Engine, world: World, listener: str, offered: list[str], agreed: str) -> None:
    with TlsClient(edge.ports[listener], world.client(*offered)) as client:
        assert client.tls.selected_alpn_protocol() == agreed


@pytest.mark.parametrize(("listener", "offered"), [("old", "h2"), ("new", "http/1.1"), ("secure", "h3")])
def test_who_speaks_nothing_in_common_is_told_so(edge: Engine, world: World, listener: str, offered: str) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        TlsClient(edge.ports[listener], world.client(offered))


def test_without_alpn_the_first_bytes_say_it(edge: Engine, world: World) -> None:
    with TlsClient(edge.ports["secure"], trusting(world.ca)) as client:
        assert client.get("/own").status == 200
    with Http2Client(edge.ports["secure"], trusting(world.ca)) as client2:
        assert client2.get("/own").status == 200


def test_http_1_where_only_http_2_is_spoken(edge: Engine) -> None:
    answer = get(edge.ports["new-clear"], "/")
    assert answer.status == 505
    edge.wait_record(reason="version_refused", listener="new-clear")
    with RawClient(edge.ports["new-clear"]) as client:
        client.send(b"nonsense\r\n")
        assert client.socket.recv(9)[3] == 4


def test_a_host_that_the_certificate_does_not_cover_is_misdirected(edge: Engine, world: World) -> None:
    with Http2Client(edge.ports["secure"], world.client()) as client:
        assert client.request(path="/own", authority="www.shop.example").status == 200
        assert client.request(path="/own", authority="other.example").status == 421
        assert client.get("/own").status == 200


def test_more_requests_at_once_than_are_allowed_are_refused_and_may_be_sent_anew(
    launch: Runner, origin: RecordingUpstream
) -> None:
    listener = http([route("/own", respond("own")), route("/*", proxy())], limits={"streams": 4})
    edge = launch.engine(plan(listener, everything(origin)))
    with FrameClient(edge.port) as client:
        head = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/never")]
        for stream in range(1, 11, 2):
            client.send(client.headers(stream, head))
        assert client.outcome(9) == "reset"


def test_a_drain_loses_no_request(launch: Runner, services: Services) -> None:
    release = threading.Event()

    def slow(conversation: Conversation, request: ReceivedRequest) -> None:
        release.wait(10)
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow")

    service = services.keep(RecordingUpstream(slow))
    edge = launch.engine(plan(http([route("/*", proxy())]), [upstream("service", service.address)]))
    with Http2Client(edge.port) as client, Http2Client(edge.port) as idle:
        stream = client.begin(path="/slow")
        wait_until(lambda: service.requests)
        edge.signal(signal.SIGTERM)
        assert idle.wait_closed() == 0
        client.wait_for(lambda: client.goaway is not None, "GOAWAY")
        release.set()
        assert client.wait(stream).text == "slow"
        assert client.wait_closed() == 0
    assert edge.wait_end() == 0


def test_a_reload_that_removes_the_listener_says_goodbye(launch: Runner) -> None:
    keep = http([route("/*", respond("kept"))], "keep")
    edge = launch.engine(plan([keep, http([route("/*", respond("gone"))], "gone")]))
    with Http2Client(edge.ports["gone"]) as client, Http2Client(edge.ports["keep"]) as other:
        assert (client.get().text, other.get().text) == ("gone", "kept")
        edge.reload(plan([http([route("/*", respond("new"))], "keep")]))
        assert client.wait_closed() == 0
        assert other.get().text == "new"


def test_a_connection_ends_after_its_requests_and_after_its_rest(launch: Runner) -> None:
    listeners = [
        http([route("/*", respond("own"))], "few", limits={"requests_per_connection": 3}),
        http([route("/*", respond("own"))], "short", timeouts={"keep_alive_ms": 300}),
    ]
    edge = launch.engine(plan(listeners))
    with Http2Client(edge.ports["few"]) as client:
        assert [client.get().status for _ in range(3)] == [200] * 3
        assert client.wait_closed() == 0
    with Http2Client(edge.ports["short"]) as client:
        assert client.get().status == 200
        assert client.wait_closed() == 0


def test_one_who_does_not_read_holds_nobody_up(edge: Engine) -> None:
    with Http2Client(edge.ports["clear"], settings={4: 1000}) as client:
        client.reads = False
        stuck = client.begin(path="/large")
        client.wait_for(lambda: len(client.answers[stuck].body) == 1000, "the window's worth")
        assert client.get("/own").status == 200


def test_small_pieces_that_no_service_takes_end_no_connection(launch: Runner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        routes = [route("/own", respond("own")), route("/*", proxy())]
        service = upstream("service", f"127.0.0.1:{silent.getsockname()[1]}")
        edge = launch.engine(plan(http(routes), [service]))
        with Http2Client(edge.port) as client:
            # Its windows are known then.
            assert client.get("/own").status == 200
            for _ in range(3):
                # Nothing of the body is taken before the service has said that it wants it.
                stream = client.begin("POST", "/slow", [("expect", "100-continue")], end=False)
                for _ in range(3000):
                    client.h2.send_data(stream, b"x" * 20)
                client.flush()
            assert client.get("/own").status == 200


@CURL
@pytest.mark.parametrize("listener", ["clear", "secure"])
def test_curl(edge: Engine, world: World, listener: str, tmp_path: Path) -> None:
    port = edge.ports[listener]
    version = "--http2-prior-knowledge" if listener == "clear" else "--http2"
    scheme = "http" if listener == "clear" else "https"
    upload = tmp_path / "upload"
    upload.write_bytes(LARGE)
    command = ["curl", "-sS", version, "--max-time", "20", "--cacert", str(world.ca)]
    command += ["--resolve", f"shop.example:{port}:127.0.0.1", "-w", "%{stderr}%{http_version} %{response_code}"]
    base = f"{scheme}://shop.example:{port}"
    done = subprocess.run([*command, f"{base}/large"], capture_output=True, timeout=30, check=False)
    assert (done.stderr, done.stdout) == (b"2 200", LARGE)
    done = subprocess.run([*command, "-T", upload, f"{base}/echo"], capture_output=True, timeout=30, check=False)
    assert (done.stderr, json.loads(done.stdout)["length"]) == (b"2 200", len(LARGE))


@H2LOAD
@pytest.mark.parametrize("listener", ["clear", "secure"])
def test_h2load(edge: Engine, listener: str) -> None:
    scheme = "http" if listener == "clear" else "https"
    url = f"{scheme}://127.0.0.1:{edge.ports[listener]}/own"
    command = ["h2load", "-n", "5000", "-c", "10", "-m", "50", "--connect-to", f"127.0.0.1:{edge.ports[listener]}"]
    command += ["--header", ":authority: shop.example", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert "5000 succeeded, 0 failed" in done.stdout, done.stdout + done.stderr
