"""Which route takes a request: what `check` follows loops by is what the engine does, or nothing at all."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glorieta.config import load_text
from glorieta.plan import compile, plan_json
from glorieta.plan.confusions.asked import PERHAPS, Asked, samples
from glorieta.plan.confusions.entrance import Entrance

pytest.importorskip("glorieta._engine", reason="the engine is not built; make test builds it")

PATHS = ["/", "/*", "/a", "/a/*", "/a/{x}", "/{x}/b", "/{x}/*", "/a/b", "/a/{x}/*", "/{x}/{y}", "/a/b/*"]
EXPRESSION = "~/a.*"
HOSTS = ["*", "s.example", "*.example", "*.s.example"]
METHODS = ["", "GET", "HEAD", "POST"]
ASKED = list(
    product(
        ["s.example", "t.example", "x.s.example", "other"],
        ["GET", "HEAD", "POST", "PUT"],
        ["/", "/a", "/a/", "/b", "/a/b", "/a/c", "/c/b", "/a/b/c", "/a/c/d/e", "/c/d", "/c/"],
    )
)


CONDITIONS = (
    "",
    ", headers: {x-a: b}",
    ", words: {cookie.a: b}",
    ", words: {cookie.a: absent}",
    ", words: {scheme: http}",
    ", words: {client.ip: 127.0.0.1}",
)
"""What a route may ask for besides; the request has no fields and comes from this machine."""


def route(path: str, host: str, method: str, condition: str) -> str:
    methods = f", method: [{method}]" if method else ""
    return f"{{match: {{path: '{path}', host: '{host}'{methods}{condition}}}, respond: ok}}"


def plan_of(routes: list[str]) -> Any:
    lines = "".join(f"      r{number}: {each}\n" for number, each in enumerate(routes))
    return compile(load_text(f"version: 1\nlisteners:\n  web:\n    bind: ':80'\n    routes:\n{lines}").edge)


def agree(parts: set[tuple[str, str, str, str]], asked: list[tuple[str, str, str]], *, sure: bool) -> None:
    from glorieta.engine import Trial

    plan = plan_of([route(*each) for each in sorted(parts)])
    entrance, trial = Entrance(plan["listeners"][0]), Trial(plan_json(plan))
    for host, method, path in asked:
        told = trial.ask({"method": method, "url": f"http://{host}:80{path}"})["route"]
        taken = entrance.takes(Asked(host, method, path))
        if taken is not None or sure:
            assert (taken and taken["id"]) == (told and told["id"]), (host, method, path)


ROUTE = st.tuples(st.sampled_from(PATHS), st.sampled_from(HOSTS), st.sampled_from(METHODS))
SOME = st.lists(st.sampled_from(ASKED), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None)
@given(st.sets(ROUTE, min_size=1, max_size=8), SOME)
def test_without_what_nobody_knows_it_is_the_engines(
    routes: set[tuple[str, str, str]], asked: list[tuple[str, str, str]]
) -> None:
    agree({(*each, "") for each in routes}, asked, sure=True)


CONDITIONAL = st.tuples(ROUTE, st.sampled_from(CONDITIONS))


@settings(max_examples=60, deadline=None)
@given(st.sets(CONDITIONAL, min_size=1, max_size=8), SOME, st.booleans())
def test_with_conditions_and_expressions_it_is_the_engines_or_none(
    routes: set[tuple[tuple[str, str, str], str]], asked: list[tuple[str, str, str]], expression: bool
) -> None:
    parts = {(*each, condition) for each, condition in routes}
    if expression:
        parts.add((EXPRESSION, "*", "", ""))
    agree(parts, asked, sure=False)


def test_what_nobody_knows_decides_nothing() -> None:
    entrance = Entrance(
        plan_of([route("/a/{x}", "*", "", ""), route("/a/b", "*", "", ""), route("/c/*", "*", "", "")])["listeners"][0]
    )
    assert entrance.takes(Asked("h", "GET", f"/a/{PERHAPS}")) is None
    assert entrance.takes(Asked("h", "GET", f"/a/x{PERHAPS}")) is None
    taken = entrance.takes(Asked("h", "GET", f"/c/{PERHAPS}"))
    assert taken is not None and taken["name"] == "r2"


def test_the_sample_of_a_route_is_its_own_unless_another_takes_it() -> None:
    plan = plan_of([route(path, "*.example", "GET", "") for path in PATHS])
    entrance = Entrance(plan["listeners"][0])
    without = [
        each["path"]
        for each in plan["listeners"][0]["routes"]
        if not any(entrance.takes(asked) is each for asked in samples(each))
    ]
    # Parameters come before a prefix, and take all that these could.
    assert without == [{"prefix": ""}, {"prefix": "/a"}, {"prefix": "/a/b"}]
