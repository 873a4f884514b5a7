"""TLS towards clients: which certificate answers, what it says to routes, and how files are replaced."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, Runner, wait_until
from harness.certificates import Authority
from harness.plan import headers, http, plan, proxy, respond, route, server_tls, upstream
from harness.process import engine_binary
from harness.recording import RecordingUpstream
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Services
    from harness.tls import Files

WORDS = "${scheme} ${sni} ${tls.version} ${client.certificate.verified} ${host}"


class World:
    """An authority, certificates of two names and a wildcard, and a client that believes in them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.authority = Authority()
        self.ca = self.authority.write(folder)
        self.shop = self.make("shop", "shop.example", "www.shop.example")
        self.api = self.make("api", "*.api.example")
        self.one = self.make("one", "one.example")
        self.client = trusting(self.ca)

    def make(self, name: str, *names: str) -> Files:
        return self.authority.leaf(*names).write(self.folder, name)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.keep(RecordingUpstream())


@pytest.fixture(scope="module")
def edge(start: Runner, world: World, origin: RecordingUpstream) -> Engine:
    routes = [
        route("/words", respond(WORDS)),
        route("/large", respond("x" * 1_000_000)),
        route("/*", proxy(), filters=[headers({"set": {"x-sni": "${sni}"}})]),
    ]
    again = [route("/*", respond("here"))]
    listeners = [
        http(routes, tls=server_tls(world.shop, world.api)),
        http(again, "strict", tls=server_tls(world.shop, unknown_name="refuse")),
        http(again, "modern", tls=server_tls(world.shop, minimum="1.3")),
        http(again, "one", tls=server_tls(world.one)),
        http(again, "clear"),
    ]
    return start.engine(plan(listeners, [upstream("service", origin.address)]))


def test_requests_pass_and_say_that_they_were_encrypted(edge: Engine, world: World, origin: RecordingUpstream) -> None:
    origin.forget()
    with TlsClient(edge.port, world.client) as client:
        for path in ("/a", "/b"):
            assert client.get(path).status == 200
    seen = origin.requests[0]
    assert (seen.header("X-Forwarded-Proto"), seen.header("X-Sni")) == ("https", "shop.example")
    assert "proto=https" in (seen.header("Forwarded") or "")
    assert edge.wait_record(path="/b")["tls"] == "1.3"


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        ("shop.example", "shop.example"),
        ("www.shop.example", "shop.example"),
        ("a.api.example", "*.api.example"),
    ],
)
def test_the_name_asked_for_chooses_the_certificate(edge: Engine, world: World, asked: str, answers: str) -> None:
    with TlsClient(edge.port, world.client, asked) as client:
        assert answers in client.names
        assert client.get("/words", asked).text == f"https {asked} 1.3 false {asked}"


def test_who_asks_for_no_name_or_an_unknown_one_gets_the_first(edge: Engine, world: World) -> None:
    everybody = trusting(None)
    for name in (None, "unknown.example"):
        with TlsClient(edge.port, everybody, name) as client:
            assert client.get("/words").status == 200
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        TlsClient(edge.ports["strict"], everybody, "unknown.example")
    with TlsClient(edge.ports["strict"], everybody, None) as client:
        assert client.get("/").status == 200
    record = edge.wait_record(reason="name_unknown")
    assert (record["listener"], record["detail"]) == ("strict", "unknown.example")


def test_a_host_that_the_certificate_does_not_cover_is_misdirected(edge: Engine, world: World) -> None:
    with TlsClient(edge.port, world.client) as client:
        answer = client.get("/words", "a.api.example")
        assert answer.status == 421
        # The connection lives on for what it stands for.
        assert client.get("/words", "www.shop.example:443").status == 200
    assert edge.wait_record(reason="misdirected")["status"] == 421
    assert edge.metrics().total("glorieta_rejected_total", listener="web", reason="misdirected") >= 1


def test_who_asked_for_the_only_name_is_held_to_it(edge: Engine, world: World) -> None:
    """A check by address, or a client that believes anybody, has asked for no name that could be mistaken."""
    everybody = trusting(None)
    for name, host, status in (
        ("one.example", "one.example", 200),
        ("one.example", "other.example", 421),
        (None, "192.0.2.1", 200),
        ("other.example", "other.example", 200),
    ):
        with TlsClient(edge.ports["one"], everybody, name) as client:
            assert client.get("/", host).status == status, (name, host)


