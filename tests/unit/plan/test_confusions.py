"""Confusions of roles: who is told of them, and `accept`. Each by itself: `test_confusion_tables.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.config import ConfigError, load_text
from glorieta.config.accept import CODES, LATER
from glorieta.plan import Built, build, explain
from glorieta.plan.build import finish
from glorieta.plan.compiling import Surroundings
from glorieta.plan.confusions import TABLE

ROOT = Path(__file__).parents[3]
HEAD = "version: 1\n"
WEB = "listeners: {web: {bind: ':80', to: a}}\n"

COOKIE = WEB + "upstreams: {a: {endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: {hash: cookie.cart}}}"
HEADER = WEB + "upstreams: {a: {endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: {hash: header.x-user}}}"
LOOP = WEB + "upstreams: {a: {endpoints: [127.0.0.1:80]}}"


def built(text: str) -> Built:
    return finish(load_text(HEAD + text, "edge.yaml"), Surroundings())


def test_every_code_has_a_row() -> None:
    assert set(CODES) == {row.code for row in TABLE}
    assert not set(CODES) & set(LATER)


def test_errors_and_warnings_are_checked_and_notes_are_explained() -> None:
    found = built(COOKIE)
    assert [(each.severity, each.code) for each in found.warnings] == [("warning", "sticky")]
    assert "warning: sticky: One client stays" in found.warnings[0].line()
    assert found.warnings[0].as_json()["code"] == "sticky"
    noted = built(HEADER)
    assert noted.warnings == ()
    assert "  N sticky  upstreams.a.balance (edge.yaml:3:63)" in explain(noted).text()


ACCEPTING = [
    ("", "upstreams: {a: {endpoints: [name:1], balance: {hash: cookie.a}, accept: {sticky: why}}}"),
    ("accept: {sticky: why}\n", "upstreams: {a: {endpoints: [name:1], balance: {hash: cookie.a}}}"),
]


@pytest.mark.parametrize(("before", "upstreams"), ACCEPTING)
def test_what_is_meant_is_silent_and_listed(before: str, upstreams: str) -> None:
    found = built(before + WEB + upstreams)
    assert found.warnings == ()
    assert [(each.code, each.accepted) for each in found.confusions] == [("sticky", "why")]
    text = explain(found).text()
    assert "accepted: why" in text
    assert "Fix:" not in text


def test_a_loop_that_somebody_means_is_let_be() -> None:
    text = "accept: {hop-to-self: a test of limits}\n" + LOOP
    assert [(each.code, each.accepted) for each in built(text).confusions] == [("hop-to-self", "a test of limits")]


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ("{stick: why}", 'there is no confusion "stick"; did you mean "sticky"?'),
        ("{sticky: ''}", "a reason is missing; say why it is meant, and until when"),
        ("{proxy-knows-callers: why}", "not built yet in this version; it comes with Gateway"),
        ("{l4-reads-http: why}", "cannot be accepted: what it asks for cannot be done"),
    ],
)
def test_what_cannot_be_accepted(accept: str, said: str) -> None:
    with pytest.raises(ConfigError, match="accept") as refused:
        built(f"accept: {accept}\n{WEB}upstreams: {{a: {{endpoints: [name:1]}}}}")
    assert said in str(refused.value)


def test_an_accept_without_use_is_told() -> None:
    found = built(WEB + "upstreams: {a: {endpoints: [name:1], accept: {sticky: why}}}")
    [warning] = found.warnings
    assert (
        warning.line()
        == "edge.yaml:3:47 upstreams.a.accept.sticky: warning: accepts sticky, which is not found here; remove it"
    )


def test_a_teams_accept_is_of_use_if_it_is_to_one_of_its_objects(tmp_path: Path) -> None:
    (tmp_path / "glorieta.yaml").write_text(
        HEAD + "include: '{team}.yaml'\nlisteners: {web: {bind: ':80', admit: {t: '*'}}}\n"
    )
    (tmp_path / "t.yaml").write_text(
        "team: t\naccept: {sticky: why}\ngroups: {g: {match: a.example, routes: {/a: a, /b: b}}}\n"
        "upstreams: {a: {endpoints: [name:1], balance: {hash: cookie.a}}, b: {endpoints: [name:2]}}\n"
    )
    found = build(tmp_path / "glorieta.yaml")
    assert [(each.code, each.accepted) for each in found.confusions] == [("sticky", "why")]
    assert found.warnings == ()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*/glorieta.yaml")), ids=lambda path: path.parent.name)
def test_no_example_is_confused(path: Path) -> None:
    assert [each.code for each in build(path, secrets=False).confusions if each.accepted is None] == []
