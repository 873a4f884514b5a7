"""What a Plan does, in words: roles, routes as they win, and what they lead to."""

from __future__ import annotations

import cProfile
import json
from pathlib import Path

import jsonschema
import pytest

from glorieta.config import load_text
from glorieta.plan import Built, build, explain, explain_schema
from glorieta.plan.build import finish
from glorieta.plan.compiling import Surroundings
from glorieta.plan.explaining.layout import wrapped
from glorieta.plan.explaining.rows import ORDER
from harness.configuring import compiled

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/glorieta.yaml"))

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


def built(text: str) -> Built:
    return finish(load_text(text), Surroundings())


def words(text: str) -> list[str]:
    """The lines with single blanks: what is said, not how it is aligned."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_one_group_needs_no_heading() -> None:
    assert words(explain(compiled(TEXT)).text()) == [
        "web :8080 http roles: reverse proxy, load balancer (layer 7)",
        "reverse proxy: one address for shop, orders; answers by itself (redirect)",
        "load balancer (layer 7): shop is a name, which means all its addresses, orders has 2 endpoints",
        "/old → redirect 302 /new exact",
        "GET /users/{id} → shop parameters; shop.internal:80; as /v2/${path.id}; host upstream",
        "filter: max_body 1MiB",
        "/service1/* → orders prefix; 2 endpoints; without /service1; deadline 5m",
        "/* → shop prefix; shop.internal:80",
        "",
        "mail :1025 tcp role: load balancer (layer 4)",
        "every connection → smtp 2 endpoints, peak_ewma, health connecting every 2s, allow 10.0.0.0/8",
        "",
        *words("\n".join(wrapped(ORDER, ""))),
        "",
        "upstreams",
        "orders 2 endpoints, peak_ewma, health GET /healthz every 2s",
        "10.0.0.1:80 25% while all are equally fast",
        "10.0.0.2:80 75% while all are equally fast (weight 3 of 4)",
        "shop shop.internal:80 (all addresses of the name), hash of cookie.cart, no active check",
        "smtp 2 endpoints, peak_ewma, health connecting every 2s",
        "smtp1:25 50% while all are equally fast, over all addresses of the name",
        "smtp2:25 50% while all are equally fast, over all addresses of the name",
        "",
        "peak_ewma: of two drawn at random, the one with the smaller latency × requests in flight",
        "hash: the same value leads to the same endpoint, as long as it is up",
    ]


def test_groups_have_roles_owners_and_filters() -> None:
    lines = words(explain(built(TEXT + GROUPS)).text())
    at = lines.index("group api shop.example/api/* role: reverse proxy, declared")
    assert lines[1] == "own routes roles: reverse proxy, load balancer (layer 7)"
    assert lines[at + 1 : at + 4] == [
        "owner team@shop.example",
        "filters, in this order: deny 10.6.6.6 from group, headers (request x-b, x-a) from group",
        "/api/* → orders prefix; 2 endpoints",
    ]


SEVERAL = """\
version: 1
listeners: {web: {bind: ":8080"}}
groups:
  shop:
    match: shop.example
    routes: {/a: one, GET /a: two, beta: {match: {path: /a, headers: {x-beta: present}, query: {v: "2"}}, to: two}}
    to: one
  admin:
    routes: {office: {match: {host: [a.example, b.example]}, to: one}, /b: two}
