"""What changes between two Plans: nothing where nothing does, and otherwise every field, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.plan import build, diff, diff_text
from harness.configuring import UPSTREAM, compiled, routes, top

GOLDENS = sorted((Path(__file__).parents[2] / "contract/plans").glob("*.yaml"))
BEFORE = """\
version: 1
listeners:
  web:
    bind: ":8080"
    routes:
      /a/*: {to: a, deadline: 5m}
      /b: b
  mail: {bind: ":1025", protocol: tcp, to: b}
upstreams:
  a: {endpoints: [10.0.0.1:80, 10.0.0.2:80], health: {path: /healthz}}
  b: {endpoints: [b:25]}
"""
AFTER = """\
version: 1
drain: 10s
log: {to: /var/log/a.log}
listeners:
  web:
    bind: ":8081"
    limits: {head: 16KiB}
    routes:
      /a/*: {to: a, deadline: 4m, timeouts: {first_byte: 5s}, filters: {max_body: 1MiB}}
      GET /c: {redirect: /a/}
groups: {g: {match: /g/*, to: a}}
upstreams:
  a: {endpoints: [10.0.0.1:80, {address: 10.0.0.2:80, weight: 2}, 10.0.0.3:80], outlier: off, balance: {hash: path}}
"""


def test_every_change_is_named() -> None:
    assert diff_text(diff(compiled(BEFORE), compiled(AFTER))).splitlines() == [
        "~ setting drain  drain: 45s → 10s",
        "~ setting access_log  access_log.to: stdout → file /var/log/a.log",
        "− listener mail  *:1025  tcp",
        "~ listener web",
        '    bind: ["*:8080"] → ["*:8081"]',
        "    limits.head: 32KiB → 16KiB",
        "− group mail  at mail",
        "+ group g  at web",
        "− route web/b  /b → b",
        "~ route web/a/*",
        "    target.proxy.timeouts.first_byte: 30s → 5s",
        '    filters: [] → [{"max_body": {"bytes": 1048576}}]',
        "    deadline: 5m → 4m",
        "+ route web/GET /c  GET /c → redirect 302 /a/",
        "+ route g/g/*  /g/* → a",
        "− upstream b  b:25",
        "~ upstream a",
        "    endpoints: + 10.0.0.3:80, 10.0.0.2:80 weight 1 → 2",
        "    balance: peak_ewma → hash path",
        "    health: GET /healthz every 2s → none",
        "    outlier: on → off",
    ]


def test_changes_as_json() -> None:
    changes = diff(compiled(BEFORE), compiled(AFTER))
    assert changes[0].as_json() == {
        "sign": "~",
        "kind": "setting",
        "id": "drain",
        "detail": "",
        "fields": [{"field": "drain_ms", "old": 45_000, "new": 10_000}],
    }
    gone = next(change.as_json() for change in changes if change.id == "mail" and change.kind == "listener")
    assert gone == {"sign": "-", "kind": "listener", "id": "mail", "detail": "*:1025  tcp", "fields": []}


def test_a_route_that_moves_to_another_listener_is_told() -> None:
    before = top("groups: {g: {at: web, match: /g/*, to: a}}").replace("web: {", "other: {bind: ':1', to: a}, web: {")
    changes = diff(compiled(before), compiled(before.replace("at: web", "at: other")))
    assert diff_text(changes).splitlines() == [
        "~ group g  listener: web → other",
        "~ route g/g/*  listener: web → other",
    ]


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_plan_does_not_differ_from_itself(path: Path) -> None:
    plan = build(path).plan
    assert diff(plan, build(path).plan) == []
    assert diff_text([]) == ""


def test_endpoints_that_only_change_places_are_told() -> None:
    text = routes("/: a")
    one = text.replace(UPSTREAM, "upstreams: {a: {endpoints: [a:1, b:1], balance: first_available}}\n")
    other = one.replace("[a:1, b:1]", "[b:1, a:1]")
    assert diff_text(diff(compiled(one), compiled(other))) == "~ upstream a  endpoints: another order"


def test_the_version_names_the_content() -> None:
    assert compiled(BEFORE)["version"] == compiled("# a comment\n" + BEFORE)["version"]
    assert compiled(BEFORE)["version"] != compiled(AFTER)["version"]
