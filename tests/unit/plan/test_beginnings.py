"""How a regular expression begins: whether its route stays within its group is decided by that."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glorieta.config import ConfigError, load_text
from glorieta.plan import compile
from glorieta.plan.beginnings import beginnings, common_beginning
from glorieta.plan.match import path_within


@pytest.mark.parametrize(
    "regex",
    [
        "/shop/(a|b)",
        "^/shop/(a|b)$",
        r"\A/shop/x\z",
        "/shop/[^/]+/x|/shop/y",
        "(/shop/a|/shop/b)",
        "/(shop|shop/old)/x",
        "/sho(?:p)/.*",
        "/shop/(?P<name>[a-z|)]+)",
        "/shop(/.*)?",
        "/shop/?",
        r"/shop/a\.b",
        "/shop/{2}x",
        "/shop/(a|)",
    ],
)
def test_what_begins_with_the_path_of_the_group_is_within(regex: str) -> None:
    assert path_within(f"~{regex}", "/shop/*")


@pytest.mark.parametrize(
    "regex",
    [
        "/shop/a|/b",
        "/shop|/shop/a|/b",
        "(/shop/a|/b)",
        "/shop.*",
        "/shopping",
        "/shop/*x",
        "/shop/{0,2}x",
        "/shop+*/x",
        "/sho(p/)+*x",
        "(?i)/shop/a",
        "/sh[o]p/x",
        ".*/shop/",
        r"/shop\d",
        r"/shop\x2fa",
        "",
        "(" * 200 + "/shop/" + ")" * 200,
    ],
)
def test_what_may_begin_otherwise_is_not(regex: str) -> None:
    assert not path_within(f"~{regex}", "/shop/*")


PIECES = st.sampled_from(
    ["/", "a", "b", ".", "[ab]", r"\d", r"\.", "^", "$", "(a|b)", "(/a)", "(?:b|)", "[]a]", "[^]/]"]
)
EXPRESSIONS = st.recursive(
    st.tuples(PIECES, st.sampled_from(["", "", "?", "*", "+", "{0,1}", "{2}", "+?"])).map("".join),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: f"({'|'.join(each)})"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.data())
def test_a_beginning_is_never_longer_than_what_matches(regex: str, data: st.DataObject) -> None:
    try:
        compiled = re.compile(regex, re.ASCII)
    except re.error:
        assume(False)
    text = data.draw(st.one_of(st.text("/ab.0", max_size=6), st.from_regex(compiled, fullmatch=True)))
    assume(compiled.fullmatch(text))
    found = beginnings(regex)
    assert any(text == each.text if each.whole else text.startswith(each.text) for each in found)
    assert text.startswith(common_beginning(regex))


@given(st.text("/ab()[]{}|?*+^$\\.:<P0,", max_size=12))
def test_no_text_is_too_odd(text: str) -> None:
    assert beginnings(text)


def problems(group: str, route: str) -> str:
    text = f"version: 1\nlisteners: {{web: {{bind: ':80'}}}}\ngroups: {{g: {{match: '{group}', routes: {{'{route}': a}}}}}}\n"
    try:
        compile(load_text(f"{text}upstreams: {{a: {{endpoints: [b:1]}}}}\n").edge)
    except ConfigError as error:
        return error.problems[0].text()
    return ""


def test_what_is_said_of_expressions_outside() -> None:
    assert problems("/shop/*", "~^/shop/(a|b)$") == ""
    assert problems("/shop/*", "~/shop/a|/b") == (
        "~/shop/a|/b may match paths outside of what its group matches, /shop/* (the other: <text>:3:14 groups.g.match); "
        "begin each of its alternatives with /shop/, as in ~/shop/(a|b)"
    )
    assert problems("/{name}/*", "~/shop/a").endswith("give the group a path such as /a/*, or leave its path out")
