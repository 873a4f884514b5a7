"""Mirrors over real sockets: what the copy is, and that the client never notices it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from harness import (
    Engine,
    HttpUpstream,
    RawClient,
    RecordingUpstream,
    Runner,
    Silent,
    always,
    build,
    chunks,
    get,
    refusing_address,
    request,
    wait_until,
)
from harness.plan import Document, headers, http, mirror, plan, proxy, respond, route, split, upstream
from harness.recording import OK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Conversation, ReceivedRequest, Services

ALL = ["GET", "POST", "PUT"]
MARK = "glorieta-mirror"


def never(conversation: Conversation, _: ReceivedRequest) -> None:
    """Takes a request and says nothing until the other side gives up."""
    conversation.wait_closed(30)


@pytest.fixture(scope="module")
def service(services: Services) -> HttpUpstream:
    return services.http()


@pytest.fixture(scope="module")
def shadow(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def silent() -> Iterator[Silent]:
    made = Silent()
    yield made
    made.stop()


def document(service: HttpUpstream, shadow: RecordingUpstream, silent: Silent) -> Document:
    added = headers({"set": {"X-Added": "1"}})
    gathered = {"gather": gather_of("service")}
    routes = [
        route("/all/*", proxy(strip_prefix="/all"), mirror=mirror(methods=ALL), filters=[added]),
        route("/safe/*", proxy(), mirror=mirror()),
        route("/renamed/*", proxy(host="upstream"), mirror=mirror(host="upstream")),
        route("/small/*", proxy(), mirror=mirror(methods=ALL, max_body_bytes=1000)),
        route("/few/*", proxy(), mirror=mirror(in_flight=2)),
        route("/late/*", proxy(), mirror=mirror(timeout_ms=200)),
        route("/refused/*", proxy(), mirror=mirror("refused")),
        route("/silent/*", proxy(), mirror=mirror("silent", timeout_ms=300)),
        route("/some/*", proxy(), mirror=mirror(share_percent=30)),
        route("/split/*", split({"service": 1}, rewrite="/v2${path}"), mirror=mirror()),
        route("/gathered", gathered, mirror=mirror()),
        route("/own", respond("own")),
        route("/failing/*", proxy("refused", retries=0), mirror=mirror()),
    ]
    upstreams = [
        upstream("service", service.address),
        upstream("shadow", shadow.address),
        upstream("refused", refusing_address()),
        upstream("silent", silent.address),
    ]
    return plan(http(routes), upstreams)


def gather_of(name: str) -> Document:
    shape = {"pick": None, "select": [], "drop": [], "rename": [], "flatten": []}
    part = {
        "name": "one", "upstream": name, "host": "preserve", "timeouts": mirror()["timeouts"], "retries": 0,
        "method": "GET", "path": "/part", "query": [], "headers": [], "forward": [], "body": "none", "timeout_ms": None,
        "after": [], "need": "required", "reads": "json", "shape": shape, "nest": None,
    }  # fmt: skip
    return {
        "parts": [part], "deadline_ms": None, "conflict": "error", "shape": shape, "report": None, "head": None,
        "max_bytes": 1 << 20,
    }  # fmt: skip


@pytest.fixture(scope="module")
def edge(start: Runner, service: HttpUpstream, shadow: RecordingUpstream, silent: Silent) -> Engine:
    return start.engine(document(service, shadow, silent))


@pytest.fixture(autouse=True)
def forgotten(service: HttpUpstream, shadow: RecordingUpstream) -> None:
    service.forget()
    shadow.forget()


def copied(shadow: RecordingUpstream, count: int = 1) -> list[ReceivedRequest]:
    return wait_until(lambda: list(shadow.requests) if len(shadow.requests) >= count else [], what="the copies")


def total(edge: Engine, name: str, path: str, **labels: str) -> float:
    return edge.metrics().total(f"glorieta_mirror_{name}_total", route=path, **labels)


def test_the_copy_is_what_the_service_gets_and_is_marked(
    edge: Engine, service: HttpUpstream, shadow: RecordingUpstream
) -> None:
    answer = request(edge.port, "POST", "/all/a%20b?q=1", {"Host": "shop.example", "X-Own": "2"}, b"hello")
    assert (answer.status, answer.json()["body_bytes"]) == (200, 5)
    [copy], [seen] = copied(shadow), service.requests
    assert (
        (copy.method, copy.target, copy.body)
        == (seen.method, seen.target, seen.body)
        == ("POST", "/a%20b?q=1", b"hello")
    )
    marked = [(name, value) for name, value in copy.fields if name.lower() == MARK]
    assert marked == [(MARK, "?1")]
    assert sorted(copy.fields) == sorted([*seen.fields, *marked])
    assert copy.header("Host") == "shop.example"
    assert (copy.header("X-Added"), copy.header("X-Request-ID")) == ("1", seen.header("X-Request-ID"))
    assert edge.wait_record(path="/all/a%20b")["mirror"] == "sent"
    wait_until(lambda: total(edge, "requests", "/all/*", upstream="shadow", outcome="2xx") >= 1)


@pytest.mark.parametrize("size", [1, 1000, 60_000])
def test_a_body_is_copied_byte_for_byte_as_it_passes(edge: Engine, shadow: RecordingUpstream, size: int) -> None:
    body = bytes(number * 7 % 251 for number in range(size))
    assert request(edge.port, "PUT", "/all/a", body=body).json()["body_bytes"] == size
    assert copied(shadow)[0].body == body
    shadow.forget()
    with RawClient(edge.port) as client:
        client.send(build("POST", "/all/a", {"Transfer-Encoding": "chunked"}))
        client.send(chunks([body[start : start + 700] for start in range(0, size, 700)]))
        assert client.read_response().status == 200
    assert copied(shadow)[0].body == body


def test_methods_that_nobody_asked_for_are_not_copied(edge: Engine, shadow: RecordingUpstream) -> None:
    assert request(edge.port, "POST", "/safe/a", body=b"x").status == 200
    assert request(edge.port, "DELETE", "/safe/a").status == 200
    assert get(edge.port, "/safe/b").status == 200
    assert [each.target for each in copied(shadow)] == ["/safe/b"]
    assert "mirror" not in edge.wait_record(path="/safe/a")


def test_the_copy_of_a_request_for_another_host_names_the_shadow(edge: Engine, shadow: RecordingUpstream) -> None:
    get(edge.port, "/renamed/a", {"Host": "shop.example"})
    assert copied(shadow)[0].header("Host") == shadow.address


def test_a_body_that_is_too_long_is_not_copied_and_counted(
    edge: Engine, service: HttpUpstream, shadow: RecordingUpstream
) -> None:
    long = b"x" * 1001
    assert request(edge.port, "POST", "/small/known", body=long).json()["body_bytes"] == 1001
    with RawClient(edge.port) as client:
        client.send(
            build("POST", "/small/unknown", {"Transfer-Encoding": "chunked"}) + chunks([long[:900], long[900:]])
        )
        assert client.read_response().json()["body_bytes"] == 1001
    assert request(edge.port, "POST", "/small/just", body=long[:1000]).status == 200
    assert [each.target for each in copied(shadow)] == ["/small/just"]
    assert total(edge, "dropped", "/small/*", reason="body_too_large") == 2
    for path in ("/small/known", "/small/unknown"):
        assert edge.wait_record(path=path)["mirror"] == "body_too_large"


def test_a_body_that_breaks_off_is_not_copied(edge: Engine, shadow: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(build("POST", "/all/broken", {"Content-Length": "10"}) + b"half")
    wait_until(lambda: total(edge, "dropped", "/all/*", reason="body_unread") >= 1)
    assert shadow.requests == []


def test_a_shadow_that_never_answers_costs_the_client_nothing(edge: Engine, shadow: RecordingUpstream) -> None:
    shadow.respond = never
    with RawClient(edge.port) as client:
        for _ in range(20):
            assert client.exchange(build("GET", "/late/a")).status == 200
    wait_until(lambda: total(edge, "requests", "/late/*", outcome="deadline") >= 20, 10, "the copies' deadlines")


def test_copies_beyond_the_bound_are_dropped_and_counted(edge: Engine, shadow: RecordingUpstream) -> None:
    shadow.respond = never
    with RawClient(edge.port) as client:
        for number in range(10):
            assert client.exchange(build("GET", f"/few/{number}")).status == 200
    assert len(copied(shadow, 2)) == 2
    assert total(edge, "dropped", "/few/*", reason="in_flight") == 8
    assert edge.wait_record(path="/few/9")["mirror"] == "in_flight"
    shadow.respond = always(OK)
    shadow.close_connections()
    wait_until(lambda: total(edge, "requests", "/few/*", upstream="shadow") == 2, what="the end of both")
    shadow.forget()
    get(edge.port, "/few/again")
    assert [each.target for each in copied(shadow)] == ["/few/again"]


def test_a_shadow_that_refuses_or_does_not_accept_costs_the_client_nothing(edge: Engine) -> None:
    for path in ("/refused/*", "/silent/*"):
        with RawClient(edge.port) as client:
            for _ in range(5):
                assert client.exchange(build("GET", path.replace("*", "a"))).status == 200
        wait_until(lambda path=path: total(edge, "requests", path) == 5, 10, "the copies' ends")
    assert total(edge, "requests", "/refused/*", outcome="refused") == 5


def test_a_shadow_that_errs_or_talks_nonsense_changes_nothing(edge: Engine, shadow: RecordingUpstream) -> None:
    for answer in (
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
    ):
        shadow.forget()
        shadow.respond = lambda conversation, _, answer=answer: (conversation.send(answer), conversation.close())[0]
        assert get(edge.port, "/safe/a").json()["service"] == "service"
        copied(shadow)
        assert len(shadow.requests) == 1, "a copy is not tried again"


def test_an_endless_answer_is_not_read(edge: Engine, shadow: RecordingUpstream) -> None:
    def endless(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            conversation.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    shadow.respond = endless
    assert get(edge.port, "/safe/a").status == 200
    copied(shadow)
    wait_until(lambda: shadow.ended(), what="the connection's end")


def test_some_are_copied_where_a_share_is_asked_for(edge: Engine, shadow: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        for _ in range(300):
            assert client.exchange(build("GET", "/some/a")).status == 200
    wait_until(lambda: total(edge, "requests", "/some/*") == len(shadow.requests) > 0)
    # 8 standard deviations around 90.
    assert 90 - 64 <= len(shadow.requests) <= 90 + 64


def test_of_a_split_and_of_a_gathering_the_same_is_copied_once(
    edge: Engine, service: HttpUpstream, shadow: RecordingUpstream
) -> None:
    get(edge.port, "/split/a?b")
    assert [each.target for each in copied(shadow)] == [service.requests[0].target] == ["/v2/split/a?b"]
    shadow.forget()
    assert get(edge.port, "/gathered?x=1").json()["target"] == "/part"
    assert [each.target for each in copied(shadow)] == ["/gathered?x=1"]


def test_a_copy_is_sent_although_the_service_itself_fails(edge: Engine, shadow: RecordingUpstream) -> None:
    assert get(edge.port, "/failing/a").status == 502
    assert [each.target for each in copied(shadow)] == ["/failing/a"]


def test_a_tunnel_has_no_copy(edge: Engine, service: HttpUpstream, shadow: RecordingUpstream) -> None:
    get(edge.port, "/safe/ws", {"Connection": "upgrade", "Upgrade": "websocket"})
    get(edge.port, "/safe/after")
    assert [each.target for each in copied(shadow)] == ["/safe/after"]


def test_a_drain_does_not_wait_for_copies(
    launch: Runner, service: HttpUpstream, shadow: RecordingUpstream, silent: Silent
) -> None:
    edge = launch.engine(document(service, shadow, silent))
    shadow.respond = never
    assert get(edge.port, "/safe/a").status == 200
    copied(shadow)
    began = time.monotonic()
    assert edge.stop() == 0
    # The copy may take ten seconds, and the drain 45; it had a moment.
    assert time.monotonic() - began < 8
