"""Both sides decide alike: what Python's compiler lets pass the engine runs, and what it refuses the engine would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glorieta.config import Edge
from glorieta.config.errors import Wrong
from glorieta.config.match import check_path
from glorieta.config.words import FAMILIES, LOG_WORDS, REQUEST_WORDS, check_matched_word
from glorieta.plan import build, plan_json
from glorieta.plan.compile import inspect

engine = pytest.importorskip("glorieta._engine", reason="the engine is not built; make test builds it")

CONFIGURATIONS = sorted((Path(__file__).parent / "plans").glob("*.yaml"))
PATHS = [
    "/*",
    "/a",
    "/a/*",
    "/a/{x}",
    "/a/{y}",
    "/{x}/b",
    "/{x}/*",
    "/a/b",
    "/%61",
    "/a//b",
    "~/a.*",
    "~/a/[0-9]+",
    "~/b",
]
HOSTS = ["*", "s.example", "*.s.example", "S.Example."]


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda path: path.stem)
def test_the_engine_runs_what_was_compiled(configuration: Path) -> None:
    assert engine.check(plan_json(build(configuration, secrets=False).plan), secrets=False) == []


def conditions(names: tuple[str, ...] = ("x-a", "X-A", "x-b")) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), st.sampled_from(["present", "absent", "1"]), max_size=1)


@st.composite
def a_route(draw: st.DrawFn) -> dict[str, Any]:
    path = draw(st.sampled_from(PATHS))
    match = {
        "path": path,
        "host": draw(st.lists(st.sampled_from(HOSTS), max_size=2)),
        "method": draw(st.lists(st.sampled_from(["GET", "POST"]), max_size=2)),
        "headers": draw(conditions()),
        "query": draw(conditions()),
        "words": draw(conditions(("cookie.a", "cookie.A", "client.port"))),
    }
    route = {"match": match, "to": "a", "merge_slashes": draw(st.booleans()) and "//" not in path}
    if path.startswith("~"):
        route["priority"] = draw(st.integers(0, 1))
    return route


@settings(deadline=None, max_examples=300)
@given(st.lists(a_route(), min_size=1, max_size=6))
def test_both_find_that_routes_collide(routes: list[dict[str, Any]]) -> None:
    edge = Edge.model_validate(
        {
            "listeners": {"web": {"bind": ":0", "routes": {f"r{index}": each for index, each in enumerate(routes)}}},
            "upstreams": {"a": {"endpoints": ["localhost:1"]}},
        }
    )
    plan, problems = inspect(edge)
    # Which one of two is told depends on the order in which they are looked at.
    assert bool(engine.check(plan_json(plan))) == any(problem.severity == "error" for problem in problems)


@pytest.mark.parametrize("word", [*REQUEST_WORDS, *LOG_WORDS, *(f"{family}.a" for family in FAMILIES)])
def test_both_refuse_the_same_words_of_matches(word: str) -> None:
    asked = {"name": word, "value": "present"}
    document: Any = Edge.model_validate({"listeners": {"web": {"bind": ":0", "routes": {"/": {"respond": "ok"}}}}})
    plan, _ = inspect(document)
    plan["listeners"][0]["routes"][0]["words"] = [asked]  # type: ignore[list-item]
    try:
        check_matched_word(word)
    except Wrong:
        ((_, said),) = engine.check(plan_json(plan))
        assert "no route can be matched" in said or "unknown word" in said
    else:
        assert engine.check(plan_json(plan)) == []


@settings(deadline=None, max_examples=300)
@given(st.from_regex(r"(/([ab.*%~]|%2[eEfF5]|%5c|%00|%zz|\{a\}|\{b-c\}|é|//){0,3}){1,3}", fullmatch=True))
def test_paths_that_pass_are_paths_of_the_engine(path: str) -> None:
    try:
        normal = check_path(path)
    except Wrong:
        return
    edge = Edge.model_validate({"listeners": {"web": {"bind": ":0", "routes": {normal: {"respond": "ok"}}}}})
    plan, problems = inspect(edge)
    assert problems == []
    assert engine.check(plan_json(plan)) == []
