"""A listener's filters hold for requests that find no route as well, and for glorieta's own answers to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, Runner, request
from harness.plan import addresses, headers, http, max_body, plan, respond, route

if TYPE_CHECKING:
    from harness import Response

HSTS = ("strict-transport-security", "max-age=63072000")
SAYS = [headers({"set": {"X-Asked": "1"}}, {"set": dict([HSTS]), "remove": ["Cache-Control"]})]


@pytest.fixture(scope="module")
def edge(start: Runner) -> Engine:
    routes = [route("GET /here", respond("here"))]
    listeners = [
        http(routes, "said", filters=SAYS),
        http(routes, "shut", filters=[addresses(deny=["127.0.0.0/8"]), *SAYS]),
        http(routes, "small", filters=[max_body(4)]),
        http(routes, "plain"),
    ]
    return start.engine(plan(listeners))


def ask(edge: Engine, listener: str, method: str, path: str, body: bytes = b"") -> Response:
    return request(edge.ports[listener], method, path, body=body)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("PUT", "/here", 405), ("GET", "/%00", 400), ("GET", "/../..", 400)],
)
def test_what_filters_add_to_answers_is_on_all_of_them(edge: Engine, method: str, path: str, status: int) -> None:
    answer = ask(edge, "said", method, path)
    assert (answer.status, answer.header(HSTS[0]), answer.header("cache-control")) == (status, HSTS[1], None)
    assert answer.header("allow") == ("GET, HEAD" if status == 405 else None)
    plain = ask(edge, "plain", method, path)
    assert (plain.status, plain.header(HSTS[0]), plain.header("cache-control")) == (status, None, "no-store")


def test_also_on_those_to_what_cannot_be_read(edge: Engine) -> None:
    with RawClient(edge.ports["said"]) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n")
        answer = client.read_response()
    assert (answer.status, answer.header(HSTS[0])) == (400, HSTS[1])


@pytest.mark.parametrize(("method", "path"), [("GET", "/nowhere"), ("PUT", "/here"), ("GET", "/%00")])
def test_who_may_not_come_in_does_not_learn_what_is_here(edge: Engine, method: str, path: str) -> None:
    answer = ask(edge, "shut", method, path)
    assert (answer.status, answer.header(HSTS[0]), answer.header("allow")) == (403, HSTS[1], None)


def test_the_reason_is_the_filters(edge: Engine) -> None:
    assert ask(edge, "shut", "GET", "/for-the-log").status == 403
    assert edge.wait_record(path="/for-the-log")["reason"] == "denied"


def test_bodies_are_bounded_where_nobody_wants_them(edge: Engine) -> None:
    assert ask(edge, "small", "POST", "/nowhere", b"12345").status == 413
    assert ask(edge, "small", "POST", "/nowhere", b"1234").status == 404
