"""WebSockets to services that are spoken to by HTTP/2 (RFC 8441), and where that falls back to HTTP/1.1. That they pass
through every pair of protocols is the matrix's."""

from __future__ import annotations

import base64
import hashlib
import random
import signal
import ssl
from typing import TYPE_CHECKING

import h2.errors
import h2.settings
import pytest

from harness import Engine, RawClient, Response, Runner, get, wait_until
from harness.certificates import Authority
from harness.h2_upstream import H2Conversation, H2Request, H2Upstream, TlsH2Upstream, answer_ok
from harness.message import EndOfStream
from harness.plan import client_tls, http, outlier, plan, proxy, route, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Services
    from harness.recording import Conversation

OFFERED = {int(h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL): 1}
KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The example of RFC 6455 §1.3."""


def echo(talk: H2Conversation, asked: H2Request) -> None:
    """Opens a WebSocket in which whatever comes goes back; what stands in its frames is nobody's on the way."""
    if asked.method != "CONNECT":
        return answer_ok(talk, asked)
    talk.head(asked, 200, [("sec-websocket-protocol", "chat")])
    told = 0

    def more() -> bool:
        return len(asked.body) > told or asked.ended or asked.reset is not None

    while not asked.reset:
        asked.wait(more)
        piece = asked.body[told:]
        told += len(piece)
        if piece:
            talk.data(asked, piece)
        elif asked.ended:
            return talk.data(asked, b"", end=True)
    return None


def handshake(path: str = "/chat", protocol: str = "websocket", key: str | None = KEY, method: str = "GET") -> bytes:
    fields = [f"Sec-WebSocket-Key: {key}"] if key else []
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: shop.example",
        "Connection: Upgrade, X-Hop",
        f"Upgrade: {protocol}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: chat, other",
        "X-Hop: 1",
        *fields,
    ]
    return "".join(f"{line}\r\n" for line in [*lines, ""]).encode()


def opened(edge: Engine, path: str = "/chat") -> RawClient:
    client = RawClient(edge.port)
    client.send(handshake(path))
    answer = client.read_head()
    assert (answer.status, answer.header("Upgrade"), answer.header("Connection")) == (101, "websocket", "upgrade")
    assert answer.headers("Sec-WebSocket-Accept") == [ACCEPT]
    return client


def asked(edge: Engine, request: bytes) -> Response:
    with RawClient(edge.port) as client:
        client.send(request)
        return client.read_response()


@pytest.fixture
def service(services: Services) -> Iterator[H2Upstream]:
    made = services.keep(H2Upstream(echo, OFFERED))
    yield made
    made.stop()


def edge_to(launch: Runner, service: H2Upstream, tunnel_ms: int = 60_000, **changes: object) -> Engine:
    times = {"connect_ms": 3000, "first_byte_ms": 5000, "idle_ms": 5000, "tunnel_ms": tunnel_ms}
    made = upstream("service", service.address, **{"version": "h2", **changes})
    document = plan(http([route("/*", proxy(timeouts=times))]), [made])
    document["workers"] = 1
    return launch.engine(document)


def test_one_opens_with_all_that_belongs_to_it(launch: Runner, service: H2Upstream) -> None:
    edge = edge_to(launch, service)
    data = random.Random(8441).randbytes(300_000)
    with opened(edge, "/chat?room=1") as client:
        client.send(data)
        assert client.reader.exactly(len(data)) == data
        client.finish_sending()
        assert client.read_to_end() == b""
    seen = service.requests[0]
    pseudo = {name: value for name, value in seen.fields if name.startswith(":")}
    assert pseudo == {
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":scheme": "http",
        ":authority": "shop.example",
        ":path": "/chat?room=1",
    }
    assert (seen.header("sec-websocket-version"), seen.header("sec-websocket-protocol")) == ("13", "chat, other")
    assert seen.header("x-forwarded-for") == "127.0.0.1"
    left = ("sec-websocket-key", "upgrade", "connection", "x-hop", "content-length", "transfer-encoding")
    assert [name for name in left if seen.header(name) is not None] == []
    record = edge.wait_record(path="/chat")
    assert (record["status"], record.get("reason"), record["tries"]) == (101, None, 1), record
    assert (record["bytes_in"], record["bytes_out"]) == (len(data), len(data))
    metrics = edge.metrics()
    for direction in ("in", "out"):
        assert metrics.total("glorieta_tunnel_bytes_total", direction=direction) == len(data)


def test_they_share_one_connection_with_requests(launch: Runner, service: H2Upstream) -> None:
    edge = edge_to(launch, service)
    with opened(edge) as one, opened(edge) as other:
        assert get(edge.port, "/page").status == 200
        for client, text in ((one, b"one"), (other, b"other")):
            client.send(text)
            assert client.reader.exactly(len(text)) == text
    assert service.accepted == 1


def test_who_refuses_answers_the_client(launch: Runner, service: H2Upstream) -> None:
    service.respond = lambda talk, seen: talk.answer(seen, b"not you", 403)
    edge = edge_to(launch, service)
    answer = asked(edge, handshake())
    assert (answer.status, answer.body) == (403, b"not you")
    # The stream was ended and not reset: who resets many is taken for an attacker.
    service.requests[0].wait()
    assert service.requests[0].reset is None


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        (handshake(key=None), 400, "head_malformed"),
        (handshake(key="short"), 400, "head_malformed"),
        (handshake(method="OPTIONS"), 400, "head_malformed"),
        (handshake(protocol="chat"), 502, "upgrade_impossible"),
    ],
)
def test_what_is_no_request_for_one_goes_nowhere(
    launch: Runner, service: H2Upstream, request_: bytes, status: int, reason: str
) -> None:
    edge = edge_to(launch, service)
    assert asked(edge, request_).status == status
    assert edge.wait_record(path="/chat")["reason"] == reason
    assert service.requests == []


