"""Splits and mirrors: what is wrong with them is told with its place, and what is right is explained and compared."""

from __future__ import annotations

from typing import Any

import pytest

from glorieta.cli.trying import lines
from glorieta.config import Edge, Mirror, Split, load_text
from glorieta.engine import Trial
from glorieta.plan import build_edge, compile, diff, diff_text, explain, plan_json
from glorieta.plan.testing import run_tests
from glorieta.plan.told import told
from harness.configuring import errors

UPSTREAMS = "".join(
    f"  {name}: {{endpoints: [10.0.0.{number}:80]}}\n" for number, name in enumerate(("a", "b", "c"), 1)
)


def configuration(routes: str, more: str = "") -> str:
    """Routes begin at line 6, column 7."""
    head = 'version: 1\nlisteners:\n  web:\n    bind: ":8080"\n    routes:\n'
    return head + "".join(f"      {line}\n" for line in routes.strip().splitlines()) + f"{more}upstreams:\n{UPSTREAMS}"


def route_of(routes: str, more: str = "") -> Any:
    return compile(load_text(configuration(routes, more)).edge)["listeners"][0]["routes"][0]


WRONG = [
    ("split: a", "split: names one upstream, and a split has several; write to: a"),
    ("split: {}", "split: does not say among which upstreams; write {stable: 95, canary: 5}"),
    ("split: {a: 0, b: 0}", "split.to: every weight is 0, so nothing would be answered; give one of them a weight"),
    ("split: {a: 95%, b: 5}", 'split.to.a: "95%" is not a whole number; write 0 to 10000'),
    ("split: {a: 10001}", "split.to.a: 10001 is out of bounds; write 0 to 10000"),
    ("split: {a: 1, d: 1}", 'split.to.d: there is no upstream "d"; known are a, b, c'),
    ("split: {to: {a: 1}, by: chance}", 'split.by: "chance" decides nothing; write cookie, random, or a request word'),
    ("split: {to: {a: 1}, by: header}", 'split.by: "header" is no request value'),
    ("split: {to: {a: 1}, by: claim.sub}", 'split.by: "claim.sub" comes with Gateway, not yet'),
    ("split: {to: {a: 1}, by: path.id}", 'split.by: the route\'s path has no parameter "id"'),
    ("split: {to: {a: 1}, cookie: 'a b'}", 'split.cookie: "a b" is no name of a cookie (RFC 6265 §4.1.1)'),
    ("split: {to: {a: 1}, by: client.ip, cookie: v}", 'split.cookie: "cookie" means nothing where client.ip decides'),
    ("split: {a: 1}, to: b", "to and split exclude each other; keep one target"),
    ("to: a, mirror: d", 'mirror.to: there is no upstream "d"; known are a, b, c'),
    ("to: a, mirror: {share: 5%}", "mirror: does not say who gets the copies; write mirror: UPSTREAM"),
    ("to: a, mirror: {to: b, share: 0%}", "mirror.share: a share of nothing copies nothing; write mirror: off"),
    ("to: a, mirror: {to: b, share: 101%}", 'mirror.share: "101%" is not a share'),
    ("to: a, mirror: {to: b, methods: []}", "mirror.methods: names no method, so nothing is copied"),
    ("to: a, mirror: {to: b, methods: CONNECT}", "mirror.methods: CONNECT asks for a tunnel, which has no copy"),
    ("to: a, mirror: {to: b, max_body: 2MiB}", "mirror.max_body: a body of 2MiB is not kept for a copy; write 1MiB"),
    ("to: a, mirror: {to: b, in_flight: 0}", "mirror.in_flight: 0 is out of bounds; write 1 to 10000"),
    ("to: a, mirror: {to: b, timeout: 0s}", "leaves no time at all"),
    ("redirect: /x, mirror: b", '"mirror" means nothing without an upstream; leave it out, or use to:'),
]


