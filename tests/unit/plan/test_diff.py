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
        "− listener mail  :1025  tcp",
        "~ listener web",
        "    bind: :8080 → :8081",
        "    limits.head: 32KiB → 16KiB",
        "− group mail  at mail",
        "+ group g  at web",
        "− route web/b  /b → b",
        "~ route web/a/*",
        "    target.proxy.timeouts.first_byte: 30s → 5s",
        "    filters.max_body: + max_body 1MiB",
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
    assert gone == {"sign": "-", "kind": "listener", "id": "mail", "detail": ":1025  tcp", "fields": []}


def test_a_route_that_moves_to_another_listener_is_told() -> None:
    before = top("groups: {g: {at: web, match: /g/*, to: a}}").replace("web: {", "other: {bind: ':1', to: a}, web: {")
    changes = diff(compiled(before), compiled(before.replace("at: web", "at: other")))
    assert diff_text(changes).splitlines() == [
        "~ group g  listener: web → other",
        "~ route g/g/*  listener: web → other",
    ]


def test_filters_of_a_listener_are_told_of_it_as_well() -> None:
    before = routes("/: a")
    after = before.replace("routes:", "filters: {deny: 10.0.0.0/8}\n    routes:", 1)
    assert "~ listener web  filters.addresses: + deny 10.0.0.0/8" in diff_text(diff(compiled(before), compiled(after)))


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_a_plan_does_not_differ_from_itself(path: Path) -> None:
    plan = build(path, secrets=False).plan
    assert diff(plan, build(path, secrets=False).plan) == []
    assert diff_text([]) == ""


def test_endpoints_that_only_change_places_are_told() -> None:
    text = routes("/: a")
    one = text.replace(UPSTREAM, "upstreams: {a: {endpoints: [a:1, b:1], balance: first_available}}\n")
    other = one.replace("[a:1, b:1]", "[b:1, a:1]")
    assert diff_text(diff(compiled(one), compiled(other))) == "~ upstream a  endpoints: another order"


WORDY = """\
version: 1
log: {format: '${client.ip} "${method}" ${status}'}
listeners:
  web:
    bind: ":8080"
    trusted_proxies: [10.0.0.0/8]
    routes:
      /a: {respond: "hi ${client.ip}\\n"}
      /b: {respond: {body: BODY, headers: {x-a: "1", x-b: "x y"}}}
      /c: {to: a, filters: {max_body: 1MiB, headers: {request: {set: {x-c: "d e"}}}, allow: [10.0.0.0/8]}}
      d: {match: {host: [a.example, b.example], path: /d/*, headers: {x-a: "a b"}}, to: a}
      e: {match: {host: e.example, path: /e/*}, to: a}
      w: {match: {path: /w, words: {cookie.a: b}}, to: a}
      /f: {to: a, filters: {max_body: 1MiB}}
upstreams: {a: {endpoints: [localhost:3000]}}
"""
WORDIER = """\
version: 1
log: {format: human}
server_name: none
listeners:
  web:
    bind: ":8080"
    trusted_proxies: [10.0.0.0/8, 10.1.0.0/16]
    routes:
      /a: {respond: "hullo\\u001b[31m\\u2028"}
      /b: {respond: {body: BODY, headers: {x-a: "2", x-c: "y,z"}}}
      /c: {to: a, filters: {max_body: 2MiB, headers: {request: {set: {x-c: "e f"}, remove: x-q}}, deny: [10.0.0.0/8]}}
      d: {match: {host: b.example, path: /d/x/*, headers: {x-a: {prefix: "a c"}, x-b: present}}, to: a}
      e: {match: {host: e.example}, redirect: /e}
      w: {match: {path: /w, words: {cookie.a: c, client.ip: 10.0.0.7}}, to: a}
      /f: a
upstreams: {a: {endpoints: [ENDPOINTS]}}
"""


def test_texts_and_lists_stay_on_one_line_that_can_be_read() -> None:
    before = WORDY.replace("BODY", "lorem ipsum " * 20)
    endpoints = ", ".join(f"a{number}:1" for number in range(12))
    after = WORDIER.replace("BODY", "lorem ipsum " * 12 + "dolor " + "lorem ipsum " * 8).replace("ENDPOINTS", endpoints)
    lines = diff_text(diff(compiled(before), compiled(after))).splitlines()
    shown = [line.strip() for line in lines if "roles" not in line]
    body = shown.pop(next(index for index, line in enumerate(shown) if 'target.respond.body: "…' in line))
    assert shown == [
        '~ setting server_name  server_name: none → "none"',
        '~ setting access_log  access_log.format: template "${client.ip} \\"${method}\\" ${status}" → human',
        "~ listener web",
        "trusted_proxies: + 10.1.0.0/16",
        '~ route web/a  target.respond.body: "hi ${client.ip}\\n" → "hullo\\u001b[31m\\u2028"',
        "~ route web/b",
        'target.respond.headers: − x-b: "x y", + x-c: "y,z", x-a: 1 → 2',
        "~ route web/c",
        "filters.addresses.allow: − 10.0.0.0/8",
        "filters.addresses.deny: + 10.0.0.0/8",
        "filters.max_body: 1MiB → 2MiB",
        "filters.headers.request.remove: + x-q",
        'filters.headers.request.set: x-c: "d e" → "e f"',
        "~ route web/d",
        "hosts: − a.example",
        "path: /d/* → /d/x/*",
        'headers: − x-a exact "a b", + x-a prefix "a c", + x-b present',
        "~ route web/e",
        "path: /e/* → everything else",
        "target: a → redirect 302 /e",
        "~ route web/w  words: − cookie.a exact b, + cookie.a exact c, + client.ip exact 10.0.0.7",
        "~ route web/f  filters.max_body: − max_body 1MiB",
        "~ upstream a  endpoints: − localhost:3000, + a0:1, + a1:1, + a2:1, + a3:1, + a4:1, + a5:1, + a6:1, … and 5 more",
    ]
    old, new = body.removeprefix("target.respond.body: ").split(" → ")
    assert len(old) <= 82
    assert len(new) <= 82
    assert "dolor" in new
    assert "dolor" not in old


def test_what_answers_without_a_route_have_is_told() -> None:
    before = 'version: 1\nlisteners: {web: {bind: ":80", routes: {/a: {respond: hi}}}}\n'
    after = before.replace('":80", ', '":80", filters: {headers: {response: {set: {x-a: "1"}}}}, ')
    listener, route = diff_text(diff(compiled(before), compiled(after))).splitlines()
    assert listener == "~ listener web  filters.headers: + headers (response x-a)"
    assert route == "~ route web/a  filters.headers: + headers (response x-a)"


def test_one_file_has_one_version_wherever_it_is_compiled() -> None:
    plan = compiled(BEFORE)
    served = compiled(BEFORE, terminal=True, admin_socket="/run/found.sock")
    assert (served["access_log"]["format"], served["admin"]["socket"]) == ("human", "/run/found.sock")
    assert served["version"] == plan["version"]
    written = "log: {format: combined}\n"
    assert compiled(BEFORE + written, terminal=True)["version"] == compiled(BEFORE + written)["version"]
    assert compiled(BEFORE + written)["version"] != plan["version"]
    assert compiled(BEFORE + "admin: {socket: /run/a.sock}\n")["version"] != plan["version"]


def test_the_version_names_the_content() -> None:
    assert compiled(BEFORE)["version"] == compiled("# a comment\n" + BEFORE)["version"]
    assert compiled(BEFORE)["version"] != compiled(AFTER)["version"]
