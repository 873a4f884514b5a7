"""gRPC through glorieta: every kind of call, how it fails, and what log and metrics say of it."""

from __future__ import annotations

import base64
import struct
import threading
import time
from typing import TYPE_CHECKING

import grpc
import pytest

from harness import Engine, RawClient, Runner, get, refusing_address, wait_until
from harness.certificates import Authority
from harness.grpc_service import SERVICE, GrpcClient, GrpcService
from harness.h2_upstream import H2Conversation, H2Request, H2Upstream
from harness.plan import check, client_tls, http, plan, proxy, route, server_tls, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Services

WEB = {"grpc_web": {}}


@pytest.fixture(scope="module")
def service(services: Services) -> GrpcService:
    return services.keep(GrpcService())


@pytest.fixture(scope="module")
def edge(start: Runner, service: GrpcService) -> Engine:
    made = [
        upstream("service", service.address, version="h2"),
        upstream("two", [refusing_address(), service.address], version="h2", balance="first_available"),
        upstream("gone", refusing_address(), version="h2"),
    ]
    routes = [
        route(f"/{SERVICE}/*", proxy(), filters=[WEB]),
        route(f"late.example/{SERVICE}/*", proxy(), deadline_ms=200),
        route("/gone.Service/*", proxy("gone")),
        route(f"two.example/{SERVICE}/*", proxy("two", retries=1)),
        route("/closed.Service/*", proxy(), filters=[{"addresses": {"allow": ["192.0.2.1/32"], "deny": []}}]),
        route("/small.Service/*", proxy(), filters=[{"max_body": {"bytes": 10}}]),
    ]
    return start.engine(plan(http(routes), made))


@pytest.fixture
def client(edge: Engine) -> Iterator[GrpcClient]:
    with GrpcClient(f"127.0.0.1:{edge.port}") as made:
        yield made


def test_every_kind_of_call(client: GrpcClient) -> None:
    answer, call = client.one.with_call(b"hello", timeout=10)
    assert answer == b"olleh"
    assert ("x-trailer", "t") in call.trailing_metadata()
    assert list(client.stream(b"5", timeout=10)) == [b"0", b"1", b"2", b"3", b"4"]
    assert client.collect(iter([b"a", b"b", b"c"]), timeout=10) == b"a+b+c"
    assert list(client.chat(iter([b"a", b"b"]), timeout=10)) == [b"you said a", b"you said b"]


def test_a_chat_goes_back_and_forth(client: GrpcClient) -> None:
    said: list[bytes] = []
    more = threading.Semaphore(0)

    def speak() -> Iterator[bytes]:
        for number in range(5):
            yield b"%d" % number
            # The next is said only once the last was answered.
            assert more.acquire(timeout=10)

    call = client.chat(speak(), timeout=20)
    for answer in call:
        said.append(answer)
        more.release()
    assert said == [b"you said %d" % number for number in range(5)]
    assert ("x-begun", "1") in call.initial_metadata()


def test_large_messages(client: GrpcClient) -> None:
    large = bytes(range(256)) * 8192
    assert client.one(large, timeout=20) == large[::-1]


def test_a_failure_of_the_service_passes_as_it_is(edge: Engine, client: GrpcClient) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        client.one(b"fail x", timeout=10)
    assert failed.value.code() == grpc.StatusCode.NOT_FOUND
    assert failed.value.details() == "no such ört: 100%"
    record = edge.wait_record(grpc_status=5)
    assert (record["status"], record.get("reason"), record["protocol"]) == (200, None, "HTTP/2")


def call_failing(edge: Engine, path: str, message: bytes = b"x", **options: object) -> grpc.RpcError:
    with GrpcClient(f"127.0.0.1:{edge.port}") as client, pytest.raises(grpc.RpcError) as failed:
        client.channel.unary_unary(path)(message, timeout=10, **options)
    return failed.value


@pytest.mark.parametrize(
    ("path", "message", "code", "reason"),
    [
        ("/no.Service/One", b"x", grpc.StatusCode.UNIMPLEMENTED, "no_route"),
        ("/gone.Service/One", b"x", grpc.StatusCode.UNAVAILABLE, "refused"),
        ("/closed.Service/One", b"x", grpc.StatusCode.PERMISSION_DENIED, "denied"),
        ("/small.Service/One", b"x" * 100, grpc.StatusCode.RESOURCE_EXHAUSTED, "body_too_large"),
    ],
)
def test_errors_of_ones_own_are_statuses(
    edge: Engine, path: str, message: bytes, code: grpc.StatusCode, reason: str
) -> None:
    error = call_failing(edge, path, message)
    assert error.code() == code
    assert "request_id: " in error.details()
    record = edge.wait_record(path=path)
    assert (record["status"], record["grpc_status"], record["reason"]) == (200, code.value[0], reason)


