"""`reverse` and `balance`: an edge from arguments, the same as the file that they save."""

from __future__ import annotations

import pytest

from glorieta.config import ConfigError, Edge, balance, load_text, reverse
from glorieta.plan import compile


def test_reverse_is_the_small_file() -> None:
    edge = reverse(":8080", ["/service1=localhost:3001", "/service2=localhost:3002,localhost:3003", "=3000"])
    assert edge.dump() == (
        "version: 1\n"
        "listeners:\n"
        "  web:\n"
        "    bind: :8080\n"
        "    routes:\n"
        "      /service1/*: {to: service1, strip_prefix: true}\n"
        "      /service2/*: {to: service2, strip_prefix: true}\n"
        "      /*: site\n"
        "upstreams:\n"
        "  service1:\n"
        "    endpoints: [localhost:3001]\n"
        "  service2:\n"
        "    endpoints: [localhost:3002, localhost:3003]\n"
        "  site:\n"
        "    endpoints: [localhost:3000]\n"
    )
    assert compile(load_text(edge.dump()).edge) == compile(edge)


def endpoints(edge: Edge) -> dict[str, list[str]]:
    return {name: [each.address for each in upstream.endpoints] for name, upstream in edge.upstreams.items()}


@pytest.mark.parametrize(
    ("arguments", "routes", "upstreams"),
    [
        (["localhost:3000"], ["/*"], {"site": ["localhost:3000"]}),
        (["http://localhost:3000/"], ["/*"], {"site": ["localhost:3000"]}),
        ([":3000"], ["/*"], {"site": ["localhost:3000"]}),
        (["/a/*=a:1", "/a=b:1"], ["/a/*"], {"a": ["a:1", "b:1"]}),
        (["/a/b=a:1", "/a-b=b:1"], ["/a/b/*", "/a-b/*"], {"a-b": ["a:1"], "a-b-2": ["b:1"]}),
        (["/a=unix:/run/a.sock"], ["/a/*"], {"a": ["unix:/run/a.sock"]}),
    ],
)
def test_routes_are_read(arguments: list[str], routes: list[str], upstreams: dict[str, list[str]]) -> None:
    edge = reverse(":80", arguments)
    assert list(edge.listeners["web"].routes) == routes
    assert endpoints(edge) == upstreams
    assert compile(edge)["listeners"][0]["routes"]


def test_a_route_may_have_a_host() -> None:
    plan = compile(reverse(":80", ["shop.example/api=a:1", "shop.example=b:1", "*.x.example=c:1"]))
    matched = [(route["hosts"], route["path"]) for route in plan["listeners"][0]["routes"]]
    assert matched == [
        ([{"exact": "shop.example"}], {"prefix": "/api"}),
        ([{"exact": "shop.example"}], {"prefix": ""}),
        ([{"wildcard": "x.example"}], {"prefix": ""}),
    ]


@pytest.mark.parametrize(
    ("bind", "arguments", "expected"),
    [
        ("8080", ["a:1"], ['8080: "8080" is only a port; write ":8080" for every address, or 127.0.0.1:8080']),
        (":80", [], ["no route was given; write /service1=localhost:3001"]),
        (":80", ["/a=b"], ['"/a=b": "b" has no port; write b:80']),
        (
            ":80",
            ["/{id}=a:1", "/b c=a:1"],
            [
                '"/{id}=a:1": a path with parameters needs a file; write its route in YAML',
                '"/b c=a:1": "/b c" has a blank; write %20 for the blank',
            ],
        ),
    ],
)
def test_what_is_wrong_is_told_by_argument(bind: str, arguments: list[str], expected: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        reverse(bind, arguments)
    assert [problem.line() for problem in caught.value.problems] == expected


def test_balance_chooses_the_layer() -> None:
    layer4 = balance(":1025", ["smtp1:25", "smtp2:25"])
    assert layer4.listeners["balance"].protocol == "tcp"
    assert endpoints(layer4) == {"endpoints": ["smtp1:25", "smtp2:25"]}
    assert compile(layer4)["listeners"][0]["roles"] == ["load-balancer"]
    layer7 = balance(":80", ["http://a:1", "http://b"])
    assert layer7.listeners["balance"].protocol == "http"
    assert endpoints(layer7) == {"endpoints": ["a:1", "b:80"]}
    assert compile(layer7)["listeners"][0]["roles"] == ["reverse-proxy", "load-balancer"]
    assert "protocol: tcp" in layer4.dump()
    assert "protocol" not in layer7.dump()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "no endpoint was given; write smtp1:25 smtp2:25"),
        (
            ["a:1", "http://b:1"],
            "some endpoints begin with http:// or https:// (layer 7) and some do not (layer 4); write all of them alike",
        ),
        (["a"], 'a: "a" has no port; write a:80'),
    ],
)
def test_balance_tells_what_is_wrong(arguments: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        balance(":80", arguments)
    assert [problem.line() for problem in caught.value.problems] == [expected]


def test_endpoints_by_tls() -> None:
    by_path = compile(reverse(":80", ["/a=https://b", "/c=localhost:1"]))["upstreams"]
    assert [(each["endpoints"][0]["address"], each["tls"] is not None) for each in by_path] == [
        ("b:443", True),
        ("localhost:1", False),
    ]
    balanced = compile(balance(":80", ["https://a", "https://b:8443"]))
    assert balanced["listeners"][0]["protocol"] == "http"
    assert [each["address"] for each in balanced["upstreams"][0]["endpoints"]] == ["a:443", "b:8443"]
