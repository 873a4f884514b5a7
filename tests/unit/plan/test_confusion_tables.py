"""Every confusion by a table of configurations: one that has it, and the nearest that has none.

A case in `confusions/CODE.txt` is `==== name`, the confused configuration, `---- what is found`, the innocent one.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from docs.pages import CHECKOUT, blocks
from glorieta.config import ConfigError, load_text, reference_markdown
from glorieta.config.accept import CODES
from glorieta.plan import build
from glorieta.plan.build import finish
from glorieta.plan.compiling import Surroundings
from glorieta.plan.confusions.table import confusions_markdown

TABLES = Path(__file__).parent / "confusions"
LETTERS = {"error": "E", "warning": "W", "note": "N"}
CASE = re.compile(r"==== (.+)\n((?:.*\n)+?)---- (.+)\n((?:.*\n)+?)(?===== |\Z)")
DOCUMENTS = [
    block
    for block in blocks("yaml")
    if block.mark != "part" and not block.composed and "refused" not in (block.mark, block.about.partition(", ")[2])
]


def cases() -> list[Any]:
    found = []
    for file in sorted(TABLES.glob("*.txt")):
        text = file.read_text(encoding="utf-8")
        parsed = list(CASE.finditer(text))
        assert len(parsed) == text.count("==== "), f"{file}: a case is not understood"
        found += [
            pytest.param(file.stem, confused, said, innocent, id=f"{file.stem}: {name}")
            for name, confused, said, innocent in (match.groups() for match in parsed)
        ]
    return found


def told(text: str) -> list[tuple[str, str]]:
    """What nobody means: the code, and letter, path and place."""
    try:
        built = finish(load_text(f"version: 1\n{text}", "edge.yaml", TABLES), Surroundings())
    except ConfigError as error:
        everything: list[Any] = list(error.problems)
    else:
        everything = [each for each in built.confusions if each.accepted is None]
    return sorted(
        (
            each.code or each.message,
            f"{LETTERS[each.severity]} {'.'.join(map(str, each.path))} {each.place.line}:{each.place.column}",
        )
        for each in everything
    )


@pytest.mark.parametrize(("code", "confused", "said", "innocent"), cases())
def test_exactly_this_is_found_and_nothing_in_the_innocent(code: str, confused: str, said: str, innocent: str) -> None:
    assert told(confused) == [(code, each) for each in said.split(", ")]
    assert code not in [each for each, _ in told(innocent)]
    assert not [each for each in told(innocent) if each[1].startswith(("E", "W"))]


def test_every_code_has_its_table() -> None:
    assert {file.stem for file in TABLES.glob("*.txt")} == set(CODES)


def test_all_stretches_of_a_path_are_tried_once_where_tries_multiply() -> None:
    text = (
        "listeners: {web: {bind: ':80', routes: {/*: {to: a, retries: 1}}}, one: {bind: ':81', protocol: tcp, to: b},\n"
        "            two: {bind: ':82', protocol: tcp, to: c}}\n"
        "upstreams: {a: {endpoints: [localhost:81]}, b: {endpoints: [localhost:82]}, c: {endpoints: [10.0.0.1:1]}}\n"
    )
    found = finish(load_text(f"version: 1\n{text}", "edge.yaml"), Surroundings()).warnings
    assert [each.message for each in found if each.code == "retries-multiply"] == [
        "One request can become 18 connections: 2 tries here, and 9 for each"
    ]


SAID = [
    (
        "listeners: {web: {bind: ':80', handler: 'gateways.py:changed'}, db: {bind: ':81', protocol: tcp, to: b}}\n"
        "upstreams: {a: {endpoints: [localhost:81]}, b: {endpoints: [10.0.0.1:1]}}",
        'retries-multiply: One call of "a" can become 6 connections: 2 tries here, and 3 for each (the other: '
        "edge.yaml:2:65 listeners.db); retry in one layer: write defaults: {route: {retries: 0}}, which holds for what handlers call",
    ),
    (
        "listeners:\n"
        "  inner: {bind: ':81', handler: 'gateways.py:changed', filters: {allow: 10.0.0.0/8}}\n"
        "  web: {bind: ':80', to: a}\n"
        "upstreams: {a: {endpoints: [10.0.0.1:1]}}",
        "side-door: The check of addresses at listeners.inner.handler is optional for what is called there: this leads "
        'to "a" as well (the other: edge.yaml:3:24 listeners.inner.handler); write the same allow here, or lead elsewhere',
    ),
    (
        "listeners: {web: {bind: ':80'}}\n"
        "groups:\n"
        "  app: {match: m.example, handler: 'gateways.py:mobile'}\n"
        "  site: {match: w.example, client: web, handler: 'gateways.py:mobile'}\n"
        "upstreams: {a: {endpoints: [10.0.0.1:1]}, b: {endpoints: [10.0.0.2:1]}}",
        "bff-two-clients: A BFF is shaped for one frontend, and this one answers several: mobile, web (the other: "
        "edge.yaml:4:27 groups.app.handler); give each client a router of its own, and let both call the same upstreams",
    ),
]


@pytest.mark.parametrize(("text", "said"), SAID, ids=lambda text: text.partition(":")[0])
def test_what_is_called_is_named(text: str, said: str) -> None:
    warnings = finish(load_text(f"version: 1\n{text}", "edge.yaml", TABLES), Surroundings()).warnings
    assert [each.line().partition("warning: ")[2] for each in warnings] == [said]


@pytest.mark.parametrize(
    ("group", "fix"),
    [
        ("client: mobile, to: a", "leave the client out"),
        ("role: bff, client: mobile, to: a", "leave role and client out"),
        ("role: custom-gateway, to: a", "write role: reverse-proxy, or leave the role out"),
        ("handler: 'gateways.py:handed_on'", "to: a does the same without Python"),
        ("gather: {parts: {user: {to: a, path: /user}}}", "to: a does the same without gathering"),
    ],
)
def test_a_gateway_without_need_is_told_what_does_the_same(group: str, fix: str) -> None:
    text = f"listeners: {{web: {{bind: ':80'}}}}\ngroups: {{g: {{{group}}}}}\nupstreams: {{a: {{endpoints: [10.0.0.1:1]}}}}"
    built = finish(load_text(f"version: 1\n{text}", "edge.yaml", TABLES), Surroundings())
    assert [(each.code, each.fix) for each in built.confusions] == [("custom-calls-one", fix)]


def test_without_its_secrets_nobody_knows_whether_an_accept_is_of_use() -> None:
    text = "version: 1\nlisteners: {web: {bind: ':80', to: a}}\nupstreams: {a: {accept: {sticky: why}, endpoints: "
    unknown = load_text(text + "['${env:GLORIETA_TEST_NOWHERE}:1']}}", "edge.yaml", secrets=False)
    known = load_text(text + "[name:1]}}", "edge.yaml", secrets=False)
    assert [each.message for each in finish(unknown, Surroundings()).warnings] == []
    assert [each.message for each in finish(known, Surroundings()).warnings] == [
        "accepts sticky, which is not found here"
    ]


@pytest.mark.parametrize("block", DOCUMENTS, ids=lambda block: block.place)
def test_no_document_is_confused(block: Any, tmp_path: Path) -> None:
    (tmp_path / "glorieta.yaml").write_text(block.text)
    # The files that it names are not there.
    assert [each for each in build(tmp_path / "glorieta.yaml", secrets=False).confusions if each.accepted is None] == []


def test_the_page_is_the_table() -> None:
    page = CHECKOUT / "docs" / "reference" / "confusions.md"
    assert page.read_text(encoding="utf-8") == confusions_markdown(), "run: python docs/generate.py"
    assert confusions_markdown() != reference_markdown()