upstreams: {one: {endpoints: [10.0.0.1:80]}, two: {endpoints: [10.0.0.2:80]}}
"""


def test_words_are_told_as_conditions() -> None:
    text = SEVERAL.replace('headers: {x-beta: present}, query: {v: "2"}', "words: {cookie.beta: present}").replace(
        "match: shop.example", "match: {host: shop.example, words: {client.ip: 10.0.0.7}}"
    )
    lines = words(explain(built(text)).text())
    group = "group shop shop.example word client.ip 10.0.0.7 role: reverse proxy"
    asked = "/a word client.ip exact 10.0.0.7 word cookie.beta present → two"
    assert group in lines
    assert any(line.startswith(asked) for line in lines)
    assert any("exact, by word" in line for line in lines)


def test_hosts_are_told_once_where_all_routes_have_the_same() -> None:
    lines = words(explain(built(SEVERAL)).text())
    at = lines.index("group shop shop.example role: reverse proxy")
    assert lines[at + 1] == "reverse proxy: one address for one, two"
    assert lines[at + 2 : at + 6] == [
        "GET /a → two exact, by method; 10.0.0.2:80",
        "/a header x-beta present query v exact 2 → two exact, by header and query; 10.0.0.2:80",
        "/a → one exact; 10.0.0.1:80",
        "everything else → one catch-all; 10.0.0.1:80",
    ]
    assert "a.example|b.example everything else → one catch-all; 10.0.0.1:80" in lines
    bare = words(explain(compiled(SEVERAL)).text())
    assert "group shop shop.example role: reverse proxy" in bare
    assert "group admin role: reverse proxy" in bare


@pytest.mark.parametrize("width", [80, 96, 110])
def test_routes_filters_and_upstreams_fit_the_lines(width: int) -> None:
    long = "/orders/{id}/lines/{line}/prices"
    text = FILTERED.replace("/a: one", f"{long}: {{to: one, deadline: 5m, host: upstream, retries: 0}}").replace(
        "/b: one", "/b: {redirect: https://somewhere.example/with/a/long/way/to/go}"
    )
    lines = explain(built(text)).text(width).splitlines()
    assert max(len(line) for line in lines if "role" not in line) <= width
    assert any(long in line for line in lines)
    assert "parameters; 10.0.0.1:80; host upstream; deadline 5m" in " ".join(words("\n".join(lines)))


def test_files_are_where_a_person_would_say() -> None:
    text = "version: 1\nlisteners: {web: {bind: ':1', routes: {/a/*: {files: ./site}, /b/*: {files: /srv/www}}}}\n"
    lines = words(explain(built(text)).text())
    assert "/a/* → files ./site prefix" in lines
    assert "/b/* → files /srv/www prefix" in lines


FILTERED = """\
version: 1
listeners:
  web:
    bind: ":8080"
    filters: {max_body: 1MiB, headers: {request: {set: {x-a: "1"}}}}
groups:
  api:
    match: a.example
    filters: {allow: 10.0.0.0/8, headers: {request: {set: {x-b: "1"}}}}
    routes:
      /a: one
      /b: one
      /c: {to: one, filters: {max_body: 2MiB}}
      /d: {to: one, filters: {allow: "off", max_body: "off", headers: "off"}}
upstreams:
  one: {endpoints: [10.0.0.1:80]}
