"""The `headers` filter in both directions, and the words that its templates know."""

from __future__ import annotations

import pytest

from harness import Engine, RecordingUpstream, Runner, Services, always, get, message, request
from harness.plan import addresses, headers, http, plan, proxy, respond, route, upstream

WORDS = {
    "client.ip": "127.0.0.1", "method": "GET", "scheme": "http", "host": "shop.example", "path": "/words/x%2Fy",
    "query": "q=1&r=%20", "query.q": "1", "query.r": "%20", "query.none": "", "path.rest": "x%2Fy", "protocol": "HTTP/1.1",
    "listener": "web", "route": "/words/{rest}", "header.x-one": "1", "header.x-two": "a, b", "header.none": "",
    "cookie.sid": "abc", "cookie.none": "", "search": "?q=1&r=%20", "target": "/words/x%2Fy?q=1&r=%20",
}  # fmt: skip


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    words = {"set": {f"X-Word-{number}": f"<${{{word}}}>" for number, word in enumerate(WORDS)}}
    change = headers(
        {
            "remove": ["X-Gone", "Cookie"],
            "set": {"X-Set": "new", "Host": "set.example"},
            "add": [("X-Added", "1"), ("X-Added", "2")],
        },
        {"remove": ["Server", "X-Powered-By"], "set": {"X-Frame-Options": "DENY"}, "add": [("Set-Cookie", "b=2")]},
    )
    both = [headers({"set": {"X-A": "first"}}), headers({"set": {"X-A": "second"}, "add": {"X-A": "third"}})]
    routes = [
        route("/change/*", proxy(), filters=[change]),
        route("/words/{rest}", proxy(), filters=[headers(words)]),
        route("/twice/*", proxy(), filters=both),
        route(
            "/empty",
            proxy(),
            filters=[headers({"set": {"X-Page": "${query.page}"}}, {"add": [("X-Next", "${query.next}")]})],
        ),
        route(
            "/refused", proxy(), filters=[addresses(deny=["127.0.0.0/8"]), headers(None, {"set": {"X-Csp": "none"}})]
        ),
        route("/own", respond("own"), filters=[headers(None, {"set": {"X-Frame-Options": "DENY"}})]),
        route(
            "/dollar",
            proxy(),
            filters=[headers({"set": {"X-Price": "$$5 ${method}"}}, {"set": {"X-Id": "${request_id}"}})],
        ),
        route(
            "/framing",
            proxy(),
            filters=[headers({"remove": ["Content-Length", "Transfer-Encoding"]}, {"remove": ["Content-Length"]})],
        ),
    ]
    for_all = headers(None, {"set": {"X-For-All": "${listener}", "Server": "edge"}, "remove": ["X-Request-ID"]})
    return start.engine(plan(http(routes, filters=[for_all]), [upstream("service", origin.address)]))


def test_what_no_route_takes_has_the_headers_of_the_listener(edge: Engine) -> None:
    """HSTS, for one, has to be on every answer (RFC 6797 §7.1)."""
    for path, method, status in (("/nowhere", "GET", 404), ("/%00", "GET", 400)):
        answer = request(edge.port, method, path)
        assert (answer.status, answer.headers("X-For-All"), answer.headers("Server")) == (status, ["web"], ["edge"])
        assert answer.header("X-Request-ID") is None
    assert get(edge.port, "/own").header("X-For-All") is None


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream) -> None:
    origin.forget()


def test_requests_are_changed(edge: Engine, origin: RecordingUpstream) -> None:
    sent = [
        ("Host", "a"),
        ("x-gone", "1"),
        ("X-GONE", "2"),
        ("Cookie", "a=1"),
        ("X-Set", "old"),
        ("x-set", "older"),
        ("X-Added", "0"),
    ]
    assert get(edge.port, "/change/a", sent).status == 200
    [received] = origin.requests
    assert (received.headers("X-Gone"), received.headers("Cookie"), received.headers("X-Set")) == ([], [], ["new"])
    assert received.headers("X-Added") == ["0", "1", "2"]
    assert len(received.headers("Host")) == 1


def test_answers_are_changed(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(
        message(200, b"ok", "Server: x\r\nX-Powered-By: y\r\nX-Frame-Options: ALLOW\r\nSet-Cookie: a=1\r\n")
    )
    response = get(edge.port, "/change/a")
    assert (response.headers("Server"), response.headers("X-Powered-By")) == ([], [])
    assert (response.headers("X-Frame-Options"), response.headers("Set-Cookie")) == (["DENY"], ["a=1", "b=2"])


def test_own_answers_are_changed_too(edge: Engine) -> None:
    assert get(edge.port, "/own").headers("X-Frame-Options") == ["DENY"]


def test_errors_of_a_route_are_changed_too(edge: Engine, origin: RecordingUpstream) -> None:
    refused = get(edge.port, "/refused")
    assert (refused.status, refused.headers("X-Csp")) == (403, ["none"])
    origin.respond = always(b"nonsense\r\n\r\n", close=True)
    broken = get(edge.port, "/change/a")
    assert (broken.status, broken.headers("X-Frame-Options")) == (502, ["DENY"])
    assert get(edge.port, "/nowhere").headers("X-Frame-Options") == []


def test_a_header_without_a_value_is_left_out(edge: Engine, origin: RecordingUpstream) -> None:
    response = get(edge.port, "/empty", {"X-Page": "mine"})
    assert (origin.requests[0].headers("X-Page"), response.headers("X-Next")) == ([], [])
    response = get(edge.port, "/empty?page=1&next=2", {"X-Page": "mine"})
    assert (origin.requests[1].headers("X-Page"), response.headers("X-Next")) == (["1"], ["2"])


def test_words(edge: Engine, origin: RecordingUpstream) -> None:
    fields = [("Host", "Shop.example:80"), ("X-One", "1"), ("X-Two", "a"), ("x-two", "b"), ("Cookie", "x=y; sid=abc")]
    assert get(edge.port, "/words/x%2fy?q=1&r=%20", fields).status == 200
    received = {word: origin.requests[0].header(f"X-Word-{number}") for number, word in enumerate(WORDS)}
    assert received == {word: f"<{value}>" for word, value in WORDS.items()}


def test_filters_run_in_their_order(edge: Engine, origin: RecordingUpstream) -> None:
    get(edge.port, "/twice/a", {"X-A": "mine"})
    assert origin.requests[0].headers("X-A") == ["second", "third"]


def test_dollars_and_ids(edge: Engine, origin: RecordingUpstream) -> None:
    response = get(edge.port, "/dollar")
    assert origin.requests[0].header("X-Price") == "$5 GET"
    assert response.header("X-Id") == origin.requests[0].header("X-Request-ID")


def test_framing_is_nobodys_to_remove(edge: Engine, origin: RecordingUpstream) -> None:
    answer = request(edge.port, "POST", "/framing", body=b"hello")
    assert (answer.body, origin.requests[0].body) == (b"ok", b"hello")
    assert get(edge.port, "/framing").body == b"ok"
    assert origin.errors == []