def test_a_service_that_does_not_offer_them_is_named(launch: Runner, services: Services) -> None:
    service = services.keep(H2Upstream())
    edge = edge_to(launch, service)
    assert asked(edge, handshake()).status == 502
    record = edge.wait_record(path="/chat")
    assert record["reason"] == "upgrade_impossible"
    assert "SETTINGS_ENABLE_CONNECT_PROTOCOL" in record["detail"], record
    assert service.requests == []


def test_one_on_which_nothing_moves_is_closed(launch: Runner, service: H2Upstream) -> None:
    edge = edge_to(launch, service, tunnel_ms=300)
    with opened(edge) as client:
        assert client.is_closed(5)
    assert edge.wait_record(path="/chat")["reason"] == "idle_timeout"
    seen = service.requests[0]
    seen.wait()
    assert seen.reset == h2.errors.ErrorCodes.CANCEL


def test_a_reset_is_passed_on_both_ways(launch: Runner, service: H2Upstream) -> None:
    edge = edge_to(launch, service)
    with opened(edge, "/client") as client:
        client.reset()
    seen = service.requests[0]
    seen.wait(lambda: seen.reset is not None)
    assert seen.reset == h2.errors.ErrorCodes.CANCEL
    assert edge.wait_record(path="/client")["reason"] == "client_gone"

    def opened_and_reset(talk: H2Conversation, seen: H2Request) -> None:
        talk.head(seen, 200)
        seen.wait(lambda: seen.body)
        talk.reset(seen, h2.errors.ErrorCodes.INTERNAL_ERROR)

    service.respond = opened_and_reset
    with opened(edge, "/service") as client:
        client.send(b"go")
        with pytest.raises((ConnectionError, EndOfStream)):
            client.reader.exactly(1)
    assert edge.wait_record(path="/service")["reason"] == "reset"


def test_a_drain_waits_for_them(launch: Runner, service: H2Upstream) -> None:
    edge = edge_to(launch, service)
    with opened(edge) as client:
        edge.signal(signal.SIGTERM)
        wait_until(lambda: edge.ask("/readyz").status == 503, 5, "the drain")
        client.send(b"still")
        assert client.reader.exactly(5) == b"still"
        client.finish_sending()
        assert client.read_to_end() == b""
    assert edge.wait_end() == 0


class Either(TlsH2Upstream):
    """Selects HTTP/2 where it is offered, and opens WebSockets by HTTP/1.1 only."""

    def serve(self, conversation: Conversation) -> None:
        assert isinstance(conversation.socket, ssl.SSLSocket)
        if conversation.socket.selected_alpn_protocol() == "h2":
            return super().serve(conversation)
        head = conversation.read_head()
        key = head.header("Sec-WebSocket-Key") or ""
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        accept = base64.b64encode(digest).decode()
        conversation.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
        )
        while data := conversation.socket.recv(1 << 16):
            conversation.send(data)
        return None


class World:
    def __init__(self, folder: Path) -> None:
        authority = Authority()
        self.tls = client_tls(authority.write(folder))
        self.files = authority.leaf("localhost").write(folder, "service")

    def edge_to(self, launch: Runner, service: H2Upstream, **changes: object) -> Engine:
        made = upstream("service", f"localhost:{service.port}", tls=self.tls, version="auto", **changes)
        document = plan(http([route("/*", proxy(retries=0))]), [made])
        document["workers"] = 1
        return launch.engine(document)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("certificates"))


def test_auto_goes_back_to_http_1_1_where_http_2_offers_none(launch: Runner, services: Services, world: World) -> None:
    service = services.keep(Either(world.files, protocols=("h2", "http/1.1")))
    edge = world.edge_to(launch, service)
    for _ in range(2):
        with opened(edge) as client:
            client.send(b"bytes")
            assert client.reader.exactly(5) == b"bytes"
        # All else goes on by HTTP/2.
        assert get(edge.port, "/page").status == 200
    assert [seen.target for seen in service.requests] == ["/page", "/page"]
    # One that is shared, and one for each WebSocket.
    assert service.accepted == 3


def test_auto_stays_with_http_2_where_that_offers_them(launch: Runner, services: Services, world: World) -> None:
    service = services.keep(Either(world.files, echo, ("h2", "http/1.1"), OFFERED))
    edge = world.edge_to(launch, service)
    with opened(edge) as client:
        client.send(b"bytes")
        assert client.reader.exactly(5) == b"bytes"
    assert (service.accepted, service.requests[0].header(":scheme")) == (1, "https")


def test_who_speaks_http_2_alone_and_offers_none_is_named_and_not_blamed(
    launch: Runner, services: Services, world: World
) -> None:
    service = services.keep(TlsH2Upstream(world.files))
    edge = world.edge_to(launch, service, outlier=outlier(consecutive=1))
    for number in range(3):
        assert asked(edge, handshake(f"/{number}")).status == 502
        record = edge.wait_record(path=f"/{number}")
        assert record["reason"] == "upgrade_impossible", record
        # A client that asks for what cannot be does not take the service from the others.
        assert get(edge.port, "/page").status == 200
