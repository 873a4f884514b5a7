"""One answer of several calls: what is wrong with it is told with its place, and what is right is explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from glorieta.cli.trying import lines
from glorieta.config import load_text
from glorieta.engine import Trial
from glorieta.plan import build_edge, compile, explain, plan_json
from glorieta.plan.testing import run_tests
from harness.configuring import compiled, errors, routes, warnings

if TYPE_CHECKING:
    from pathlib import Path

PLACE = 'glorieta.yaml:{} listeners.web.routes."/x/{{id}}".gather'


def gathering(parts: str, whole: str = "") -> str:
    """A route whose parts are these, from line 9, column 11; `whole` is said from line 8 on."""
    lines = ["/x/{id}:", "  gather:", *(f"    {line}" for line in whole.splitlines()), "    parts:"]
    return routes("\n".join([*lines, *(f"      {line}" for line in parts.strip("\n").splitlines())]))


def said(text: str) -> list[str]:
    """What is told, without file and route."""
    start = ' listeners.web.routes."/x/{id}".gather'
    return [line.partition(start)[2].lstrip(".") if start in line else line for line in errors(text)]


def parts_of(text: str) -> list[Any]:
    plan = compiled(text)
    return plan["listeners"][0]["routes"][0]["target"]["gather"]["parts"]


@pytest.mark.parametrize(
    ("parts", "whole", "expected"),
    [
        ("a: {to: b, path: /}", "", 'parts.a.to: there is no upstream "b"; known are a'),
        ("a: {path: /}", "", "parts.a: does not say which upstream is asked; write to: UPSTREAM"),
        ("a: {to: a}", "", "parts.a: does not say which path is asked for; write path: /…"),
        ("a: {to: a, path: x}", "", 'parts.a.path: "x" does not begin with a slash; write "/x"'),
        ("a: {to: a, path: '/a b'}", "", "has a character that no path has"),
        ("a: {to: a, path: '/${path.other}'}", "", 'parts.a.path: the route\'s path has no parameter "other"'),
        ("a: {to: a, path: '/${parts}'}", "", 'parts.a.path: "${parts}" names no value of a part'),
        ("a: {to: a, path: '/${parts.b.}'}", "", "names no value of a part; write ${parts.NAME.member}"),
        ("a: {to: a, path: '/${parts.b.id}'}", "", 'parts.a.path: there is no part "b"'),
        ("a: {to: a, path: '/${status}'}", "", '"status" is known only to the access log'),
        ("a: {to: a, path: /, after: b}", "", 'parts.a.after: there is no part "b"'),
        ("a: {to: a, path: '/${parts.a.id}'}", "", "parts.a.path: parts wait for each other: a → a"),
        (
            "a: {to: a, path: '/${parts.b.id}'}\nb: {to: a, path: /, query: {q: '${parts.c.id}'}}\n"
            "c: {to: a, path: /, method: POST, body: [{x: '${parts.b.id}'}]}",
            "",
            "parts.b.query.q: parts wait for each other: b → c → b; take one of these needs out",
        ),
        (
            "a: {to: a, path: /, shadow: true}\nb: {to: a, path: /, after: a}",
            "",
            'parts.b.after: part "a" is a shadow, whose answer nobody waits for',
        ),
        ("a: {to: a, path: /, shadow: true}", "", "parts: every part is a shadow, so nothing is answered"),
        (
            "a: {to: a, path: /}\nb: {to: a, path: /, shadow: true, optional: true}",
            "",
            "parts.b.optional: nobody waits for a shadow",
        ),
        ("a: {to: a, path: /}\nb: {to: a, path: /, shadow: true, nest: x}", "", "parts.b.nest: a shadow's answer is"),
        ("a: {to: a, path: /, optional: {default: []}}", "", "parts.a.optional.default: has no members"),
        ("a: {to: a, path: /, optional: {default: {x: '${path.id}'}}}", "", "a default has no words of the request"),
        ("a: {to: a, path: /, optional: {defualt: {}}}", "", 'parts.a.optional: unknown key "defualt"'),
        ("a: {to: a, path: /, reads: text}", "", "parts.a.reads: a text has no members"),
        ("a: {to: a, path: /, reads: text, nest: t, select: x}", "", "parts.a.select: a text has no members"),
        ("a: {to: a, path: /, reads: xml}", "", '"xml" is not one of the words for this'),
        ("a: {to: a, path: /, body: {x: 1}}", "", "parts.a.body: a GET has no body; write method: POST"),
        ("a: {to: a, path: /, method: POST, body: 1e999}", "", '"1e999" is too large for a number; quote it'),
        ("a: {to: a, path: /, headers: {Accept-Encoding: gzip}}", "", '"accept-encoding" is not sent to parts'),
        ("a: {to: a, path: /, forward: Host}", "", '"Host" is not set by headers'),
        ("a: {to: a, path: /, forward: connection}", "", '"connection" cannot be changed'),
        ("a: {to: a, path: /, select: 'a..b'}", "", '"a..b" is no path of members'),
        ("a: {to: a, path: /, drop: 'a.*.b'}", "", 'paths lead through arrays by themselves; write "a.b"'),
        ("a: {to: a, path: /, select: x, rename: {y: z}}", "", "parts.a.rename.y: y is not selected"),
        ("a: {to: a, path: /, flatten: x, rename: {x: z}}", "", "parts.a.rename.x: x is flattened"),
        (
            "a: {to: a, path: /, nest: x}\nb: {to: a, path: /, nest: x}",
            "",
            'parts.b.nest: two parts give the member "x"',
        ),
        ("a: {to: a, path: /, nest: x}", "report: x", 'report: the member "x" is a part\'s'),
        ("a: {to: a, path: /}", "report: x\npick: y", "report: is lost"),
        (
            "a: {to: a, path: /}",
            "report: x\nselect: [y, xx]",
            "report: is lost: select does not pass it on (the other: ",
        ),
        ("a: {to: a, path: /}", "report: x\nselect: y", "; write x into select, too"),
        ("a: {to: a, path: /}", "report: x.y\nselect: x.y", "report: is lost: select does not pass it on"),
        ("a: {to: a, path: /}", "report: x\ndrop: [y, x]", "report: is lost: drop takes it out (the other: "),
        ("a: {to: a, path: /, select: [y, x.z]}", "report: x", 'report: the member "x" is a part\'s'),
        ("a: {to: a, path: /, rename: {y: x}}", "report: x", 'report: the member "x" is a part\'s'),
        ("a: {to: a, path: /, optional: {default: {x: 1}}}", "report: x", 'report: the member "x" is a part\'s'),
        ("a: {to: a, path: /}", "report: x\nrename: {y: x}", 'report: the member "x" is a part\'s'),
        ("a: {to: a, path: '/a/../b?c=d/../e'}", "", 'parts.a.path: "/a/../b?c=d/../e" has a dot segment'),
        ("a: {to: a, path: '/a/../b?c=d/../e'}", "", 'which is refused in requests; write "/b?c=d/../e"'),
        ("a: {to: a, path: '/${path.id}/%2E%2e/.'}", "", 'write "/"'),
        ("a: {to: a, path: '/a${search}/b'}", "", 'parts.a.path: "/a${search}/b": what stands behind ${search}'),
        ("a: {to: a, path: '${target}&b=c'}", "", "put ${target} at the end, or write further parameters into query:"),
        ("a: {to: a, path: '/a?b=c${search}'}", "", "${search} brings a question mark of its own; leave the ? out"),
        ("a: {to: a, path: /, method: connect}", "", "write another method, such as GET"),
        ("a: {to: a, path: /, method: CONNECT}", "", "parts.a.method: CONNECT asks for a tunnel"),
        ("a: {to: a, path: /}", "head: b", 'head: there is no part "b"'),
        ("a: {to: a, path: /, optional: on}", "head: a", 'head: part "a" may be missing'),
        ("a: {to: a, path: /}", "conflict: last_wins", '"last_wins" is not one of the words for this'),
        ("a: {to: a, path: /}", "max_size: 5", '"5" has no unit'),
        ("a.b: {to: a, path: /}", "", '"a.b" is no name of a part'),
        ("a: {to: a, path: /, rename: {x: ''}}", "", "a member has a name"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(parts: str, whole: str, expected: str) -> None:
    told = said(gathering(parts, whole))
    assert len(told) == 1, told
    assert expected in told[0]


def test_slashes_of_words_are_none_of_the_path(tmp_path: Path) -> None:
    (tmp_path / "segment").write_text("s3cret")
    reference = f"${{file:{tmp_path}/segment}}"
    told = said(gathering(f"a: {{to: a, path: '/../{reference}/%2e/c'}}"))
    assert len(told) == 1 and f'write "/{reference}/c"' in told[0], told
    assert errors(gathering(f"a: {{to: a, path: '/{reference}/c'}}")) == []


def test_all_is_told_at_once() -> None:
    told = said(gathering("a: {to: b, path: /../x, method: CONNECT}\nb: {to: a, path: '/${search}/'}", "head: c"))
    assert [line.partition(": ")[0] for line in told] == [
        "head",
        "parts.a.to",
        "parts.a.path",
        "parts.a.method",
        "parts.b.path",
    ]


def test_what_holds_for_the_route() -> None:
    assert said(routes("/x: {gather: {}}"))[0].endswith("has no parts; write parts: {NAME: {to: UPSTREAM, path: /…}}")
    assert "exclude each other" in errors(routes("/x: {to: a, gather: {parts: {a: {to: a, path: /}}}}"))[0]
    for word, value in (("strip_prefix", "true"), ("rewrite", "/b")):
        told = errors(routes(f"/x/*: {{{word}: {value}, gather: {{parts: {{a: {{to: a, path: /}}}}}}}}"))
        assert len(told) == 1 and f'"{word}" means nothing' in told[0]
    many = "\n".join(f"p{number}: {{to: a, path: /{number}}}" for number in range(33))
    assert "33 parts, and 32 are the most" in said(gathering(many))[0]


def test_a_timeout_that_is_never_reached_is_a_warning() -> None:
    text = gathering("a: {to: a, path: /, timeout: 1s}", "deadline: 500ms")
    told = "is longer than what all parts have, 500ms"
    assert told in "\n".join(warnings(text))
    assert told not in "\n".join(warnings(text.replace("timeout: 1s", "timeout: 500ms")))


def test_the_nearest_innocent_ones_are_right() -> None:
    for parts, whole in (
        ("a: {to: a, path: /, nest: x}\nb: {to: a, path: /, nest: x}", "conflict: deep"),
        ("a: {to: a, path: /, nest: x, optional: {default: []}}", "report: _x"),
        ("a: {to: a, path: /, select: [x.y], rename: {x: z}, flatten: x.y}", ""),
        ("a: {to: a, path: /, select: [x], rename: {x.y: z}}", ""),
        ("b: {to: a, path: '/${parts.a.x}'}\na: {to: a, path: '/$${parts.none}'}", ""),
        ("a: {to: a, path: '/${path.id}/${query.q}${search}'}", "head: a"),
        ("a: {to: a, path: /, method: POST, body: '${body}'}", ""),
        ("a: {to: a, path: /}", "report: x\nselect: [y, x.part]\ndrop: [x.reason]"),
        ("a: {to: a, path: /}", "report: x.y\ndrop: x.y"),
        ("a: {to: a, path: /}", "report: x\nrename: {x: y}"),
        ("a: {to: a, path: /, select: x, rename: {x: y}}", "report: x"),
        ("a: {to: a, path: /, select: x, drop: x}", "report: x"),
        ("a: {to: a, path: /, select: x, nest: y}", "report: x"),
        ("a: {to: a, path: '/a/..b/...?x=/../'}", ""),
        ("a: {to: a, path: '/a/.${path.id}/${path.id}.'}", ""),
        ("a: {to: a, path: '${path}${search}', query: {x: y}}", ""),
        ("a: {to: a, path: '/$${search}/a?b=${query.b}'}", ""),
    ):
        assert errors(gathering(parts, whole)) == []


def test_numbers_are_numbers_where_any_value_may_stand() -> None:
    parts = parts_of(
        gathering(
            "a: {to: a, path: /, method: PUT, body: {n: [1, -2.50, '3', 1e3, 01, true, null, 007]}, query: {q: 5}}"
        )
    )
    assert parts[0]["body"] == {"json": {"n": [1, -2.5, "3", 1000.0, "01", True, None, "007"]}}
    assert parts[0]["query"] == [["q", "5"]]


def test_references_stay_in_what_is_sent_and_are_read_in_what_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret ${path} $")
    parts = parts_of(
        gathering(
            "a:\n  to: a\n  path: /\n  method: POST\n  headers: {authorization: 'Bearer ${env:TOKEN}'}\n"
            "  body: {key: '${env:TOKEN}', dollar: '$$'}\n  optional: {default: {key: '${env:TOKEN}', n: '$$1'}}"
        )
    )
    assert parts[0]["headers"] == [["authorization", "Bearer ${env:TOKEN}"]]
    assert parts[0]["body"] == {"json": {"key": "${env:TOKEN}", "dollar": "$$"}}
    assert parts[0]["need"] == {"default": {"key": "s3cret ${path} $", "n": "$1"}}


def test_what_the_route_says_holds_for_every_part() -> None:
    text = gathering("a: {to: a, path: /}", "forward: [Authorization, Cookie]\ndeadline: 1s")
    text = text.replace(
        "  gather:", "  retries: off\n        host: upstream\n        timeouts: {connect: 1s}\n        gather:"
    )
    part = parts_of(text)[0]
    assert (part["retries"], part["host"], part["timeouts"]["connect_ms"]) == (0, "upstream", 1000)
    assert part["forward"] == ["authorization", "cookie"]


def test_explain_tells_the_parts_and_the_role() -> None:
    text = gathering(
        "a: {to: a, path: '/u/${path.id}', nest: u}\n"
        "b: {to: a, path: '/o/${parts.a.id}', timeout: 1s, optional: {default: {}}}\n"
        "c: {to: a, path: /c, after: [a, b], optional: on}\n"
        "d: {to: a, path: /d, shadow: on}",
        "deadline: 2s",
    )
    edge = load_text(text, "glorieta.yaml").edge
    told = explain(build_edge(edge)).text()
    for line in (
        "role: custom gateway",
        "makes one answer of a",
        "a: GET /u/${path.id} of a",
        "b: GET /o/${parts.a.id} of a, after a, within 1s, else {}",
        "c: GET /c of a, after a and b, optional",
        "d: GET /d of a, nobody waits for it",
        "all within 2s; no member twice",
    ):
        assert line in told, told


def test_a_role_that_has_no_business_knowledge_does_not_gather() -> None:
    gather = "{gather: {parts: {a: {to: a, path: /}}}}"
    groups = f"groups: {{g: {{role: reverse-proxy, match: h.example, routes: {{/x: {gather}}}}}}}\n"
    told = errors(routes("/y: a") + groups)
    assert len(told) == 1 and "reverse-proxy" in told[0], told
    for role in ("custom-gateway", "bff"):
        client = ", client: mobile" if role == "bff" else ""
        assert errors(routes("/y: a") + groups.replace("reverse-proxy", role + client)) == []


def test_an_upstream_that_only_parts_ask_is_used() -> None:
    text = gathering("a: {to: a, path: /}\nb: {to: b, path: /b}").replace(
        "upstreams: {", "upstreams: {b: {endpoints: [b:1]}, "
    )
    assert errors(text) == []
    assert warnings(text) == []


HOME = """\
version: 1
listeners:
  web:
    bind: ":8080"
    routes:
      GET /home/{id}:
        gather:
          parts:
            user: {to: users, path: "/users/${path.id}"}
            orders: {to: orders, path: "/orders/${parts.user.id}", optional: on}
            seen: {to: users, method: POST, path: /seen, body: {id: "${path.id}"}, shadow: on}
