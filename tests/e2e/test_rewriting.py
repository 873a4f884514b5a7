"""Paths and hosts on their way to the service, and what of its answers is mapped back."""

from __future__ import annotations

import pytest

from harness import Engine, HttpUpstream, RawClient, RecordingUpstream, Runner, Services, always, build, get, message
from harness.plan import http, plan, proxy, route, upstream

STRIPPED = [
    ("/service1/x", "/x"),
    ("/service1/x/", "/x/"),
    ("/service1/x?y=/service1/z", "/x?y=/service1/z"),
    ("/service1", "/"),
    ("/service1/", "/"),
    ("/service1?x", "/?x"),
    ("/service1//x", "//x"),
    ("/service1/service1/x", "/service1/x"),
    ("/service1/a%2Fb", "/a%2Fb"),
    ("/service1/%C3%B1", "/%C3%B1"),
]
REWRITTEN = [
    ("/users/7/orders/9", "/v2/9/of/7"),
    ("/users/7/orders/9?a=b", "/v2/9/of/7?a=b"),
    ("/users/a%2Fb/orders/%C3%B1", "/v2/%C3%B1/of/a%2Fb"),
    ("/fixed/anything/at?all", "/one/path?all"),
    ("/by-header/x", "/got/a%20b%2F..%3Fc"),
    ("/re/2024-05", "/archive/2024/05"),
    ("/whole/a/b", "/prefix/whole/a/b"),
    ("/search/x?a=%20&b=/", "/found?a=%20&b=/"),
    ("/search/x", "/found"),
    ("/without/x", "/found"),
    ("/without/x?a=1", "/found"),
    ("/perhaps/x?a=1", "/found"),
    ("/perhaps/x?q=1", "/found?1"),
    ("/query/x?q=a%2Fb", "/found?q=a%2Fb&all=q=a%2Fb"),
    ("/target/x?a=b", "/all/target/x?a=b"),
]


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    routes = [
        route("/service1/*", proxy(strip_prefix="/service1")),
        route("/kept/*", proxy()),
        route("/users/{id}/orders/{order}", proxy(rewrite="/v2/${path.order}/of/${path.id}")),
        route("/fixed/*", proxy(rewrite="/one/path")),
        route("/by-header/*", proxy(rewrite="/got/${header.x-to}")),
        route("~/re/(?<year>[0-9]{4})-(?<month>[0-9]{2})", proxy(rewrite="/archive/${path.year}/${path.month}")),
        route("/whole/*", proxy(rewrite="/prefix${path}")),
        route("/host/preserve", proxy()),
        route("/host/upstream", proxy(host="upstream")),
        route("/host/name", proxy(host={"name": "inner.example"})),
        route("/inner/*", proxy(host={"name": "inner.example"}, strip_prefix="/inner")),
        route("/search/*", proxy(rewrite="/found${search}")),
        route("/query/*", proxy(rewrite="/found?q=${query.q}&all=${query}")),
        route("/target/*", proxy(rewrite="/all${target}")),
        route("/without/*", proxy(rewrite="/found?")),
        route("/perhaps/*", proxy(rewrite="/found?${query.q}")),
    ]
    return start.engine(plan(http(routes), [upstream("service", origin.address)]))


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream) -> None:
    origin.forget()


@pytest.mark.parametrize(("target", "forwarded"), STRIPPED)
def test_strip_prefix(edge: Engine, origin: RecordingUpstream, target: str, forwarded: str) -> None:
    assert get(edge.port, target).status == 200
    [received] = origin.requests
    assert (received.target, received.headers("X-Forwarded-Prefix")) == (forwarded, ["/service1"])


def test_the_prefix_is_told_only_where_one_was_stripped(edge: Engine, origin: RecordingUpstream) -> None:
    assert get(edge.port, "/kept/x").status == 200
    assert (origin.requests[0].target, origin.requests[0].headers("X-Forwarded-Prefix")) == ("/kept/x", [])


@pytest.mark.parametrize("path", ["/service10/x", "/service1x"])
def test_a_prefix_ends_at_a_segment(edge: Engine, path: str) -> None:
    assert get(edge.port, path).status == 404


@pytest.mark.parametrize("name", ["Location", "Content-Location"])
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("/x", "/service1/x"),
        ("/", "/service1/"),
        ("/x?y=/z#f", "/service1/x?y=/z#f"),
        ("x", "x"),
        ("?page=2", "?page=2"),
        ("../x", "../x"),
        ("https://elsewhere.example/x", "https://elsewhere.example/x"),
        ("//elsewhere.example/x", "//elsewhere.example/x"),
        ("mailto:a@example", "mailto:a@example"),
        ("http://shop.example/x", "http://shop.example/service1/x"),
    ],
)
def test_locations_are_mapped_back(
    edge: Engine, origin: RecordingUpstream, name: str, sent: str, expected: str
) -> None:
    origin.respond = always(message(302, b"", f"{name}: {sent}\r\n"))
    assert get(edge.port, "/service1/a", {"Host": "shop.example"}).header(name) == expected
    assert get(edge.port, "/kept/a", {"Host": "shop.example"}).header(name) == sent