@pytest.mark.parametrize(("says", "expected"), WRONG, ids=[says for says, _ in WRONG])
def test_what_is_wrong_is_told_with_its_place(says: str, expected: str) -> None:
    [found] = errors(configuration(f"/x/*: {{{says}}}"))
    assert found.startswith("glorieta.yaml:6:") and ' listeners.web.routes."/x/*"' in found
    assert expected in found


def test_layer_4_has_no_split() -> None:
    text = (
        f"version: 1\nlisteners: {{web: {{bind: ':1', protocol: tcp, split: {{a: 1, b: 1}}}}}}\nupstreams:\n{UPSTREAMS}"
    )
    assert any('"split" on a tcp listener: layer 4 sees addresses' in each for each in errors(text))


def test_all_forms_of_a_split_say_the_same() -> None:
    short = route_of("/x/*: {split: {a: 95, b: 5}}")
    long = route_of("/x/*: {split: {to: {a: 95, b: 5}, by: cookie, cookie: glorieta_split}}")
    assert short == long
    assert short["target"]["split"]["by"] == {"cookie": "glorieta_split"}
    listener = {"bind": ":8080", "routes": {"/x/*": {"split": Split(to={"a": 95, "b": 5})}}}
    upstreams = {name: {"endpoints": ["10.0.0.1:80"]} for name in "ab"}
    edge = Edge.model_validate({"version": 1, "listeners": {"web": listener}, "upstreams": upstreams})
    assert compile(edge)["listeners"][0]["routes"][0]["target"] == short["target"]


@pytest.mark.parametrize(
    ("by", "expected"),
    [("random", "random"), ("header.X-User", {"word": "header.x-user"}), ("client.ip", {"word": "client.ip"})],
)
def test_what_decides(by: str, expected: object) -> None:
    assert route_of(f"/x/*: {{split: {{to: {{a: 1, b: 1}}, by: {by}}}}}")["target"]["split"]["by"] == expected


def test_a_mirror_is_inherited_field_by_field_and_switched_off() -> None:
    more = "defaults: {route: {mirror: {to: c, share: 10%}}}\n"
    assert route_of("/x/*: a", more)["mirror"]["share_percent"] == 10
    own = route_of("/x/*: {to: a, mirror: {methods: GET, max_body: 1KiB}}", more)["mirror"]
    assert (own["upstream"], own["share_percent"], own["methods"], own["max_body_bytes"]) == ("c", 10, ["GET"], 1024)
    assert "mirror" not in route_of("/x/*: {to: a, mirror: off}", more)
    assert "mirror" not in route_of("/x/*: {respond: 204}", more)
    assert route_of("/x: {gather: {parts: {one: {to: a, path: /}}}}", more)["mirror"]["upstream"] == "c"


def test_what_nobody_says_of_a_mirror() -> None:
    mirror = route_of("/x/*: {to: a, mirror: b, host: upstream, timeouts: {connect: 1s}}")["mirror"]
    assert mirror["methods"] == ["GET", "HEAD", "OPTIONS"]
    assert (mirror["share_percent"], mirror["in_flight"], mirror["timeout_ms"]) == (100, 100, 10_000)
    assert (mirror["host"], mirror["timeouts"]["connect_ms"], mirror["max_body_bytes"]) == ("upstream", 1000, 65_536)
    assert Mirror().to is None


def test_it_is_explained() -> None:
    routes = "/x/*: {split: {to: {a: 95, b: 5, c: 0}, by: client.ip}, mirror: {to: c, share: 10%, methods: GET}}"
    built = build_edge(load_text(configuration(routes)).edge)
    text = explain(built).text()
    for each in ("split a 95%, b 5%, c 0%", "by client.ip", "copies of 10% of GET to c", "b: weight 5, 10.0.0.2:80"):
        assert each in text
    assert "c: no requests (weight 0)" in text
    assert "reverse proxy: one address for a, b" in text
    assert not built.warnings