upstreams: {users: {endpoints: [localhost:3000]}, orders: {endpoints: [localhost:3001]}}
tests:
  GET http://h:8080/home/7: {forwards: TOLD}
"""


@pytest.mark.parametrize(
    ("forwards", "told"),
    [
        ("users /users/7", None),
        ("users /seen", None),
        ("orders", None),
        ("users /users/8", "one answer of users /users/7, orders /orders/${parts.user.id}, users /seen"),
    ],
)
def test_a_test_may_name_any_part(forwards: str, told: str | None) -> None:
    edge = load_text(HOME.replace("TOLD", forwards)).edge
    (result,) = run_tests(edge, Trial(plan_json(compile(edge))).ask)
    assert [failure.actual for failure in result.failures] == ([told] if told else [])


def test_a_trial_tells_the_parts_and_what_each_is_sent() -> None:
    trial = Trial(plan_json(compile(load_text(HOME.replace("TOLD", "users")).edge)))
    told = lines(trial.ask({"method": "GET", "url": "http://h:8080/home/7"}))
    for line in (
        "→ one answer of 3 parts",
        "→ part user (required)",
        "  upstream users: GET /users/7",
        "→ part orders (optional, after user)",
        "  upstream orders: GET /orders/${parts.user.id}",
        "→ part seen (shadow)",
        '  {"id":"7"}',
    ):
        assert line in told, told
