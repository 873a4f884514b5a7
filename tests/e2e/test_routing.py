"""Which route wins (the precedence table of docs/concepts/reverse-proxy.md), asked of a running engine."""

from __future__ import annotations

import random

import pytest

from harness import Engine, RawClient, Runner, build, get, request
from harness.plan import Document, http, plan, respond, route

KEYS = [
    "/a", "/a/*", "/a/b", "/a/b/*", "/a/{x}", "/a/{x}/c", "/a/b/{y}", "/a/{x}/{y}", "/users/{id}/orders/{order}",
    "/files/{name}/*", "GET /m", "POST /m", "/m", "/m/*", "GET /only", "PUT,DELETE /only", "~/re/[0-9]+", "~/re/.*",
    "shop.example/a", "shop.example/s/*", "*.shop.example/a", "*.shop.example/w/*", "*.deep.shop.example/w/*",
    "shop.example/{x}", "/%7Euser", "/enc%2Foded", "/%C3%B1", "/a.b/*", "/deep/1/2/3/4/5/6/7/8/*",
]  # fmt: skip


def route_table() -> list[Document]:
    routes = [route(key, respond(f"{key}|${{path.id}}${{path.x}}${{path.y}}${{path.name}}")) for key in KEYS]
    routes[KEYS.index("~/re/[0-9]+")]["priority"] = 1
    for name, changes in CONDITIONS.items():
        routes.append(route("/cond", respond(name), name=name, **changes))
    return routes


def match(name: str, value: object) -> list[Document]:
    return [{"name": name, "value": value}]


CONDITIONS: dict[str, Document] = {
    "cond": {},
    "cond-get": {"methods": ["GET"]},
    "cond-header": {"headers": match("X-Kind", {"exact": "gold"})},
    "cond-two": {"headers": match("X-Kind", {"exact": "gold"}) + match("X-Beta", "present")},
    "cond-regex": {"headers": match("X-Number", {"regex": "[0-9]+"})},
    "cond-absent": {"headers": match("X-Kind", "absent") + match("X-Mark", {"prefix": "pre"})},
    "cond-query": {"query": match("v", {"exact": "2"})},
    "cond-post-query": {"methods": ["POST"], "query": match("v", "present")},
}


@pytest.fixture(scope="module")
def edge(start: Runner) -> Engine:
    """The routes in a random order, which must not matter."""
    routes = route_table()
    random.Random(1).shuffle(routes)
    return start.engine(plan(http(routes)))


ASKED = [
    ("a.example/a", "/a|"),
    ("a.example/a/", "/a/*|"),
    ("a.example/a/b", "/a/b|"),
    ("a.example/a/b/", "/a/b/*|"),
    ("a.example/a/b/x", "/a/b/{y}|x"),
    ("a.example/a/b/x/y", "/a/b/*|"),
    ("a.example/a/q", "/a/{x}|q"),
    ("a.example/a/q/c", "/a/{x}/c|q"),
    ("a.example/a/q/r", "/a/{x}/{y}|qr"),
    ("a.example/a/q/r/s", "/a/*|"),
    ("a.example/users/7/orders/9", "/users/{id}/orders/{order}|7"),
    ("a.example/files/x/y/z", "/files/{name}/*|x"),
    ("a.example/files/x", "/files/{name}/*|x"),
    ("a.example/re/12", "~/re/[0-9]+|"),
    ("a.example/re/12x", "~/re/.*|"),
    ("a.example/a.b/c", "/a.b/*|"),
    ("a.example/deep/1/2/3/4/5/6/7/8/9", "/deep/1/2/3/4/5/6/7/8/*|"),
    ("a.example/~user", "/%7Euser|"),
    ("a.example/%7euser", "/%7Euser|"),
    ("a.example/enc%2foded", "/enc%2Foded|"),
    ("a.example/%c3%b1", "/%C3%B1|"),
    ("shop.example/a", "shop.example/a|"),
    ("SHOP.example:8080/a", "shop.example/a|"),
    ("shop.example/zzz", "shop.example/{x}|zzz"),
    ("shop.example/s/1", "shop.example/s/*|"),
    ("shop.example/a/b", "/a/b|"),
    ("x.shop.example/a", "*.shop.example/a|"),
    ("x.y.shop.example/a", "*.shop.example/a|"),
    ("x.shop.example/w/1", "*.shop.example/w/*|"),
    ("x.deep.shop.example/w/1", "*.deep.shop.example/w/*|"),
    ("x.deep.shop.example/a", "*.shop.example/a|"),
    ("evilshop.example/a", "/a|"),
    ("shop.example.evil/a", "/a|"),
]


@pytest.mark.parametrize(("address", "expected"), ASKED)
def test_host_and_path(edge: Engine, address: str, expected: str) -> None:
    host, _, path = address.partition("/")
    assert get(edge.port, "/" + path, {"Host": host}).text == expected


