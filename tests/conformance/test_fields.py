"""What is done to heads on their way, and what is left alone."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, always, build, get, message
from harness.plan import FORWARDED, http, plan, proxy, respond, route, upstream

# Fields that glorieta adds to every request, as the Plan of these tests asks for all of them.
ADDED = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via", "x-request-id"}


def test_fields_keep_their_order_case_and_duplicates(edge: Engine, origin: RecordingUpstream) -> None:
    sent = [
        ("X-B", "2"),
        ("x-a", "1"),
        ("X-B", "3"),
        ("Accept", "*/*"),
        ("X-EMPTY", ""),
        ("X-B", "2"),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
    ]
    assert get(edge.port, "/a", [("Host", "a"), *sent]).status == 200
    received = [(name, value) for name, value in origin.requests[0].fields if name.lower() not in ADDED | {"host"}]
    assert received == sent


def test_answers_keep_their_order_case_and_duplicates(edge: Engine, origin: RecordingUpstream) -> None:
    sent = [("Set-Cookie", "a=1"), ("x-a", "1"), ("Set-Cookie", "b=2"), ("X-EMPTY", ""), ("X-A", "2")]
    origin.respond = always(message(200, b"ok", "".join(f"{name}: {value}\r\n" for name, value in sent)))
    response = get(edge.port, "/a")
    assert [pair for pair in response.fields if pair in sent] == sent


def test_values_of_any_honest_bytes(edge: Engine, origin: RecordingUpstream) -> None:
    """obs-text, tabs and quotes pass in both directions (RFC 9110 §5.5)."""
    value = 'a\tb "c" \xe9\xff \x80'
    origin.respond = always(
        message(200, b"ok").replace(b"\r\n\r\n", b"\r\nX-Back: " + value.encode("latin-1") + b"\r\n\r\n", 1)
    )
    response = get(edge.port, "/a", {"X-Sent": value})
    assert (origin.requests[0].header("X-Sent"), response.header("X-Back")) == (value, value)


def test_blanks_around_a_value_go(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(b"GET /a HTTP/1.1\r\nHost:a\r\nX-A:b\r\nX-B:  \t c d \t\r\n\r\n")
        assert client.read_response().status == 200
    [request] = origin.requests
    assert (request.header("Host"), request.header("X-A"), request.header("X-B")) == ("a", "b", "c d")


def test_long_lists_up_to_the_limit(edge: Engine, origin: RecordingUpstream) -> None:
    fields = [("Host", "a")] + [(f"X-{number}", "v" * 300) for number in range(99)]
    assert get(edge.port, "/a", fields).status == 200
    assert [pair for pair in origin.requests[0].fields if pair[1] == "v" * 300] == fields[1:]
    origin.respond = always(message(200, b"ok", "".join(f"X-{number}: {'w' * 300}\r\n" for number in range(95))))
    assert len([pair for pair in get(edge.port, "/a").fields if pair[1] == "w" * 300]) == 95


def test_a_value_of_30_kib(edge: Engine, origin: RecordingUpstream) -> None:
    value = "x" * 30_000
    origin.respond = always(message(200, b"ok", f"X-Back: {value}\r\n"))
    response = get(edge.port, "/a", {"Cookie": value})
    assert (origin.requests[0].header("Cookie"), response.header("X-Back")) == (value, value)


@pytest.mark.parametrize(
    "status", [200, 201, 299, 301, 302, 399, 400, 401, 404, 418, 451, 499, 500, 503, 599, 600, 999]
)
def test_statuses_and_phrases_pass(edge: Engine, origin: RecordingUpstream, status: int) -> None:
    origin.respond = always(b"HTTP/1.1 %d My Own Phrase\r\nContent-Length: 2\r\n\r\nok" % status)
    response = get(edge.port, "/a")
    assert (response.status, response.reason) == (status, "My Own Phrase")


@pytest.mark.parametrize("line", [b"HTTP/1.1 200 \r\n", b"HTTP/1.1 200\r\n"])
def test_a_missing_phrase(edge: Engine, origin: RecordingUpstream, line: bytes) -> None:
    origin.respond = always(line + b"Content-Length: 2\r\n\r\nok")
    assert get(edge.port, "/a").body == b"ok"


def test_hop_by_hop_fields_of_answers_stay_here(edge: Engine, origin: RecordingUpstream) -> None:
    fields = "Connection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Kept: 1\r\n"
    origin.respond = always(message(200, b"ok", fields))
    response = get(edge.port, "/a")
    for name in ("X-Hop", "Keep-Alive", "Proxy-Authenticate", "Upgrade", "Proxy-Connection"):
        assert response.headers(name) == [], name
    assert response.header("X-Kept") == "1"


def test_date_is_added_where_it_is_missing(edge: Engine, origin: RecordingUpstream) -> None:
    """RFC 9110 §6.6.1."""
    assert parsedate_to_datetime(get(edge.port, "/a").header("Date") or "").tzinfo is not None
    mine = "Sun, 06 Nov 1994 08:49:37 GMT"
    origin.respond = always(message(200, b"ok", f"Date: {mine}\r\n"))
    assert get(edge.port, "/a").headers("Date") == [mine]


def test_server_is_the_origins(edge: Engine, origin: RecordingUpstream) -> None:
    assert get(edge.port, "/a").headers("Server") == []
    origin.respond = always(message(200, b"ok", "Server: theirs/1.0\r\n"))
    assert get(edge.port, "/a").headers("Server") == ["theirs/1.0"]


def test_via_in_both_directions(edge: Engine, origin: RecordingUpstream) -> None:
    """RFC 9110 §7.6.3: the version received, and who received it; what came before stays before."""
    origin.respond = always(message(200, b"ok", "Via: 1.0 theirs\r\n"))
    with RawClient(edge.port) as client:
        response = client.exchange(b"GET /a HTTP/1.0\r\nHost: a\r\nVia: 1.1 before\r\n\r\n")
    assert ", ".join(origin.requests[0].headers("Via")) == "1.1 before, 1.0 glorieta"
    assert ", ".join(response.headers("Via")) == "1.0 theirs, 1.1 glorieta"


def test_what_is_off_is_not_sent(start: Runner, origin: RecordingUpstream) -> None:
    origin.forget()
    quiet = http(
        [route("/*", proxy())],
        forwarded=dict.fromkeys(FORWARDED, False),
        request_id={"request": False, "response": False},
    )
    edge = start.engine(plan(quiet, [upstream("service", origin.address)]))
    response = get(edge.port, "/a")
    assert {name.lower() for name, _ in origin.requests[0].fields} == {"host"}
    assert {name.lower() for name, _ in response.fields} == {"content-length", "date"}


def test_a_name_for_via_and_server(start: Runner, origin: RecordingUpstream) -> None:
    origin.forget()
    routes = [route("/*", proxy()), route("/own", respond("own"))]
    edge = start.engine(plan(http(routes), [upstream("service", origin.address)], server_name="shop.example"))
    assert get(edge.port, "/a").header("Via") == "1.1 shop.example"
    assert origin.requests[0].header("Via") == "1.1 shop.example"
    assert get(edge.port, "/own").header("Server") == "shop.example"


def test_nothing_names_the_engines_version(edge: Engine) -> None:
    for path in ("/a", "/%"):
        with RawClient(edge.port) as client:
            response = client.exchange(build("GET", path))
        text = str(response.fields).lower() + response.text.lower()
        assert not re.search(r"glorieta[/ ]?v?[0-9]", text)