def test_the_route_s_deadline_holds(edge: Engine, service: GrpcService) -> None:
    service.cancelled.clear()
    authority = {"grpc.default_authority": "late.example"}
    with GrpcClient(f"127.0.0.1:{edge.port}", **authority) as client, pytest.raises(grpc.RpcError) as failed:
        client.one(b"hang", timeout=20)
    assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert "request_id: " in failed.value.details()
    assert service.cancelled.wait(10)


def test_the_caller_s_own_deadline_holds_and_cancels(launch: Runner, services: Services) -> None:
    """Spoken by hand: a client of gRPC gives up by itself, and would never see what glorieta says."""
    resets: list[int | None] = []

    def respond(_: H2Conversation, asked: H2Request) -> None:
        asked.wait(lambda: asked.reset is not None)
        resets.append(asked.reset)

    slow = services.keep(H2Upstream(respond))
    mine = launch.engine(plan(http([route("/*", proxy())]), [upstream("service", slow.address, version="h2")]))
    with RawClient(mine.port) as client:
        client.send(
            b"POST /a.B/C HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\ngrpc-timeout: 200m\r\n"
            b"Content-Length: 5\r\n\r\n\0\0\0\0\0"
        )
        answer = client.read_response("POST")
    assert (answer.status, answer.header("grpc-status")) == (200, "4")
    assert answer.header("content-type") == "application/grpc"
    assert slow.requests[0].header("grpc-timeout") == "200m"
    wait_until(lambda: resets, what="the reset of the call")
    assert mine.wait_record(path="/a.B/C")["reason"] == "deadline"


def test_a_deadline_reaches_the_service(client: GrpcClient, service: GrpcService) -> None:
    client.one(b"x", timeout=7)
    assert 5 < (service.deadlines[-1] or 0) <= 7


def test_who_gives_up_cancels_the_call(edge: Engine, client: GrpcClient, service: GrpcService) -> None:
    service.cancelled.clear()
    call = client.one.future(b"hang", timeout=30)
    wait_until(lambda: service.calls and service.calls[-1][0] == "One" and not call.done(), what="the call")
    time.sleep(0.2)
    call.cancel()
    assert service.cancelled.wait(10)
    assert edge.wait_record(path=f"/{SERVICE}/One", reason="client_gone")["grpc_status"] == 1


def test_calls_are_balanced_and_tried_again(edge: Engine) -> None:
    authority = {"grpc.default_authority": "two.example"}
    with GrpcClient(f"127.0.0.1:{edge.port}", **authority) as client:
        for number in range(3):
            assert client.one(b"%d" % number, timeout=10) == b"%d" % number
    assert edge.metrics().total("glorieta_retries_total", upstream="two", reason="refused") >= 1


def test_calls_are_counted_by_their_status(edge: Engine, client: GrpcClient) -> None:
    client.one(b"x", timeout=10)

    def count() -> float:
        return edge.metrics().total("glorieta_grpc_requests_total", route=f"/{SERVICE}/*", status="0")

    wait_until(lambda: count() >= 1, what="the count of calls")
    assert edge.metrics().total("glorieta_grpc_requests_total", status="12") >= 0


def test_what_is_no_call_fails_as_ever(edge: Engine) -> None:
    assert get(edge.port, "/no/such/page").status == 404
    record = edge.wait_record(path="/no/such/page")
    assert "grpc_status" not in record


def message(text: bytes) -> bytes:
    return struct.pack(">BI", 0, len(text)) + text


def web_call(edge: Engine, kind: str, body: bytes, path: str = f"/{SERVICE}/One") -> tuple[str, bytes]:
    """A call as a browser makes it: by HTTP/1.1. The content type and the plain body of the answer."""
    text = kind.endswith("-text")
    sent = base64.b64encode(body) if text else body
    with RawClient(edge.port) as client:
        client.send(
            f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}+proto\r\nX-Grpc-Web: 1\r\n"
            f"Content-Length: {len(sent)}\r\n\r\n".encode()
            + sent
        )
        answer = client.read_response("POST")
    assert answer.status == 200 and not answer.trailers
    if not text:
        return answer.header("content-type") or "", answer.body
    groups = [answer.body[at : at + 4] for at in range(0, len(answer.body), 4)]
    return answer.header("content-type") or "", b"".join(base64.b64decode(group) for group in groups)


