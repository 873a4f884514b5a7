"""One answer of several calls, end to end: what the client gets, what the log and the metrics say, what is cancelled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.config import load_text
from glorieta.plan import compile
from harness import Engine, RawClient, Runner, Services, build, get, message, refusing_address, request, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Conversation, ReceivedRequest, RecordingUpstream

ROUTES = """
GET /home/{id}:
  gather:
    report: _missing
    parts:
      user: {to: shop, path: "/users/${path.id}"}
      orders: {to: shop, path: /orders, query: {user: "${path.id}"}, optional: {default: []}, nest: orders}
/refused: {gather: {parts: {one: {to: shop, path: /orders, nest: one}, two: {to: gone, path: /}}}}
/partial: {gather: {parts: {one: {to: shop, path: /users/1}, two: {to: gone, path: /, optional: on}}}}
/hang: {gather: {parts: {one: {to: shop, path: /hang}, two: {to: shop, path: /hang/2, optional: on}}}}
/unread: {gather: {parts: {one: {to: shop, path: /hang}, two: {to: shop, path: /orders}}}}
/headed: {gather: {head: one, parts: {one: {to: shop, path: /digested}, two: {to: shop, path: /orders, nest: orders}}}}
/late: {deadline: 300ms, gather: {parts: {one: {to: shop, path: /users/1}, two: {to: shop, path: /hang, optional: on}}}}
/large: {gather: {max_size: 1MiB, parts: {one: {to: shop, path: /large, nest: large}}}}
/sent: {gather: {parts: {one: {to: shop, method: POST, path: /echo, body: "${body}"}}}}
/kept: {gather: {parts: {one: {to: shop, path: /users/1}}}, filters: {headers: {response: {set: {x-set: "1"}}}}}
"""


DIGESTED = (
    "Repr-Digest: sha-256=:x:\r\nDigest: sha-256=x\r\nContent-Digest: sha-256=:x:\r\nWant-Content-Digest: sha-256=1\r\n"
    'Signature: a=:x:\r\nSignature-Input: a=()\r\nWarning: 110 - "x"\r\nPragma: x\r\nAccept-Ranges: bytes\r\nETag: "x"\r\n'
    "Set-Cookie: a=1\r\nX-Of-All: 1\r\n"
)


def configuration(shop: str) -> str:
    routes = "".join(f"      {line}\n" for line in ROUTES.strip().splitlines())
    upstreams = f"upstreams: {{shop: {{endpoints: [{shop}]}}, gone: {{endpoints: [{refusing_address()}]}}}}\n"
    return f"version: 1\nlisteners:\n  web:\n    bind: ':0'\n    routes:\n{routes}{upstreams}"


def respond(conversation: Conversation, received: ReceivedRequest) -> None:
    path = received.target.split("?")[0]
    if path.startswith("/hang"):
        return
    body: Any = {"id": path.rsplit("/", 1)[-1], "price": 7}
    if path == "/orders":
        body = [received.target]
    elif path == "/large":
        body = "x" * (2 << 20)
    elif path == "/echo":
        conversation.read_body(received)
        body = {"length": len(received.body), "type": received.header("content-type")}
    elif path == "/users/404":
        conversation.send(message(404, b'{"title":"no such user"}', "Content-Type: application/problem+json\r\n"))
        return
    more = DIGESTED if path == "/digested" else ""
    conversation.send(message(200, json.dumps(body).encode(), f"Cache-Control: max-age=60\r\n{more}"))


@pytest.fixture(scope="module")
def shop(services: Services) -> RecordingUpstream:
    return services.recording(respond)


@pytest.fixture(scope="module")
def edge(start: Runner, shop: RecordingUpstream) -> Engine:
    plan = json.loads(json.dumps(compile(load_text(configuration(shop.address)).edge)))
    plan["listeners"][0]["bind"] = [""]
    plan["access_log"]["to"] = None
    plan["admin"] |= {"address": None, "socket": None}
    return start.engine(plan)


@pytest.fixture(autouse=True)
def forgotten(shop: RecordingUpstream) -> None:
    shop.forget()
    shop.respond = respond


def test_one_answer_of_two(edge: Engine) -> None:
    answer = get(edge.port, "/home/7")
    assert answer.json() == {"id": "7", "price": 7, "orders": ["/orders?user=7"]}
    assert answer.header("content-type") == "application/json"
    assert answer.header("cache-control") == "max-age=60"
    record = edge.wait_record(path="/home/7")
    assert (record["status"], record["tries"], record.get("reason")) == (200, 2, None)
    metrics = edge.metrics()
    for part in ("user", "orders"):
        labels = {"route": "GET /home/{id}", "part": part, "outcome": "ok"}
        assert metrics.total("glorieta_gather_parts_total", **labels) >= 1


def test_a_head_has_the_length_and_no_body(edge: Engine) -> None:
    whole = get(edge.port, "/kept")
    assert whole.header("x-set") == "1"
    answer = request(edge.port, "HEAD", "/kept")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.header("content-length") == str(len(whole.body))


def test_a_required_parts_4xx_passes_and_is_named_in_the_log(edge: Engine) -> None:
    answer = get(edge.port, "/home/404")
    assert (answer.status, answer.json()) == (404, {"title": "no such user"})
    assert answer.header("content-type") == "application/problem+json"
    record = edge.wait_record(path="/home/404")
    assert (record["status"], record["reason"], record["upstream"]) == (404, "part_failed", "shop")
    assert record["detail"] == "part user: answered 404"


def test_a_part_that_cannot_be_reached(edge: Engine) -> None:
    assert get(edge.port, "/refused").status == 502
    record = edge.wait_record(path="/refused")
    assert (record["reason"], record["upstream"]) == ("refused", "gone")
    assert record["detail"].startswith("part two: 127.0.0.1:")
    answer = get(edge.port, "/partial")
    assert (answer.status, answer.header("glorieta-partial")) == (200, "two;r=refused")
    assert answer.header("cache-control") is None
    record = edge.wait_record(path="/partial")
    assert (record["status"], record["reason"]) == (200, "partial")
    assert record["detail"].startswith("part two: 127.0.0.1:")
    labels = {"route": "/partial", "part": "two", "outcome": "refused"}
    assert edge.metrics().total("glorieta_gather_parts_total", **labels) >= 1


def test_a_slow_optional_part_costs_itself(edge: Engine) -> None:
    answer = get(edge.port, "/late")
    assert (answer.status, answer.header("glorieta-partial")) == (200, "two;r=timeout")
    assert answer.json() == {"id": "1", "price": 7}


@pytest.mark.parametrize("leave", [RawClient.reset, RawClient.close], ids=["reset", "close"])
def test_a_client_that_goes_cancels_every_part(
    leave: Callable[[RawClient], None], edge: Engine, shop: RecordingUpstream
) -> None:
    with RawClient(edge.port) as client:
        client.send(build("GET", "/hang"))
        wait_until(lambda: len(shop.requests) == 2)
        leave(client)
    wait_until(lambda: shop.ended(0) and shop.ended(1))
    record = edge.wait_record(path="/hang")
    assert record["reason"] == "client_gone"


def test_an_answer_that_is_not_what_is_needed_ends_the_others_at_once(edge: Engine, shop: RecordingUpstream) -> None:
    assert get(edge.port, "/unread").status == 502
    record = edge.wait_record(path="/unread")
    assert (record["reason"], record["detail"]) == (
        "part_invalid",
        "part two: its answer is no object, and is not nested",
    )
    hanging = next(place for place, each in enumerate(shop.requests) if each.target == "/hang")
    wait_until(lambda: shop.ended(hanging))


def test_what_speaks_of_one_parts_body_is_not_said_of_all(edge: Engine) -> None:
    answer = get(edge.port, "/headed")
    assert answer.json() == {"id": "digested", "price": 7, "orders": ["/orders"]}
    names = {name.lower() for name, _ in answer.fields}
    assert {"set-cookie", "x-of-all"} <= names
    assert not names & {line.partition(":")[0].lower() for line in DIGESTED.splitlines()[:-2]}


def test_what_is_too_large_is_never_held(edge: Engine) -> None:
    assert get(edge.port, "/large").status == 502
    assert edge.wait_record(path="/large")["reason"] == "part_too_large"


def test_the_clients_body_is_sent_with_its_type(edge: Engine) -> None:
    headers = {"Content-Type": "application/x-own"}
    answer = request(edge.port, "POST", "/sent", headers, b"x" * 100_000)
    assert answer.json() == {"length": 100_000, "type": "application/x-own"}
    chunked = build("POST", "/sent", {"Transfer-Encoding": "chunked"}) + b"5\r\nhello\r\n0\r\n\r\n"
    with RawClient(edge.port) as client:
        assert client.exchange(chunked).json()["length"] == 5
