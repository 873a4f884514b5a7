"""The small parts: names, units, addresses, conditions, variables, the order of variants."""

from __future__ import annotations

from datetime import timedelta

import pytest

from glorieta.config import Place
from glorieta.importers.nginx.access import address_filters
from glorieta.importers.nginx.action import ALWAYS, Action, Condition, Variant
from glorieta.importers.nginx.book import Book
from glorieta.importers.nginx.conditions import question
from glorieta.importers.nginx.directive import Directive
from glorieta.importers.nginx.listens import split_address
from glorieta.importers.nginx.names import hosts_of
from glorieta.importers.nginx.ordering import in_order
from glorieta.importers.nginx.scope import Scope
from glorieta.importers.nginx.unclear import Unclear
from glorieta.importers.nginx.units import duration, size_text
from glorieta.importers.nginx.variables import Words


def directive(name: str, *args: str, block: list[Directive] | None = None) -> Directive:
    return Directive(name, args, Place("nginx.conf", 1, 1), block)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shop.example", ["shop.example"]),
        ("*.shop.example", ["*.shop.example"]),
        (".shop.example", ["shop.example", "*.shop.example"]),
        ("_", []),
        ("", []),
        (r"~^(www\.)?shop\.example$", ["www.shop.example", "shop.example"]),
        (r"~^(?<sub>.+)\.shop\.example$", ["*.shop.example"]),
        (r"~^(a|b)\.example$", ["a.example", "b.example"]),
        ("Bücher.example", ["xn--bcher-kva.example"]),
    ],
)
def test_server_names(name: str, expected: list[str]) -> None:
    assert hosts_of(name)[0] == expected


@pytest.mark.parametrize("name", ["www.shop.*", r"~shop", r"~^a[0-9]+\.example$", "$hostname"])
def test_server_names_without_a_twin(name: str) -> None:
    with pytest.raises(Unclear):
        hosts_of(name)


def test_times_and_sizes() -> None:
    assert duration("60") == timedelta(seconds=60)
    assert duration("1h30m") == timedelta(minutes=90)
    assert duration("500ms") == timedelta(milliseconds=500)
    assert duration("1w") == timedelta(days=7)
    assert [size_text(each) for each in ("8k", "1m", "512", "2G")] == ["8KiB", "1MiB", "512B", "2GiB"]
    with pytest.raises(Unclear):
        duration("soon")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", ("0.0.0.0", "80")),
        ("*:80", ("0.0.0.0", "80")),
        ("[::]:80", ("[::]", "80")),
        ("127.0.0.1", ("127.0.0.1", "80")),
        ("localhost:8080", ("localhost", "8080")),
        ("unix:/run/a.sock", ("unix:/run/a.sock", "")),
    ],
)
def test_addresses_to_listen_at(text: str, expected: tuple[str, str]) -> None:
    assert split_address(text) == expected


def rules(text: str) -> Scope:
    lines = [directive(*line.split()) for line in text.split("; ")]
    return Scope((directive("location", "/", block=lines),))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("allow 10.0.0.0/8; deny all", {"allow": ["10.0.0.0/8"]}),
        ("deny 10.0.0.1", {"deny": ["10.0.0.1"]}),
        ("deny 10.0.0.1; allow 10.0.0.0/8; deny all", {"allow": ["10.0.0.0/8"], "deny": ["10.0.0.1"]}),
        ("deny 192.0.2.1; allow 10.0.0.0/8; deny all", {"allow": ["10.0.0.0/8"]}),
        ("allow 10.0.0.0/31; deny 10.0.0.0/30", {"deny": ["10.0.0.2/31"]}),
        ("deny all", None),
        ("allow all", {}),
        ("allow 10.0.0.1; allow all; deny 10.0.0.2", {}),
        ("deny all; allow 10.0.0.1", None),
    ],
)
def test_the_first_rule_that_fits_an_address_decides(text: str, expected: dict[str, list[str]] | None) -> None:
    assert address_filters(Book(), rules(text)) == expected


def test_conditions() -> None:
    words = Words(constants={"mode": "off"})
    assert question(("$request_method", "=", "POST"), words).condition == Condition(methods=("POST",))
    methods = question(("$request_method", "!~", "^(GET|HEAD)$"), words)
    assert (methods.holds, methods.condition) == (False, Condition(methods=("GET", "HEAD")))
    agent = question(("$http_user_agent", "~*", "bot"), words).condition
    assert agent == Condition(headers=(("user-agent", {"regex": "(?i).*bot.*"}),))
    assert question(("$arg_debug", "=", "1"), words).condition == Condition(query=(("debug", "1"),))
    assert question(("$host", "=", "A.example"), words).hosts == ("a.example",)
    assert question(("$mode", "=", "off"), words).always is True
    assert question(("$mode",), words).always is True
    assert question(("$scheme", "!=", "https"), words).always is True
    assert question(("!-e", "$request_filename"), words).always is True
    assert question(("-f", "$request_filename"), words).guessed is not None
    with pytest.raises(Unclear):
        question(("$invalid_referer",), words)


def test_variables() -> None:
    words = Words(server_name="shop.example", port="80", captures={"1": "${path.g1}"}, constants={"a": "x$y"})
    assert words.template("$ssl_server_name $ssl_client_serial") == "${sni} ${client.certificate.serial}"
    assert words.template("$remote_addr $http_x_user $cookie_sid $arg_q") == (
        "${client.ip} ${header.x-user} ${cookie.sid} ${query.q}"
    )
    assert words.template("https://$server_name:$server_port/$1/${a}") == "https://shop.example:80/${path.g1}/x$$y"
    assert words.template("5$") == "5$$"
    assert words.template("/x$is_args$args $request_uri") == "/x${search} ${target}"
    assert words.template("$uri$is_args$args") == "${target}"
    assert words.template("$uri?$args") == "${path}?${query}"
    with pytest.raises(Unclear, match=r"\$remote_user has no word"):
        words.template("$remote_user")


def variant(status: int, **condition: object) -> Variant:
    return Variant(Condition(**condition), Action({"respond": status}, directive("return")))  # type: ignore[arg-type]


def winner(variants: list[Variant], method: str, headers: dict[str, str]) -> int:
    """What the engine would choose: the smallest rank of those that fit."""

    def fits(condition: Condition) -> bool:
        asked = all(headers.get(name) == value for name, value in condition.headers)
        return asked and (not condition.methods or method in condition.methods)

    fitting = [each for each in variants if fits(each.condition)]
    return int(min(fitting, key=lambda each: each.condition.rank).action.target["respond"])


def test_the_first_condition_wins_though_the_engine_prefers_methods() -> None:
    told = [
        variant(403, headers=(("x-bad", "1"),)),
        variant(429, headers=(("x-busy", "1"), ("x-more", "1"))),
        variant(405, methods=("POST",)),
        Variant(ALWAYS, Action({"respond": 200}, directive("return"))),
    ]
    ordered = in_order(told)
    for method in ("GET", "POST"):
        for headers in (
            {},
            {"x-bad": "1"},
            {"x-busy": "1", "x-more": "1"},
            {"x-bad": "1", "x-busy": "1", "x-more": "1"},
        ):
            plain = next(
                each.action.target["respond"]
                for each in told
                if all(headers.get(name) == value for name, value in each.condition.headers)
                and (not each.condition.methods or method in each.condition.methods)
            )
            assert winner(ordered, method, headers) == plain, (method, headers)