def frames_of(body: bytes) -> tuple[list[bytes], dict[str, str]]:
    messages, trailers = [], {}
    while body:
        kind, length = struct.unpack(">BI", body[:5])
        piece, body = body[5 : 5 + length], body[5 + length :]
        if kind & 0x80:
            trailers = dict(line.split(": ", 1) for line in piece.decode().splitlines())
        else:
            messages.append(piece)
    return messages, trailers


@pytest.mark.parametrize("kind", ["application/grpc-web", "application/grpc-web-text"])
def test_calls_of_browsers(edge: Engine, service: GrpcService, kind: str) -> None:
    content_type, body = web_call(edge, kind, message(b"hello"))
    messages, trailers = frames_of(body)
    # The form of messages is what the service says.
    assert content_type == kind
    assert messages == [b"olleh"]
    assert (trailers["grpc-status"], trailers["x-trailer"]) == ("0", "t")
    assert service.calls[-1][1].get("x-grpc-web") == "1"
    _, body = web_call(edge, kind, message(b"4"), f"/{SERVICE}/Stream")
    assert frames_of(body)[0] == [b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize("kind", ["application/grpc-web", "application/grpc-web-text"])
def test_failed_calls_of_browsers(edge: Engine, kind: str) -> None:
    messages, trailers = frames_of(web_call(edge, kind, message(b"fail x"))[1])
    assert (messages, trailers["grpc-status"]) == ([], "5")
    for path, status in (("/no.Service/One", "12"), ("/gone.Service/One", "14")):
        content_type, body = web_call(edge, kind, message(b"x"), path)
        assert content_type == f"{kind}+proto"
        assert frames_of(body)[1]["grpc-status"] == status


def test_a_body_that_is_no_base64_is_refused(edge: Engine, service: GrpcService) -> None:
    with RawClient(edge.port) as client:
        client.send(
            f"POST /{SERVICE}/One HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc-web-text\r\n"
            "Content-Length: 6\r\n\r\n!!!!!!".encode()
        )
        answer = client.read_response("POST")
    assert answer.status in (200, 400)
    assert client_is_served(edge)


def client_is_served(edge: Engine) -> bool:
    with GrpcClient(f"127.0.0.1:{edge.port}") as client:
        return bool(client.one(b"ab", timeout=10) == b"ba")


@pytest.mark.parametrize("name", ["", SERVICE])
def test_health_is_what_the_service_says_of_itself(launch: Runner, services: Services, name: str) -> None:
    service = services.keep(GrpcService())
    service.say_health(name, serving=False)
    kind = {"grpc": {"service": name}}
    made = upstream("service", service.address, version="h2", health=check() | {"kind": kind, "timeout_ms": 5000})
    edge = launch.engine(plan(http([route("/*", proxy())]), [made]))
    wait_until(lambda: "is down: NOT_SERVING" in edge.stderr, 20, "the endpoint to be down")
    service.say_health(name, serving=True)
    wait_until(lambda: "is up" in edge.stderr, 20, "the endpoint to be up")
    assert client_is_served(edge)


def test_a_service_that_is_not_known_is_down(launch: Runner, services: Services) -> None:
    service = services.keep(GrpcService())
    kind = {"grpc": {"service": "other.Service"}}
    made = upstream("service", service.address, version="h2", health=check() | {"kind": kind, "timeout_ms": 5000})
    edge = launch.engine(plan(http([route("/*", proxy())]), [made]))
    wait_until(lambda: "does not know the service (grpc-status 5)" in edge.stderr, 20, "the endpoint to be down")


def test_by_tls_on_both_sides(launch: Runner, services: Services, tmp_path: Path) -> None:
    authority = Authority()
    ca = authority.write(tmp_path)
    certificate, key = authority.leaf("localhost", "127.0.0.1").write(tmp_path, "service")
    pair = (key.read_bytes(), certificate.read_bytes())
    service = services.keep(GrpcService(grpc.ssl_server_credentials([pair])))
    made = upstream("service", f"localhost:{service.port}", version="auto", tls=client_tls(ca))
    edge = launch.engine(plan(http([route("/*", proxy())], tls=server_tls((certificate, key))), [made]))
    with GrpcClient(f"localhost:{edge.port}", grpc.ssl_channel_credentials(ca.read_bytes())) as client:
        assert client.one(b"abc", timeout=10) == b"cba"
        assert list(client.chat(iter([b"a"]), timeout=10)) == [b"you said a"]


def test_many_calls_at_once(edge: Engine) -> None:
    with GrpcClient(f"127.0.0.1:{edge.port}") as client:
        calls = [client.one.future(b"%d" % number, timeout=30) for number in range(300)]
        assert [call.result() for call in calls] == [(b"%d" % number)[::-1] for number in range(300)]
