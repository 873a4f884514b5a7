"""Where every value comes from: nothing is left out, and what is shown is what holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from glorieta.config import Edge, Upstream, load_text
from glorieta.config.base import Noun, layered
from glorieta.config.nouns import nouns
from glorieta.config.route import RouteDefaults
from glorieta.config.upstream import UpstreamDefaults
from glorieta.plan import build, build_edge
from glorieta.plan.origin import Origins, origins

PLANS = sorted((Path(__file__).parents[2] / "contract" / "plans").glob("*.yaml"))
BASE = """\
version: 1
include: teams/{team}.yaml
defaults: {route: {timeouts: {first_byte: 15s}}, upstream: {pool: {idle: 9s}}}
listeners:
  web:
    bind: ":${env:SHOP_PORT:-8080}"
    admit: {orders: shop.example/orders/*}
    filters:
      max_body: 1MiB
      headers: {request: {set: {X-Key: "${env:SHOP_KEY}", X-A: a}, remove: X-Gone}}
    to: shop
upstreams:
  shop: {endpoints: ["${env:SHOP_HOST}:80"], balance: {hash: cookie.cart}}
"""
TEAM = """\
team: orders
defaults: {upstream: {health: /healthz}, route: {retries: 2}}
groups:
  public:
    match: shop.example/orders/*
    filters: {max_body: off, headers: {request: {set: {x-a: b}, add: {X-More: [one, two]}}}}
    routes:
      /orders/x: {to: orders, deadline: 5m, filters: {headers: {request: {remove: X-Key}}}}
upstreams:
  orders: {endpoints: [a:1, b:2]}
"""
PROD = "upstreams: {orders/orders: {endpoints: [p:1], pool: {max_age: 5s}}}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "teams").mkdir()
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "teams" / "orders.yaml").write_text(TEAM)
    (tmp_path / "prod.yaml").write_text(PROD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOP_KEY", "a-secret")
    monkeypatch.setenv("SHOP_HOST", "hidden.example")
    return tmp_path


def of(*references: str | Path, secrets: bool = True) -> Origins:
    built = build(references, secrets=secrets)
    return origins(built.edge, built.plan, [str(each) for each in references[1:]])


def lines(found: Origins) -> dict[str, tuple[str, str]]:
    """Value and origin by path."""
    return {value.as_json()["path"]: (value.text(), value.origin()) for value in found.values}


def test_each_value_has_its_place(folder: Path) -> None:
    found = lines(of("base.yaml", "prod.yaml"))
    route = 'groups."orders/public".routes."/orders/x"'
    assert found["version"] == ("1", "base.yaml:1:10")
    assert found["workers"] == ("none", "default")
    assert found["listeners.web.protocol"] == ("http", "default")
    assert found["listeners.web.limits.head"] == ("32KiB", "default")
    assert found[f"{route}.to"] == ("orders", "teams/orders.yaml:8:23")
    assert found[f"{route}.timeouts.first_byte"] == ("15s", "base.yaml:3:43 (defaults.route)")
    assert found[f"{route}.timeouts.idle"] == ("1m", "default")
    assert found[f"{route}.retries"] == ("2", "teams/orders.yaml:2:59 (defaults of group orders/public)")
    assert found[f"{route}.filters.max_body"] == ("off", "teams/orders.yaml:6:25 (group orders/public)")
    assert found['groups."orders/public".at'] == ("web", "default")
    assert found['upstreams."orders/orders".health.path'] == ("/healthz", "teams/orders.yaml:2:31")
    assert found['upstreams."orders/orders".endpoints.0.address'] == ("p:1", "prod.yaml:1:41 (overlay)")
    assert found['upstreams."orders/orders".pool.max_age'] == ("5s", "prod.yaml:1:63 (overlay)")
    assert found['upstreams."orders/orders".pool.idle'] == ("9s", "base.yaml:3:74 (defaults.upstream)")
    assert found["upstreams.shop.balance.hash"] == ("cookie.cart", "base.yaml:13:62")
    assert "upstreams.shop.balance.algorithm" not in found, "an alternative that does not hold"


def test_the_text_stands_where_it_is_said_to(folder: Path) -> None:
    seen = 0
    for value in of("base.yaml", "prod.yaml").values:
        if value.place is not None and isinstance(value.value, str):
            line = Path(value.place.file).read_text().splitlines()[value.place.line - 1]
            there = line[value.place.column - 1 :].lstrip('"')
            assert there.startswith((value.value, "shop.example/")), value
            seen += 1
    assert seen > 30


def test_headers_are_inherited_one_by_one(folder: Path) -> None:
    found = lines(of("base.yaml").at('groups."orders/public".routes./orders/x.filters.headers.request'))
    path = 'groups."orders/public".routes."/orders/x".filters.headers.request'
    assert found == {
        f"{path}.set.x-a": ("b", "teams/orders.yaml:6:61 (group orders/public)"),
        f"{path}.add.X-More.0": ("one", "teams/orders.yaml:6:80 (group orders/public)"),
        f"{path}.add.X-More.1": ("two", "teams/orders.yaml:6:85 (group orders/public)"),
        f"{path}.remove.0": ("X-Gone", "base.yaml:10:76 (listener web)"),
        f"{path}.remove.1": ("X-Key", "teams/orders.yaml:8:83"),
    }


def test_secrets_are_shown_as_references(folder: Path) -> None:
    found = of("base.yaml", "prod.yaml")
    text = found.text() + json.dumps(found.as_json())
    assert "a-secret" not in text and "hidden.example" not in text
    assert lines(found)["upstreams.shop.endpoints.0.address"] == ('"${env:SHOP_HOST}:80"', "base.yaml:13:22")
    assert lines(found)["listeners.web.bind"] == ('":${env:SHOP_PORT:-8080}"', "base.yaml:6:11")


def test_what_is_not_at_hand_is_shown_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_HOST")
    found = lines(of("base.yaml", secrets=False).at("upstreams.shop.endpoints"))
    assert found == {"upstreams.shop.endpoints": ('["${env:SHOP_HOST}:80"]', "base.yaml:13:21")}


def test_python_has_no_lines(folder: Path) -> None:
    edge = Edge.load("base.yaml")
    edge.upstreams["more"] = Upstream.model_validate({"endpoints": ["m:1"]})
    edge.listeners["web"].to = "more"
    found = lines(origins(edge, build_edge(edge).plan))
    assert found["listeners.web.to"] == ("more", "base.yaml:11:9")
    assert found["upstreams.more.endpoints.0.address"] == ("m:1", "Python")
    assert found["upstreams.more.endpoints.0.weight"] == ("1", "default")
    made = Edge.model_validate({"version": 1, "listeners": {"web": {"bind": ":1", "respond": "hi"}}})
    found = lines(origins(made, build_edge(made).plan))
    assert found["listeners.web.respond.body"] == ("hi", "Python")
    assert found["listeners.web.respond.status"] == ("200", "default")


def test_a_path_narrows_and_a_wrong_one_has_a_fix(folder: Path) -> None:
    found = of("base.yaml")
    assert lines(found.at("listeners.web.limits.head")) == {"listeners.web.limits.head": ("32KiB", "default")}
    assert all(path.startswith("upstreams.shop.") for path in lines(found.at("upstreams.shop")))
    assert lines(found.at('groups."orders/public"')) == lines(found.at("groups.orders/public"))
    assert not found.at("upstreams.sho").values
    assert found.nearest("upstreams.sho") == 'did you mean "shop"?'
    assert found.nearest("upstreams.shop.pool.idel") == 'did you mean "idle"?'


def test_the_text_has_a_line_for_each_value_that_says_something(folder: Path) -> None:
    found = of("base.yaml")
    text = found.text()
    said = [value for value in found.values if not value.says_nothing]
    assert len([line for line in text.splitlines() if line]) == len(said) > 100
    assert "\n\nlisteners.web.bind " in text, "objects stand apart, with what is their own first"
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_long_and_odd_values_stay_on_one_line() -> None:
    body = "x" * 500 + "\n\u202e"
    edge = Edge.model_validate({"version": 1, "listeners": {"web": {"bind": ":1", "respond": {"body": body}}}})
    found = origins(edge, build_edge(edge).plan).at("listeners.web.respond.body")
    assert len(found.text()) < 200 and found.text().isprintable()
    assert found.as_json()["values"][0]["value"] == body


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_every_field_of_every_noun_appears(path: Path) -> None:
    built = build(path, secrets=False)
    told = {
        value.path[:depth] for value in origins(built.edge, built.plan).values for depth in range(len(value.path) + 1)
    }
    for noun, where in written_nouns(built.edge, ()):
        others = {name for each in noun.alternatives for name in each}
        for name in type(noun).model_fields:
            assert (*where, name) in told or name in others, f"{where}: {name} is told nowhere"


def test_these_configurations_have_every_noun() -> None:
    seen = {type(noun) for path in [*PLANS] for noun, _ in written_nouns(build(path, secrets=False).edge, ())}
    assert {kind.__name__ for kind in nouns() if kind not in seen} <= {"Case", "CaseCertificate", "Include"}


def written_nouns(value: Any, path: tuple[str | int, ...]) -> list[tuple[Noun, tuple[str | int, ...]]]:
    if isinstance(value, Noun):
        fields = ((name, getattr(value, name)) for name in type(value).model_fields)
        return [(value, path), *(each for name, item in fields for each in written_nouns(item, (*path, name)))]
    if isinstance(value, dict):
        return [each for key, item in value.items() for each in written_nouns(item, (*path, key))]
    if isinstance(value, list):
        return [each for index, item in enumerate(value) for each in written_nouns(item, (*path, index))]
    return []


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_what_is_shown_is_what_holds(path: Path) -> None:
    edge = load_text(path.read_text(), path.name, path.parent).edge
    plan = build_edge(edge, secrets=False).plan
    shown = {value.path: value.value for value in origins(edge, plan).values}
    compared = 0
    for name, upstream in edge.upstreams.items():
        held = layered(UpstreamDefaults, edge.defaults.upstream, upstream)
        compared += same(held, ("upstreams", name), shown)
    groups = [("listeners", name, each, None) for name, each in edge.listeners.items()]
    groups += [("groups", name, each, each.defaults.route) for name, each in edge.groups.items()]
    for section, name, noun, defaults in groups:
        for key, route in noun.routes.items():
            held = layered(RouteDefaults, edge.defaults.route, defaults, route)
            compared += same(held, (section, name, "routes", key), shown)
            if route.handler is not None:
                # Its routes are those of the router.
                continue
            compared += same_filters(plan, name, key, (section, name, "routes", key, "filters"), shown)
    assert compared >= 4


def same(noun: Noun, path: tuple[str | int, ...], shown: dict[Any, Any]) -> int:
    """How many values were compared: all scalars that are shown as they are kept."""
    count = 0
    for name, value in noun.model_dump(mode="json").items():
        held = getattr(noun, name)
        where = (*path, name)
        if isinstance(held, Noun):
            count += same(held, where, shown)
        elif where in shown:
            told = shown[where]
            # A text as it was written may be another form of the same.
            assert told == value or parsed(noun, name, told) == held, where
            count += 1
    return count


def parsed(noun: Noun, name: str, told: Any) -> Any:
    return getattr(type(noun).model_validate({name: told}), name)


def same_filters(plan: Any, group: str, key: str, path: tuple[str | int, ...], shown: dict[Any, Any]) -> int:
    """Whether the Plan's changes of request headers are the ones shown."""
    route = next(
        each
        for listener in plan["listeners"]
        for each in listener["routes"]
        if each["group"] == group and each["id"].endswith(key.lstrip("/"))
    )
    headers = next((each["headers"] for each in route["filters"] if "headers" in each), None)
    base = (*path, "headers", "request")
    told = {
        where[len(base) :]: value
        for where, value in shown.items()
        if where[: len(base)] == base and where != base and value not in ([], {})
    }
    if headers is None:
        assert not told
        return 1
    request = headers["request"]
    assert [[where[1], value] for where, value in told.items() if where[0] == "set"] == request["set"]
    assert [[where[1], value] for where, value in told.items() if where[0] == "add"] == request["add"]
    assert [value for where, value in told.items() if where[0] == "remove"] == request["remove"]
    return 1