def test_versions(edge: Engine, world: World) -> None:
    old = trusting(world.ca)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with TlsClient(edge.port, old) as client:
        assert client.get("/words").text.split()[2] == "1.2"
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
        TlsClient(edge.ports["modern"], old)


def test_a_protocol_that_nobody_speaks_ends_the_handshake(edge: Engine, world: World) -> None:
    with TlsClient(edge.port, trusting(world.ca, alpn=["h2", "http/1.1"])) as client:
        assert client.tls.selected_alpn_protocol() == "h2"
    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        TlsClient(edge.port, trusting(world.ca, alpn=["imap"]))


def test_plain_http_is_told_so(edge: Engine) -> None:
    with RawClient(edge.port) as client:
        answer = client.exchange(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n")
    assert (answer.status, answer.closes) == (400, True)
    assert "speaks HTTPS" in answer.text
    wait_until(
        lambda: edge.metrics().total("glorieta_rejected_total", listener="web", reason="plain_http") >= 1,
        5,
        "the count",
    )


def test_large_answers_and_requests_arrive_unchanged(edge: Engine, world: World, origin: RecordingUpstream) -> None:
    origin.forget()
    body = bytes(range(256)) * 4096
    with TlsClient(edge.port, world.client) as client:
        for _ in range(2):
            assert client.get("/large").text == "x" * 1_000_000
        head = b"POST /upload HTTP/1.1\r\nHost: shop.example\r\nContent-Length: %d\r\n\r\n" % len(body)
        assert client.exchange(head + body).status == 200
    assert origin.requests[-1].body == body


def test_sessions_are_taken_up_again_but_not_elsewhere(edge: Engine, world: World) -> None:
    context = trusting(world.ca)
    before = edge.metrics()
    with TlsClient(edge.port, context) as client:
        client.get("/words")
        session = client.tls.session
    with TlsClient(edge.port, context, session=session) as client:
        assert client.tls.session_reused
        assert client.get("/words").status == 200
        session = client.tls.session
    with TlsClient(edge.ports["strict"], context, session=session) as client:
        assert not client.tls.session_reused
    with TlsClient(edge.port, trusting(None), "a.api.example") as client:
        assert not client.tls.session_reused
    after = edge.metrics()

    def grown(result: str) -> float:
        labels = {"listener": "web", "result": result}
        return after.total("glorieta_tls_handshakes_total", **labels) - before.total(
            "glorieta_tls_handshakes_total", **labels
        )

    assert (grown("resumed"), grown("full")) == (1, 2)


def test_a_session_of_another_name_is_not_taken_up(edge: Engine, world: World) -> None:
    context = trusting(world.ca)
    context.check_hostname = False
    with TlsClient(edge.port, context) as client:
        client.get("/words")
        session = client.tls.session
    with TlsClient(edge.port, context, "a.api.example", session=session) as client:
        assert not client.tls.session_reused


@pytest.mark.tool("curl", "curl")
def test_curl_believes_it(edge: Engine, world: World) -> None:
    command = ["curl", "-sS", "--max-time", "10", "--cacert", str(world.ca), "--resolve"]
    command += [f"shop.example:{edge.port}:127.0.0.1", f"https://shop.example:{edge.port}/words"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout.split()[:2]) == (0, ["https", "shop.example"]), done.stderr


@pytest.mark.tool("openssl", "openssl")
def test_renegotiation_is_refused(edge: Engine) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{edge.port}", "-tls1_2", "-servername", "shop.example"]
    done = subprocess.run(command, input="R\n", capture_output=True, text=True, timeout=20, check=False)
    assert "RENEGOTIATING" in done.stderr
    assert "no renegotiation" in done.stderr, done.stderr


def test_the_end_is_said(edge: Engine, world: World) -> None:
    """An answer that ends with its connection cannot be told from one that was cut off, but by this."""
    with TlsClient(edge.port, world.client) as client:
        answer = client.exchange(b"GET /words HTTP/1.0\r\nHost: shop.example\r\n\r\n")
        assert answer.status == 200
        assert client.tls.recv(1) == b""


def test_expiry_is_a_metric(edge: Engine) -> None:
    metrics = edge.metrics()
    labels = metrics.labels("glorieta_certificate_expiry_seconds")
    assert {(each["listener"], each["name"]) for each in labels} >= {("web", "shop.example"), ("web", "*.api.example")}
    assert metrics.total("glorieta_certificate_expiry_seconds", listener="modern") > 1_700_000_000


def says(edge: Engine, words: str) -> bool:
    return words in edge.stderr


def replaced(edge: Engine, world: World, port: int, name: str) -> bool:
    with TlsClient(port, world.client, name) as client:
        return client.get("/").status == 200


def test_files_are_replaced_under_load_without_a_lost_request(launch: Runner, tmp_path: Path) -> None:
    """By rename, and by a symbolic link that is set elsewhere, as Kubernetes does it."""
    world = World(tmp_path)
    linked = tmp_path / "linked"
    for name, host in (("one", "one.example"), ("two", "two.example")):
        (tmp_path / name).mkdir()
        world.authority.leaf(host, "shop.example").write(tmp_path / name, "tls")
    linked.symlink_to(tmp_path / "one")
    listeners = [
        http([route("/*", respond("here"))], tls=server_tls(world.shop)),
        http([route("/*", respond("here"))], "linked", tls=server_tls((linked / "tls.crt", linked / "tls.key"))),
    ]
    edge = launch.engine(plan(listeners))
    failures: list[str] = []
    done = threading.Event()

    def load(port: int) -> None:
        while not done.is_set():
            try:
                with TlsClient(port, trusting(world.ca)) as client:
                    failures.extend("status" for _ in range(20) if client.get("/").status != 200)
            except (OSError, AssertionError) as error:
                failures.append(repr(error))

    threads = [threading.Thread(target=load, args=(port,)) for port in edge.ports.values() for _ in range(2)]
    for thread in threads:
        thread.start()
    lasting = TlsClient(edge.port, world.client)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for path in world.authority.leaf("new.example", "shop.example").write(fresh, "shop"):
        path.replace(tmp_path / path.name)
    (tmp_path / "link").symlink_to(tmp_path / "two")
    (tmp_path / "link").replace(linked)

    def answers(port: int, name: str) -> bool:
        try:
            return replaced(edge, world, port, name)
        except ssl.SSLCertVerificationError:
            return False

    wait_until(lambda: answers(edge.port, "new.example"), 15, "the renamed certificate")
    wait_until(lambda: answers(edge.ports["linked"], "two.example"), 15, "the linked certificate")
    assert lasting.get("/").status == 200
    lasting.close()
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert "its TLS files have changed and are in use" in edge.stderr


def test_bad_files_change_nothing_and_are_told(launch: Runner, tmp_path: Path) -> None:
    world = World(tmp_path)
    document = plan(http([route("/*", respond("here"))], tls=server_tls(world.shop)))
    edge = launch.engine(document)
    certificate, key = world.shop
    good = certificate.read_bytes(), key.read_bytes()
    expired = world.authority.expired("shop.example")
    other = world.authority.leaf("shop.example")
    cases = [
        (expired.pem, expired.key, "has expired 3 days ago"),
        (other.pem, good[1], "does not belong to the certificate"),
        (b"rubbish", good[1], "no certificate in PEM form"),
    ]
    for number, (pem, private, words) in enumerate(cases, 1):
        certificate.write_bytes(pem)
        key.write_bytes(private)
        wait_until(partial(says, edge, words), 15, words)
        assert replaced(edge, world, edge.port, "shop.example")
        assert edge.metrics().total("glorieta_certificate_reload_failures_total", listener="web") == number
    # A Plan that is about something else is not refused for it.
    edge.reload({**document, "version": "0123456789ab"})
    assert replaced(edge, world, edge.port, "shop.example")
    certificate.unlink()
    wait_until(lambda: "cannot be read" in edge.stderr, 15, "the missing file")
    assert replaced(edge, world, edge.port, "shop.example")


def test_nothing_starts_with_bad_files(tmp_path: Path) -> None:
    world = World(tmp_path)
    expired = world.authority.expired("old.example").write(tmp_path, "old")
    missing = (tmp_path / "missing.crt", tmp_path / "missing.key")
    listener = http([route("/*", respond())], tls=server_tls(expired, missing, (world.shop[0], world.api[1])))
    listener["bind"] = ["127.0.0.1:0"]
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan(listener, access_log={"to": "off"})))
    command = [str(engine_binary()), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    for words in ("old.crt has expired 3 days ago", "missing.crt cannot be read", "does not belong", "3 errors"):
        assert words in done.stderr, words