@pytest.mark.parametrize(
    ("path", "sent", "expected"),
    [
        ("/inner/a", "http://inner.example/x", "http://shop.example:81/inner/x"),
        ("/inner/a", "http://INNER.example", "http://shop.example:81/inner/"),
        ("/inner/a", "/x", "/inner/x"),
        ("/inner/a", "http://inner.example:8080/x", "http://inner.example:8080/x"),
        ("/inner/a", "https://elsewhere.example/x", "https://elsewhere.example/x"),
        ("/host/name", "http://inner.example/x?y", "http://shop.example:81/x?y"),
        ("/host/name", "/x", "/x"),
        ("/host/preserve", "http://inner.example/x", "http://inner.example/x"),
    ],
)
def test_the_host_that_a_service_was_told_becomes_the_one_that_was_asked_for(
    edge: Engine, origin: RecordingUpstream, path: str, sent: str, expected: str
) -> None:
    origin.respond = always(message(302, b"", f"Location: {sent}\r\n"))
    assert get(edge.port, path, {"Host": "shop.example:81"}).header("Location") == expected


def test_the_address_that_a_service_was_told_becomes_the_one_that_was_asked_for(
    edge: Engine, origin: RecordingUpstream
) -> None:
    origin.respond = always(message(302, b"", f"Location: http://{origin.address}/x\r\n"))
    assert get(edge.port, "/host/upstream", {"Host": "shop.example"}).header("Location") == "http://shop.example/x"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("a=1; Path=/", {"a=1; Path=/service1", "a=1; Path=/service1/"}),
        ("a=1; Path=/x; HttpOnly", {"a=1; Path=/service1/x; HttpOnly"}),
        ("a=1;path=/x;Secure", {"a=1;path=/service1/x;Secure", "a=1; path=/service1/x; Secure"}),
        ("a=1; HttpOnly", {"a=1; HttpOnly"}),
        ("a=/x; Secure", {"a=/x; Secure"}),
        ('a="Path=/x"', {'a="Path=/x"'}),
    ],
)
def test_cookie_paths_are_mapped_back(edge: Engine, origin: RecordingUpstream, sent: str, expected: set[str]) -> None:
    origin.respond = always(message(200, b"ok", f"Set-Cookie: {sent}\r\nSet-Cookie: b=2\r\n"))
    cookies = get(edge.port, "/service1/a").headers("Set-Cookie")
    assert cookies[0] in expected
    assert cookies[1] == "b=2"
    assert get(edge.port, "/kept/a").headers("Set-Cookie") == [sent, "b=2"]


@pytest.mark.parametrize(("target", "forwarded"), REWRITTEN)
def test_rewrite(edge: Engine, origin: RecordingUpstream, target: str, forwarded: str) -> None:
    assert get(edge.port, target, {"X-To": "a b/..?c"}).status == 200
    assert [each.target for each in origin.requests] == [forwarded]


def test_a_value_cannot_climb_out_of_a_rewrite(edge: Engine, origin: RecordingUpstream) -> None:
    response = get(edge.port, "/by-header/x", {"X-To": ".."})
    assert response.status == 400
    assert origin.received == b""


@pytest.mark.parametrize(
    ("kind", "expected"), [("preserve", "Shop.example:81"), ("name", "inner.example"), ("upstream", None)]
)
def test_host(edge: Engine, origin: RecordingUpstream, kind: str, expected: str | None) -> None:
    assert get(edge.port, f"/host/{kind}", {"Host": "Shop.example:81"}).status == 200
    [received] = origin.requests
    assert received.headers("Host") == [expected or origin.address]
    assert (received.header("X-Forwarded-Host") or "").lower() == "shop.example:81"


def test_the_example_of_the_readme_over_one_connection(start: Runner, services: Services) -> None:
    one, two = services.http("service1"), services.http("service2")
    assert isinstance(one, HttpUpstream)
    routes = [route(f"/{name}/*", proxy(name, strip_prefix=f"/{name}")) for name in ("service1", "service2")]
    edge = start.engine(plan(http(routes), [upstream("service1", one.address), upstream("service2", two.address)]))
    with RawClient(edge.port) as client:
        for name in ("service1", "service2") * 5:
            answer = client.exchange(build("GET", f"/{name}/hello")).json()
            assert (answer["service"], answer["target"]) == (name, "/hello")
