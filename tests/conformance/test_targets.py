"""The four forms of a request's target (RFC 9112 §3.2), and methods of any name."""

from __future__ import annotations

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, always, build
from harness.plan import http, plan, proxy, route, upstream
from harness.recording import OK


@pytest.mark.parametrize(
    ("target", "forwarded", "host"),
    [
        ("http://shop.example/a", "/a", "shop.example"),
        ("http://shop.example:81/a?b=c", "/a?b=c", "shop.example:81"),
        ("HTTP://Shop.Example/A", "/A", "shop.example"),
        ("https://shop.example/a", "/a", "shop.example"),
        ("http://shop.example", "/", "shop.example"),
        ("http://shop.example?b", "/?b", "shop.example"),
        ("http://[::1]:80/a", "/a", "[::1]:80"),
    ],
)
def test_the_absolute_form(edge: Engine, origin: RecordingUpstream, target: str, forwarded: str, host: str) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(build("GET", target, {"Host": "other"})).status == 200
    [request] = origin.requests
    assert (request.target, (request.header("Host") or "").lower()) == (forwarded, host)


@pytest.mark.parametrize("target", ["*", "http://shop.example"])
def test_the_asterisk_form(edge: Engine, origin: RecordingUpstream, target: str) -> None:
    """It speaks of the server as a whole: passed on as it is, or answered here, never turned into a path."""
    with RawClient(edge.port) as client:
        response = client.exchange(build("OPTIONS", target, {"Host": "shop.example"}))
    if origin.requests:
        assert [(each.method, each.target) for each in origin.requests] == [("OPTIONS", "*")]
    else:
        assert response.status in (200, 204, 404)


def test_the_asterisk_form_meets_the_catch_all(start: Runner, origin: RecordingUpstream) -> None:
    edge = start.engine(plan(http([route("*", proxy())]), [upstream("service", origin.address)]))
    with RawClient(edge.port) as client:
        for target in ("*", "http://shop.example"):
            assert client.exchange(build("OPTIONS", target, {"Host": "shop.example"})).status == 200
        assert client.exchange(build("GET", "/a")).status == 200
    seen = [(each.method, each.target) for each in origin.requests]
    assert seen == [("OPTIONS", "*"), ("OPTIONS", "*"), ("GET", "/a")]


def test_options_of_a_path(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(build("OPTIONS", "/a")).status == 200
    assert [(each.method, each.target) for each in origin.requests] == [("OPTIONS", "/a")]


@pytest.mark.parametrize(
    "method", ["GET", "PUT", "DELETE", "PATCH", "PROPFIND", "M-SEARCH", "get", "X!#$%&'*+-.^_`|~1"]
)
def test_methods_pass_as_they_are_written(edge: Engine, origin: RecordingUpstream, method: str) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(build(method, "/a", body=b"x"), method).status == 200
    assert [(each.method, each.body) for each in origin.requests] == [(method, b"x")]


def test_trace_shows_nobody_the_headers_of_others(edge: Engine, origin: RecordingUpstream) -> None:
    """Either refused or passed on like any request; glorieta itself never reflects one."""
    with RawClient(edge.port) as client:
        response = client.exchange(build("TRACE", "/a", {"Cookie": "secret"}))
    assert b"secret" not in response.body


@pytest.mark.parametrize(
    "query", ["", "?", "?a", "?a=b&a=c", "?a=%2F%20+", "?a=/../b", "?a=b?c=d", '?[]{}|^`"<>', "?%zz", "?a=%e9"]
)
def test_queries_are_nobodys_business(edge: Engine, origin: RecordingUpstream, query: str) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(build("GET", "/a" + query)).status == 200
    assert [each.target for each in origin.requests] == ["/a" + query]


def test_an_absolute_form_on_a_kept_connection_speaks_for_itself(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(OK)
    with RawClient(edge.port) as client:
        for host in ("one.example", "two.example"):
            assert client.exchange(build("GET", f"http://{host}/a", {"Host": host})).status == 200
    assert [each.header("Host") for each in origin.requests] == ["one.example", "two.example"]
