"""An edge written as YAML is the YAML that a person would write, and says the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from glorieta.config import Edge, Listener, Route, Upstream, load, load_text
from glorieta.config.formatting import format_text
from glorieta.plan import compile

ROOT = Path(__file__).parents[3]
GOLDENS = sorted((ROOT / "tests/contract/plans").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*/glorieta.yaml"))


def test_short_forms_are_used() -> None:
    edge = Edge(
        listeners={
            "web": Listener(
                bind=":8080",
                routes={"/a/*": Route(to="a"), "/b/*": {"to": "b", "strip_prefix": True}},
                filters={"allow": ["10.0.0.0/8"]},
            )
        },
        upstreams={
            "a": Upstream(endpoints=["localhost:3000"], health="/healthz", balance="random"),
            "b": {"endpoints": ["b:1", {"address": "b:2", "weight": 2}], "outlier": "off"},
        },
        log="off",
        admin="off",
    )
    assert edge.dump() == (
        "version: 1\n"
        "log: off\n"
        "admin: off\n"
        "listeners:\n"
        "  web:\n"
        "    bind: :8080\n"
        "    routes:\n"
        "      /a/*: a\n"
        "      /b/*: {to: b, strip_prefix: true}\n"
        "    filters: {allow: 10.0.0.0/8}\n"
        "upstreams:\n"
        "  a:\n"
        "    endpoints: [localhost:3000]\n"
        "    balance: random\n"
        "    health: /healthz\n"
        "  b:\n"
        "    endpoints:\n"
        "      - b:1\n"
        "      - {address: b:2, weight: 2}\n"
        "    outlier: off\n"
    )


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_what_was_written_compiles_to_the_same(path: Path) -> None:
    edge = load(path).edge
    again = load_text(edge.dump(), folder=path.parent).edge
    assert again.model_dump(exclude_unset=True) == edge.model_dump(exclude_unset=True)
    assert compile(again, secrets=False) == compile(edge, secrets=False)


@pytest.mark.parametrize("path", [*GOLDENS, *EXAMPLES], ids=lambda path: f"{path.parent.stem}-{path.stem}")
def test_what_is_written_is_in_the_form_of_fmt(path: Path) -> None:
    text = load(path).edge.dump()
    assert format_text(text, "dumped") == text


def test_an_edge_is_saved(tmp_path: Path) -> None:
    path = tmp_path / "glorieta.yaml"
    edge = load(GOLDENS[0]).edge
    edge.save(path)
    assert compile(Edge.load(path), secrets=False) == compile(edge, secrets=False)


def test_several_files_are_one_text(tmp_path: Path) -> None:
    (tmp_path / "glorieta.yaml").write_text(
        "version: 1\ninclude: [sub/a.yaml]\nlisteners: {web: {bind: ['unix:web.sock'], routes: {/a: a}}}\n"
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.yaml").write_text(
        "log: ./access.log\nadmin: {socket: ./admin.sock}\nupstreams: {a: {endpoints: ['unix:a.sock', b:1]}}\n"
        "groups: {g: {match: /g/*, files: ./g}, h: {match: /h/*, respond: 'unix:x', filters: {max_body: off}}}\n"
    )
    edge = Edge.load(tmp_path / "glorieta.yaml")
    text = edge.dump()
    assert "include" not in text
    assert "unix:web.sock" in text
    assert compile(load_text(text, folder=tmp_path).edge) == compile(edge)


def test_what_is_included_is_written_short() -> None:
    edge = Edge(include=["conf.d/*.yaml", {"files": "{team}/*.yaml"}, {"files": "b.py:edge", "team": "billing"}])
    text = edge.dump()
    assert text == (
        "version: 1\ninclude:\n  - conf.d/*.yaml\n  - '{team}/*.yaml'\n  - {files: b.py:edge, team: billing}\n"
    )
    assert Edge.model_validate(yaml.safe_load(text)) == edge
    assert Edge(include={"files": "{team}/*.yaml"}).dump() == "{version: 1, include: '{team}/*.yaml'}\n"


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True).filter(lambda name: not name.startswith("x-"))
DURATIONS = st.integers(1, 10**8).map(lambda number: f"{number}ms")
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="$\x85\u2028\u2029", exclude_categories=["Cc", "Cs"]), max_size=12
)


@st.composite
def route(draw: st.DrawFn) -> dict[str, Any]:
    target = draw(
        st.sampled_from(["to", "respond", "redirect", "files"]),
    )
    values: dict[str, Any] = {
        "to": "up",
        "respond": {"status": draw(st.integers(200, 599)), "body": draw(TEXTS)},
        "redirect": {
            "location": "/" + draw(st.from_regex(r"[a-z0-9:*#&!-]{0,8}", fullmatch=True)),
            "status": draw(st.sampled_from([301, 308])),
        },
        "files": {
            "root": draw(st.sampled_from(["./a b", "/srv: x", "~", "null", "on", "1.5", "- x"])),
            "index": draw(st.sampled_from(["off", "a.html"])),
        },
    }
    made: dict[str, Any] = {target: values[target]}
    if draw(st.booleans()):
        made["deadline"] = draw(DURATIONS)
    if draw(st.booleans()):
        headers = draw(st.dictionaries(st.sampled_from(["x-a", "Server", "X-b"]), TEXTS, max_size=2))
        made["filters"] = {
            "headers": {"response": {"set": headers}},
            "max_body": draw(st.sampled_from(["off", "1MiB"])),
        }
    return made


@settings(deadline=None)
@given(st.dictionaries(NAMES.map(lambda name: f"/{name}/*"), route(), max_size=3), st.integers(1, 1024), DURATIONS)
def test_any_edge_says_the_same_when_written(routes: dict[str, Any], workers: int, drain: str) -> None:
    edge = Edge.model_validate(
        {
            "workers": workers,
            "drain": drain,
            "listeners": {"web": {"bind": ":80", "routes": routes, "to": "up"}},
            "upstreams": {"up": {"endpoints": ["a:1"]}},
        }
    )
    text = edge.dump()
    assert format_text(text, "dumped") == text
    again = load_text(text).edge
    written = edge.model_dump(exclude_unset=True)
    assert again.model_dump(exclude_unset=True) == {"version": 1, **written}