def test_changes_are_told_in_words() -> None:
    before = compile(load_text(configuration("/x/*: {split: {a: 95, b: 5}}\n/y/*: {to: a, mirror: c}")).edge)
    routes = "/x/*: {split: {to: {a: 90, b: 10, c: 1}, by: client.ip}}\n/y/*: a"
    after = compile(load_text(configuration(routes)).edge)
    text = diff_text(diff(before, after))
    assert "target.split.variants: + c 1, a 95 → 90, b 5 → 10" in text
    assert "target.split.by: by cookie.glorieta_split, which glorieta gives → by client.ip" in text
    assert "mirror: copies of GET, HEAD, OPTIONS to c → off" in text
    assert diff(before, before) == []


def asked(routes: str, method: str = "GET", *headers: tuple[str, str]) -> dict[str, Any]:
    trial = Trial(plan_json(compile(load_text(configuration(routes)).edge)))
    return trial.ask(
        {"method": method, "url": "http://localhost:8080/x/y?z", "headers": [list(each) for each in headers]}
    )


def ticket_of(upstream: str) -> str:
    """The first number of the cookie that meets it."""
    routes = "/x/*: {split: {a: 95, b: 5}}"
    trial = Trial(plan_json(compile(load_text(configuration(routes)).edge)))
    question = {"method": "GET", "url": "http://localhost:8080/x/"}
    tickets = (f"{number:04x}" for number in range(1000))

    def meets(ticket: str) -> bool:
        answer = trial.ask({**question, "headers": [["cookie", f"glorieta_split={ticket}"]]})
        return bool(answer["split"]["upstream"] == upstream)

    return next(ticket for ticket in tickets if meets(ticket))


def test_try_says_which_variant_and_why() -> None:
    routes = "/x/*: {split: {a: 95, b: 5}}"
    chance = asked(routes)
    assert "→ variant a (by chance, and from then on by cookie.glorieta_split, shown: the likeliest)" in lines(chance)
    known = asked(routes, "GET", ("cookie", f"glorieta_split={ticket_of('b')}"))
    assert {"→ variant b (by cookie.glorieta_split)", "  a  95%", "  b  5%", "→ upstream b"} <= set(lines(known))
    assert "split: b (by cookie.glorieta_split)" in told(known)
    assert not [name for name, _ in known["forward"]["headers"] if name.lower() == "cookie"]
    word = asked("/x/*: {split: {to: {a: 1, b: 1}, by: header.x-user}}")
    assert word["split"]["why"] == "by client.ip, for want of header.x-user" and not word["split"]["by_chance"]
    assert asked("/x/*: {split: {to: {a: 1, b: 9}, by: random}}")["split"]["upstream"] == "b"


def test_try_says_who_gets_a_copy() -> None:
    routes = "/x/*: {to: a, strip_prefix: true, mirror: {to: c, share: 10%}}"
    assert "→ a copy of 10% of such requests to c: GET /y?z" in lines(asked(routes))
    assert "→ no copy to c: its method is not copied" in lines(asked(routes, "POST"))
    again = asked(routes, "GET", ("Glorieta-Mirror", "?1"))
    assert again["mirror"]["why"] == "it is a copy itself"
    assert not [name for name, _ in again["forward"]["headers"] if name.lower() == "glorieta-mirror"]
    assert asked("/x/*: a")["mirror"] is None


def test_tests_of_a_configuration_know_variants() -> None:
    request = "request: 'GET http://localhost:8080/x'"
    tests = "tests:\n" + "".join(
        f"  {name}: {{{request}, headers: {{cookie: glorieta_split={ticket_of(name)}}}, forwards: {name} /x}}\n"
        for name in "ab"
    )
    edge = load_text(configuration("/x: {split: {a: 95, b: 5}}", tests)).edge
    results = run_tests(edge, Trial(plan_json(compile(edge))).ask)
    assert [list(each.failures) for each in results] == [[], []]
