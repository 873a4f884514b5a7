"""Roles: inferred by the published table, or declared and held to."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.config.role import BUILT, EVIDENCE
from harness.configuring import compiled, errors

ONE = "{endpoints: [10.0.0.1:80]}"
TWO = "{endpoints: [10.0.0.1:80, 10.0.0.2:80]}"
NAME = "{endpoints: [orders.internal:80]}"
LOCAL = "{endpoints: [localhost:3000]}"


def web(target: str, upstream: str = ONE, more: str = "") -> str:
    upstreams = f"upstreams: {{a: {upstream}{more}}}\n" if "to: " in target or ": a" in target else ""
    return f"version: 1\nlisteners: {{web: {{bind: ':80', {target}}}}}\n{upstreams}"


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        (web("to: a"), ["reverse-proxy"]),
        (web("to: a", LOCAL), ["reverse-proxy"]),
        (web("to: a", TWO), ["reverse-proxy", "load-balancer"]),
        (web("to: a", NAME), ["reverse-proxy", "load-balancer"]),
        (web("to: a", "{discover: {dns: x.internal}}"), ["reverse-proxy", "load-balancer"]),
        (web("respond: ok"), ["reverse-proxy"]),
        (web("redirect: /x"), ["reverse-proxy"]),
        (web("files: /srv"), ["reverse-proxy"]),
        (web("protocol: tcp, to: a"), ["load-balancer"]),
        (web("protocol: tcp, to: a, role: load-balancer"), ["load-balancer"]),
        (web("role: reverse-proxy, to: a", TWO), ["reverse-proxy"]),
        (web("role: load-balancer, to: a", TWO), ["load-balancer"]),
        (web("role: load-balancer, routes: {/a: a, GET /b: {to: a, retries: 2}}", TWO), ["load-balancer"]),
    ],
)
def test_roles_of_a_listener(text: str, roles: list[str]) -> None:
    plan = compiled(text)
    assert plan["listeners"][0]["roles"] == roles
    assert [(group["id"], group["listener"], group["roles"]) for group in plan["groups"]] == [("web", "web", roles)]


def test_a_listener_has_the_roles_of_its_groups() -> None:
    text = (
        "version: 1\nlisteners: {web: {bind: ':80'}}\n"
        "groups:\n"
        "  one: {match: /one/*, respond: ok, owner: o@x.example}\n"
        "  two: {match: /two/*, to: a, role: load-balancer}\n"
        f"upstreams: {{a: {TWO}}}\n"
    )
    plan = compiled(text)
    assert plan["listeners"][0]["roles"] == ["reverse-proxy", "load-balancer"]
    assert plan["groups"] == [
        {"id": "one", "listener": "web", "roles": ["reverse-proxy"], "owner": "o@x.example", "client": None},
        {"id": "two", "listener": "web", "roles": ["load-balancer"], "owner": None, "client": None},
    ]


@pytest.mark.parametrize(
    ("route", "what", "where"),
    [
        ("{to: a, strip_prefix: true}", "strip_prefix", "strip_prefix"),
        ("{to: a, rewrite: /x}", "rewrite", "rewrite"),
        ("{to: a, host: upstream}", "another Host", "host"),
        ("{redirect: /x}", "redirect:", "redirect"),
        ("{respond: ok}", "respond:", "respond"),
        ("{files: /srv}", "files:", "files"),
        ("{to: a, filters: {deny: 10.0.0.1}}", "a limit by address (allow, deny)", "filters.deny"),
        ("{to: a, filters: {headers: {request: {remove: x}}}}", "changing headers", "filters.headers"),
        ("{to: b}", 'a second upstream ("b" beside "a")', "to"),
    ],
)
def test_a_declared_balancer_only_balances(route: str, what: str, where: str) -> None:
    text = web(f"role: load-balancer, routes: {{/first: a, /a/*: {route}}}", TWO, f", b: {ONE}")
    [line] = errors(text)
    assert f'listeners.web.routes."/a/*".{where}: role load-balancer only chooses among equal endpoints; {what}' in line
    assert "is a reverse proxy's work (the other: glorieta.yaml:2:" in line
    assert "listeners.web.role); write role: reverse-proxy, or leave the role out" in line


GROUPED = """\
version: 1
defaults: {route: {host: shop.example}}
listeners:
  web:
    bind: ":8080"
    filters: {headers: {response: {set: {x-a: b}}}}
groups:
  shop:
    role: load-balancer
    match: shop.example
    filters: {allow: 10.0.0.0/8}
    routes: {/a: a, /b: a}
    to: b
upstreams: {a: {endpoints: [10.0.0.1:80]}, b: {endpoints: [10.0.0.2:80]}}
"""


def test_what_is_inherited_is_told_once_where_it_stands() -> None:
    assert [line.partition(": role ")[0] for line in errors(GROUPED)] == [
        "glorieta.yaml:2:20 defaults.route.host",
        "glorieta.yaml:6:15 listeners.web.filters.headers",
        "glorieta.yaml:11:15 groups.shop.filters.allow",
        "glorieta.yaml:13:5 groups.shop.to",
    ]


def test_a_group_says_where_its_host_is_from() -> None:
    text = GROUPED.replace("defaults: {route: {host: shop.example}}\n", "").replace(
        "    to: b", "    defaults: {route: {host: upstream}}\n    to: a"
    )
    assert "glorieta.yaml:12:24 groups.shop.defaults.route.host" in "\n".join(errors(text))


def test_a_declared_proxy_may_do_all_that_there_is() -> None:
    assert errors(GROUPED.replace("role: load-balancer", "role: reverse-proxy")) == []


def test_the_published_table_is_about_roles_that_are_built() -> None:
    assert {role for role, _ in EVIDENCE} == set(BUILT)
    page = (Path(__file__).parents[3] / "docs" / "concepts" / "roles.md").read_text(encoding="utf-8")
    assert all(f"\n- `{role}`: {evidence}\n" in page for role, evidence in EVIDENCE)