@pytest.mark.parametrize(
    "address", ["a.example/", "a.example/A", "a.example/ab", "a.example/users/7", "a.example/re/", "a.example/enc/oded"]
)
def test_nothing_matches(edge: Engine, address: str) -> None:
    host, _, path = address.partition("/")
    expected = 200 if path == "re/" else 404
    assert get(edge.port, "/" + path, {"Host": host}).status == expected


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/m", "GET /m|"), ("HEAD", "/m", ""), ("POST", "/m", "POST /m|"), ("PUT", "/m", "/m|"),
        ("GET", "/m/x", "/m/*|"), ("GET", "/only", "GET /only|"), ("DELETE", "/only", "PUT,DELETE /only|"),
    ],
)  # fmt: skip
def test_methods(edge: Engine, method: str, path: str, expected: str) -> None:
    response = request(edge.port, method, path)
    assert (response.status, response.text) == (200, expected)


def test_a_method_that_no_route_takes(edge: Engine) -> None:
    response = request(edge.port, "POST", "/only", body=b"x")
    assert response.status == 405
    assert sorted(name.strip() for name in (response.header("Allow") or "").split(",")) == [
        "DELETE",
        "GET",
        "HEAD",
        "PUT",
    ]


@pytest.mark.parametrize(
    ("method", "target", "fields", "expected"),
    [
        ("PUT", "/cond", {}, "cond"),
        ("GET", "/cond", {}, "cond-get"),
        ("PUT", "/cond", {"X-Kind": "gold"}, "cond-header"),
        ("PUT", "/cond", {"x-kind": "gold", "x-beta": ""}, "cond-two"),
        ("PUT", "/cond", {"X-Kind": "silver"}, "cond"),
        ("PUT", "/cond", {"X-Number": "12"}, "cond-regex"),
        ("PUT", "/cond", {"X-Number": "12a"}, "cond"),
        ("PUT", "/cond", {"X-Mark": "prefix"}, "cond-absent"),
        ("PUT", "/cond?v=2", {}, "cond-query"),
        ("PUT", "/cond?w=2", {}, "cond"),
        ("GET", "/cond?v=2", {"X-Kind": "gold"}, "cond-get"),
        ("POST", "/cond?v=1", {}, "cond-post-query"),
    ],
)
def test_conditions(edge: Engine, method: str, target: str, fields: dict[str, str], expected: str) -> None:
    assert request(edge.port, method, target, fields).text == expected


def test_a_catch_all_comes_last(start: Runner) -> None:
    """After every other path of its host, and before the routes of any host."""
    keys = ["*", "~/re/.*", "/a/*", "/b"]
    routes = [route(key, respond(key)) for key in keys]
    routes.append(route("*", respond("shop"), name="shop", hosts=[{"exact": "shop.example"}]))
    edge = start.engine(plan(http(routes)))
    for path, expected in [("/", "*"), ("/a", "/a/*"), ("/b", "/b"), ("/b/", "*"), ("/re/x", "~/re/.*"), ("/x?y", "*")]:
        assert get(edge.port, path).text == expected
        assert get(edge.port, path, {"Host": "shop.example"}).text == "shop"


def test_every_request_of_a_connection_is_routed_anew(edge: Engine) -> None:
    with RawClient(edge.port) as client:
        for address, expected in ASKED:
            host, _, path = address.partition("/")
            assert client.exchange(build("GET", "/" + path, {"Host": host})).text == expected


def test_routes_are_named_in_log_and_metrics(edge: Engine) -> None:
    get(edge.port, "/users/42/orders/43", {"Host": "named.example"})
    assert edge.wait_record(host="named.example")["route"] == "/users/{id}/orders/{order}"
    assert edge.metrics().total("glorieta_requests_total", route="/users/{id}/orders/{order}", code="200") >= 1


def test_ten_thousand_routes_are_all_found(start: Runner) -> None:
    routes = [route(f"/r{number}/x", respond(str(number))) for number in range(5000)]
    routes += [route(f"host-{number}.example/*", respond(f"h{number}")) for number in range(4900)]
    routes += [route(f"~/regex{number}/[a-z]+", respond(f"re{number}"), priority=number) for number in range(100)]
    edge = start.engine(plan(http(routes)))
    with RawClient(edge.port) as client:
        for number in range(0, 5000, 97):
            assert client.exchange(build("GET", f"/r{number}/x")).text == str(number)
            assert (
                client.exchange(build("GET", "/y", {"Host": f"host-{number % 4900}.example"})).text
                == f"h{number % 4900}"
            )
            assert client.exchange(build("GET", f"/regex{number % 100}/abc")).text == f"re{number % 100}"
        assert client.exchange(build("GET", "/nowhere")).status == 404
