"""What a Plan does, in words: roles, routes as they win, and what they lead to."""

from __future__ import annotations

import json

from glorieta.plan import explain
from harness.configuring import compiled

TEXT = """\
version: 1
listeners:
  web:
    bind: ":8080"
    routes:
      /*: shop
      /service1/*: {to: orders, strip_prefix: true, deadline: 5m}
      GET /users/{id}: {to: shop, rewrite: "/v2/${path.id}", host: upstream, filters: {max_body: 1MiB}}
      /old: {redirect: /new}
  mail: {bind: ":1025", protocol: tcp, to: smtp, filters: {allow: 10.0.0.0/8}}
upstreams:
  orders: {endpoints: [10.0.0.1:80, {address: 10.0.0.2:80, weight: 3}], health: {path: /healthz}}
  shop: {endpoints: [shop.internal:80], balance: {hash: cookie.cart}}
  smtp: {endpoints: [smtp1:25, smtp2:25], health: tcp}
"""
GROUPS = """\
groups:
  api: {at: web, match: shop.example/api/*, owner: team@shop.example, role: reverse-proxy, to: orders,
        filters: {deny: 10.6.6.6, headers: {request: {set: {x-a: b}, remove: x-b}}}}
"""


def words(text: str) -> list[str]:
    """The lines with single blanks: what is said, not how it is aligned."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_one_group_needs_no_heading() -> None:
    assert words(explain(compiled(TEXT)).text()) == [
        "web :8080 http roles: reverse proxy, load balancer (layer 7)",
        "/old → redirect 302 /new",
        "GET /users/{id} → shop shop.internal:80, hash of cookie.cart, as /v2/${path.id}, host upstream, max_body 1MiB",
        "/service1/* → orders 2 endpoints, peak_ewma, health GET /healthz every 2s, without /service1, deadline 5m",
        "/* → shop shop.internal:80, hash of cookie.cart",
        "",
        "mail :1025 tcp role: load balancer (layer 4)",
        "every connection → smtp 2 endpoints, peak_ewma, health connecting every 2s, allow 10.0.0.0/8",
        "",
        "upstreams",
        "orders 2 endpoints, peak_ewma, health GET /healthz every 2s",
        "10.0.0.1:80",
        "10.0.0.2:80 weight 3",
        "shop shop.internal:80, hash of cookie.cart, no active check",
        "shop.internal:80",
        "smtp 2 endpoints, peak_ewma, health connecting every 2s",
        "smtp1:25",
        "smtp2:25",
    ]


def test_groups_have_roles_and_owners() -> None:
    lines = words(explain(compiled(TEXT + GROUPS)).text())
    at = lines.index("group api role: reverse proxy; owner team@shop.example")
    assert lines[1] == "group web roles: reverse proxy, load balancer (layer 7)"
    assert lines[at + 1] == (
        "shop.example/api/* → orders 2 endpoints, peak_ewma, health GET /healthz every 2s, "
        "deny 10.6.6.6, headers (request x-b, x-a)"
    )


def test_arrows_stand_below_each_other() -> None:
    lines = [line for line in explain(compiled(TEXT)).text().splitlines() if "→" in line and "every" not in line[:8]]
    assert len({line.index("→") for line in lines}) == 1


def test_short_is_for_the_start() -> None:
    assert words(explain(compiled(TEXT)).short()) == [
        "web :8080 http roles: reverse proxy, load balancer (layer 7)",
        "/old → redirect 302 /new",
        "GET /users/{id} → shop shop.internal:80",
        "/service1/* → orders 2 endpoints",
        "/* → shop shop.internal:80",
        "mail :1025 tcp role: load balancer (layer 4)",
        "every connection → smtp 2 endpoints, peak_ewma, health connecting every 2s, allow 10.0.0.0/8",
    ]
    many = TEXT.replace("      /old:", "".join(f"      /n{number}: shop\n" for number in range(20)) + "      /old:")
    assert "… and 12 more routes: glorieta explain" in words(explain(compiled(many)).short())


def test_an_explanation_is_json() -> None:
    plan = compiled(TEXT + GROUPS)
    made = json.loads(json.dumps(explain(plan).as_json()))
    assert made["version"] == plan["version"]
    web, mail = made["listeners"]
    assert (web["layer"], mail["layer"], mail["to"], web["to"]) == (7, 4, "smtp", None)
    assert [group["id"] for group in web["groups"]] == ["web", "api"]
    assert [route["matches"] for route in web["groups"][0]["routes"]] == [
        "/old",
        "GET /users/{id}",
        "/service1/*",
        "/*",
    ]
    assert [each["filter"] for each in web["groups"][1]["routes"][0]["filters"]] == ["addresses", "headers"]
    assert made["upstreams"][0]["endpoints"][1] == {"address": "10.0.0.2:80", "weight": 3}
