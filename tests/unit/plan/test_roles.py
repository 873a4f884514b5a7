"""Roles: inferred by the published table, or declared and held to."""

from __future__ import annotations

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
    ("route", "what"),
    [
        ("{to: a, strip_prefix: true}", "strip_prefix"),
        ("{to: a, rewrite: /x}", "rewrite"),
        ("{redirect: /x}", "redirect:"),
        ("{respond: ok}", "respond:"),
        ("{files: /srv}", "files:"),
        ("{to: a, filters: {deny: 10.0.0.1}}", "a limit by address (allow, deny)"),
        ("{to: a, filters: {headers: {request: {remove: x}}}}", "changing headers"),
        ("{to: b}", 'a second upstream ("b" beside "a")'),
    ],
)
def test_a_declared_balancer_only_balances(route: str, what: str) -> None:
    text = web(f"role: load-balancer, routes: {{/first: a, /a/*: {route}}}", TWO, f", b: {ONE}")
    sentence = f"role load-balancer only chooses among equal endpoints; {what} is a reverse proxy's work"
    assert [line for line in errors(text) if sentence in line] == errors(text)
    assert len(errors(text)) == 1


def test_the_published_table_is_about_roles_that_are_built() -> None:
    assert {role for role, _ in EVIDENCE} == set(BUILT)
