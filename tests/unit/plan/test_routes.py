"""Routes of the Plan: their names, what they match, and in which order they win."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from glorieta.plan.describe_matches import match_text
from glorieta.plan.match import host_within, path_within, written_path
from glorieta.plan.precedence import in_order
from harness.configuring import UPSTREAM, compiled, routes

if TYPE_CHECKING:
    from pathlib import Path

    from glorieta.plan.model import Route

GROUPS = """\
groups:
  orders: {match: shop.example/orders/*, routes: {/orders/x: a, POST /orders/y: a, special: {match: /orders/z, to: a}}}
"""


def all_routes(text: str) -> list[Route]:
    return [route for listener in compiled(text)["listeners"] for route in listener["routes"]]


def test_ids_are_unique_and_names_are_unique_on_their_listener() -> None:
    found = all_routes(routes("/service1/*: a\nGET /b: a\nnamed: {match: /c, to: a}") + GROUPS)
    assert [(route["id"], route["name"], route["group"]) for route in found] == [
        ("web/service1/*", "/service1/*", "web"),
        ("web/GET /b", "GET /b", "web"),
        ("web/named", "named", "web"),
        ("orders/orders/x", "orders/orders/x", "orders"),
        ("orders/POST /orders/y", "orders/POST /orders/y", "orders"),
        ("orders/special", "orders/special", "orders"),
    ]


def test_two_routes_never_share_an_id() -> None:
    from harness.configuring import errors

    lines = errors(routes("/x: a\nx: {match: /y, to: a}"))
    assert lines == [
        'glorieta.yaml:7:7 listeners.web.routes.x: two routes have the id "web/x" '
        '(the other: glorieta.yaml:6:7 listeners.web.routes."/x"); give one of them another name'
    ]


def test_a_groups_match_holds_for_its_routes() -> None:
    text = routes("/: a") + (
        "groups:\n"
        "  g:\n"
        "    match: {host: '*.s.example', path: /g/*, method: [GET, PUT], headers: {x-t: present}, query: {q: '1'}}\n"
        "    routes:\n"
        "      /g/a: a\n"
        "      PUT /g/b: {to: a, match: {host: [a.s.example, '*.b.s.example'], headers: {x-u: absent}}}\n"
        "    respond: 404\n"
    )
    wanted: dict[str, Any] = {"name": "x-t", "value": "present"}
    query = [{"name": "q", "value": {"exact": "1"}}]
    one, two, rest = (route for route in all_routes(text) if route["group"] == "g")
    assert (one["hosts"], one["methods"]) == ([{"wildcard": "s.example"}], ["GET", "PUT"])
    assert (one["headers"], one["query"]) == ([wanted], query)
    assert (two["hosts"], two["methods"]) == ([{"exact": "a.s.example"}, {"wildcard": "b.s.example"}], ["PUT"])
    assert two["headers"] == [wanted, {"name": "x-u", "value": "absent"}]
    assert (rest["path"], rest["hosts"], rest["methods"]) == ({"prefix": "/g"}, one["hosts"], one["methods"])
    assert rest["id"] == "g/g/*"


def test_words_of_a_group_hold_for_its_routes() -> None:
    text = routes("/: a") + (
        "groups:\n"
        "  g:\n"
        "    match: {words: {cookie.a: present}}\n"
        "    routes:\n"
        "      /g/a: a\n"
        "      b: {to: a, match: {path: /g/b, words: {cookie.b: {prefix: x}, cookie.a: present}}}\n"
        "    to: a\n"
    )
    wanted: dict[str, Any] = {"name": "cookie.a", "value": "present"}
    one, two, rest = (route for route in all_routes(text) if route["group"] == "g")
    assert one["words"] == [wanted]
    assert two["words"] == [wanted, {"name": "cookie.b", "value": {"prefix": "x"}}]
    # Who asks for a word says more than hosts: it comes before what asks for nothing.
    assert (rest["words"], rest["path"]) == ([wanted], {"prefix": ""})
    assert all("words" not in route for route in all_routes(text) if route["group"] != "g")


def test_routes_that_ask_for_other_words_are_different() -> None:
    from harness.configuring import errors

    two = "n: {match: {path: /a, words: {cookie.v: ONE}}, to: a}\nm: {match: {path: /a, words: {cookie.v: TWO}}, to: a}"
    assert errors(routes(two)) == []
    (line,) = errors(routes(two.replace("ONE", "TWO")))
    assert "matches the same requests as another route" in line


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        ("/a/b", "/*", True),
        ("/a", "/a/*", True),
        ("/a/*", "/a/*", True),
        ("/a/b/*", "/a/*", True),
        ("/ab", "/a/*", False),
        ("/*", "/a/*", False),
        ("/a", "/a", True),
        ("/a/*", "/a", False),
        ("/t/{id}/x", "/t/{tenant}/*", True),
        ("/t/7/x", "/t/{tenant}/*", True),
        ("/{any}/x", "/t/*", False),
        ("~/a/[0-9]+", "/a/*", True),
        ("~/a[0-9]+", "/a/*", False),
        ("~/a/x|/b", "/a/*", False),
        ("~/a/?b", "/a/*", False),
        ("~/a/{0,3}b", "/a/*", False),
        ("~/a/+b", "/a/*", True),
        ("~/a/x", "~/a/.*", False),
        ("/a/x", "~/a/.*", False),
    ],
)
def test_a_path_lies_within_another(inner: str, outer: str, within: bool) -> None:
    assert path_within(inner, outer) is within


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        ("a.example", ["a.example"], True),
        ("a.example", ["*"], True),
        ("a.s.example", ["*.s.example"], True),
        ("*.a.s.example", ["*.s.example"], True),
        ("*.s.example", ["*.s.example"], True),
        ("s.example", ["*.s.example"], False),
        ("*.example", ["*.s.example"], False),
        ("xs.example", ["*.s.example"], False),
        ("b.example", ["a.example", "b.example"], True),
    ],
)
def test_a_host_lies_within_others(inner: str, outer: list[str], within: bool) -> None:
    assert host_within(inner, outer) is within


def test_routes_are_listed_as_they_win() -> None:
    text = routes(
        """
/*: a
"~/r/.*": {to: a, priority: 2}
"~/s/.*": {to: a, priority: 9}
/a/*: a
/a/b/*: a
/{x}/{y}: a
/a/{y}: a
/{x}/b: a
/a/{y}/*: a
/a/b: a
GET /a/b: a
header: {match: {path: /a/b, headers: {x: present}}, to: a}
query: {match: {path: /a/b, query: {x: present}}, to: a}
word: {match: {path: /a/b, words: {cookie.x: present}}, to: a}
both: {match: {path: /a/b, words: {cookie.x: present}, headers: {x: present}}, to: a}
wild: {match: {host: '*.example', path: /a/b}, to: a}
wilder: {match: {host: '*.s.example', path: /*}, to: a}
host: {match: {host: h.example}, to: a}
host-regex: {match: {host: h.example, path: ~/r}, to: a}
conditional: {match: {headers: {x: present}}, to: a}
"""
    )
    assert [match_text(route) for route in in_order(all_routes(text))] == [
        "h.example ~/r",
        "h.example everything else",
        "*.s.example/*",
        "*.example/a/b",
        "GET /a/b",
        "/a/b header x present word cookie.x present",
        "/a/b header x present",
        "/a/b word cookie.x present",
        "/a/b query x present",
        "/a/b",
        "/a/{y}",
        "/{x}/b",
        "/a/{y}/*",
        "/{x}/{y}",
        "/a/b/*",
        "/a/*",
        "/* header x present",
        "/*",
        "~/s/.*",
        "~/r/.*",
    ]


CATCH_ALLS = """\
version: 1
listeners: {web: {bind: ":80", to: a, routes: {named: {match: h.example, to: a}, GET /a: a}}}
groups:
  host: {match: g.example, to: a}
  below: {match: g.example/b/*, to: a}
  method: {match: {host: g.example, method: GET}, to: a}
  header: {match: {headers: {x: present}}, routes: {named-too: {match: i.example, to: a}}, to: a}
upstreams: {a: {endpoints: [localhost:3000]}}
"""


def test_what_says_nothing_but_hosts_is_a_catch_all() -> None:
    found = {route["id"]: (route["path"], route["name"]) for route in all_routes(CATCH_ALLS)}
    assert found == {
        "web/named": ("any", "named"),
        "web/GET /a": ({"exact": "/a"}, "GET /a"),
        "web/*": ("any", "/*"),
        "host/*": ("any", "host/*"),
        "below/b/*": ({"prefix": "/b"}, "below/b/*"),
        "method/*": ({"prefix": ""}, "method/*"),
        "header/named-too": ({"prefix": ""}, "header/named-too"),
        "header/*": ({"prefix": ""}, "header/*"),
    }


def test_paths_read_back_as_they_were_written() -> None:
    for route in all_routes(routes('/a: a\n/b/*: a\n/*: a\n/{c}/*: a\n"~/d": a')):
        assert written_path(route["path"]) == route["name"]


def test_defaults_lie_below_and_own_values_win() -> None:
    text = (
        "version: 1\n"
        "defaults: {route: {timeouts: {connect: 1s, idle: 2s}, retries: 5, host: upstream}}\n"
        "listeners: {web: {bind: ':80', to: a, routes: {/own: {to: a, timeouts: {idle: 3s}, retries: off}}}}\n"
        "groups: {g: {match: /g/*, to: a, defaults: {route: {timeouts: {idle: 4s}, deadline: 9s}}}}\n" + UPSTREAM
    )
    own, rest, group = (route["target"]["proxy"] for route in all_routes(text))
    assert (own["timeouts"]["connect_ms"], own["timeouts"]["idle_ms"], own["retries"]) == (1000, 3000, 0)
    assert (rest["timeouts"]["idle_ms"], rest["timeouts"]["tunnel_ms"], rest["retries"]) == (2000, 3_600_000, 5)
    assert (group["timeouts"]["connect_ms"], group["timeouts"]["idle_ms"], group["host"]) == (1000, 4000, "upstream")
    assert [route["deadline_ms"] for route in all_routes(text)] == [None, None, 9000]


def test_relative_paths_start_at_the_files_folder(tmp_path: Path) -> None:
    text = (
        "version: 1\nlog: {to: ../logs/access.log}\nadmin: {socket: run/admin.sock}\n"
        "listeners: {web: {bind: 'unix:web.sock', files: ./public, routes: {/a/*: a}}}\n"
        "upstreams: {a: {endpoints: ['unix:app.sock']}}\n"
    )
    plan = compiled(text, tmp_path / "conf")
    listener = plan["listeners"][0]
    assert plan["access_log"]["to"] == {"file": str(tmp_path / "logs/access.log")}
    assert plan["admin"]["socket"] == str(tmp_path / "conf/run/admin.sock")
    assert listener["bind"] == [f"unix:{tmp_path}/conf/web.sock"]
    assert listener["routes"][1]["target"]["files"]["root"] == str(tmp_path / "conf/public")
    assert plan["upstreams"][0]["endpoints"][0]["address"] == f"unix:{tmp_path}/conf/app.sock"