"""


def test_filters_stand_in_the_order_in_which_they_run_and_name_where_they_come_from() -> None:
    lines = words(explain(built(FILTERED)).text())
    assert (
        "filters, in this order: allow 10.0.0.0/8 from group, max_body 1MiB from listener web, "
        "headers (request x-a, x-b) from listener web, group"
    ) in " ".join(lines)
    assert lines[lines.index("/a → one exact; 10.0.0.1:80") + 1] == "/b → one exact; 10.0.0.1:80"
    assert (
        "/c → one exact; 10.0.0.1:80 filters, in this order: allow 10.0.0.0/8 from group, max_body 2MiB, "
        "headers (request x-a, x-b) from listener web, group"
    ) in " ".join(lines)
    assert lines[lines.index("/d → one exact; 10.0.0.1:80") + 1] == "no filters"


@pytest.mark.parametrize(
    ("upstream", "told"),
    [
        ("{endpoints: [a:1]}", ["u a:1 (all addresses of the name), no active check"]),
        ("{endpoints: [10.0.0.1:1]}", ["u 10.0.0.1:1 takes all, no active check"]),
        (
            "{endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: first_available}",
            [
                "u 2 endpoints, first_available, no active check",
                "10.0.0.1:1 all while it is up",
                "10.0.0.2:1 while those above are down",
                "",
                "first_available: the first in the list that is up",
            ],
        ),
        (
            "{endpoints: [10.0.0.1:1, {address: 10.0.0.2:1, weight: 2}], balance: round_robin}",
            [
                "u 2 endpoints, round_robin, no active check",
                "10.0.0.1:1 33% of the turns",
                "10.0.0.2:1 67% of the turns (weight 2 of 3)",
                "",
                "round_robin: in turn",
            ],
        ),
        (
            "{endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: {hash: path}}",
            [
                "u 2 endpoints, hash of path, no active check",
                "10.0.0.1:1 50% of the values",
                "10.0.0.2:1 50% of the values",
                "",
                "hash: the same value leads to the same endpoint, as long as it is up",
            ],
        ),
    ],
)
def test_each_endpoint_says_why_it_gets_its_share(upstream: str, told: list[str]) -> None:
    text = f"version: 1\nlisteners: {{web: {{bind: ':1', to: u}}}}\nupstreams: {{u: {upstream}}}\n"
    lines = words(explain(compiled(text)).text())
    assert lines[lines.index("upstreams") + 1 :] == told


def calls_to_explain(count: int) -> int:
    """How many functions are called to explain so many routes."""
    routes = "".join(f"      /r{number}/*: {{to: u, strip_prefix: true}}\n" for number in range(count))
    text = "version: 1\nlisteners:\n  web:\n    bind: ':1'\n    routes:\n" + routes
    made = explain(built(text + "upstreams: {u: {endpoints: [10.0.0.1:1]}}\n"))
    profile = cProfile.Profile()
    lines = profile.runcall(made.text).count("\n")
    assert lines > count
    assert profile.runcall(made.short).count("\n") < 20
    return sum(each.callcount for each in profile.getstats())


def test_what_explaining_takes_grows_no_faster_than_the_routes() -> None:
    assert calls_to_explain(2_000) < 5 * calls_to_explain(500)


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
    assert made["upstreams"][0]["endpoints"][1] == {
        "address": "10.0.0.2:80",
        "weight": 3,
        "share": "75% while all are equally fast (weight 3 of 4)",
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_what_is_explained_has_the_form_of_its_schema(path: Path) -> None:
    jsonschema.validate(json.loads(json.dumps(explain(build(path, secrets=False)).as_json())), explain_schema())


def test_confusions_have_their_form_too() -> None:
    hop = "  inner: {bind: ':81', respond: ok}\nupstreams:\n  own: {endpoints: [localhost:81]}\n"
    made = explain(built(TEXT.replace("upstreams:\n", hop).replace("/old: {redirect: /new}", "/old: own"))).as_json()
    jsonschema.validate(json.loads(json.dumps(made)), explain_schema())
    assert [(each["code"], each["severity"]) for each in made["confusions"]] == [
        ("sticky", "warning"),
        ("hop-to-self", "note"),
    ]
    other = made["confusions"][1]["also"]
    assert other is not None and other["path"] == "listeners.inner"
    assert other["place"] is not None and other["place"]["line"] == 11


def test_the_schema_is_strict_and_speaks() -> None:
    made = json.loads(json.dumps(explain(built(TEXT + GROUPS)).as_json()))
    jsonschema.validate(made, explain_schema())
    made["listeners"][0]["groups"][0]["rolez"] = []
    with pytest.raises(jsonschema.ValidationError, match="rolez"):
        jsonschema.validate(made, explain_schema())
    assert explain_schema()["$defs"]["ExplainedRoute"]["properties"]["why"]["description"].startswith("What puts it")


def test_places_are_named_where_they_are_known() -> None:
    made = explain(built(TEXT + GROUPS)).as_json()
    web = made["listeners"][0]["groups"][0]
    assert web["routes"][0]["place"] == {"file": "<text>", "line": 9, "column": 13}
    assert made["upstreams"][1]["place"] is not None and made["upstreams"][1]["place"]["line"] == 13


def test_a_listener_of_one_version_says_so() -> None:
    text = (
        "version: 1\nlisteners:\n  new: {bind: ':8080', versions: h2, to: a}\n  both: {bind: ':8081', to: a}\n"
        "upstreams: {a: {endpoints: localhost:3000}}\n"
    )
    explanation = explain(compiled(text))
    assert [line for line in words(explanation.text()) if "speaks" in line] == ["speaks HTTP/2 only"]
    assert [listener["versions"] for listener in explanation.as_json()["listeners"]] == [["h2"], ["h1", "h2"]]
