"""YAML as 1.2 means it, within bounds, with a place for every value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yaml import safe_dump

from glorieta.config import document
from glorieta.config.document import Document, read_document

HERE = Path("/")


def read(text: str) -> Document:
    return read_document(text, "f.yaml", HERE)


def data(text: str) -> Any:
    found = read(text)
    assert found.problems == []
    return found.data


def lines(text: str) -> list[str]:
    return [problem.line() for problem in read(text).problems]


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("true", True),
        ("False", False),
        ("off", "off"),
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("y", "y"),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", "010"),
        ("1_000", "1_000"),
        ("1.10", "1.10"),
        ("0x10", "0x10"),
        ("12:30:45", "12:30:45"),
        ("2024-01-01", "2024-01-01"),
        ("'true'", "true"),
        ('"null"', "null"),
        (".inf", ".inf"),
    ],
)
def test_only_true_false_and_null_are_not_text(plain: str, expected: Any) -> None:
    value = data(f"a: {plain}")["a"]
    assert value == expected
    assert isinstance(value, type(expected))


def test_keys_are_texts() -> None:
    assert data("on: 1\n80: x\ntrue: y") == {"on": "1", "80": "x", "true": "y"}


def test_an_empty_file_says_nothing() -> None:
    assert data("") == data("# nothing") == {}


def test_a_key_stands_once() -> None:
    assert lines("a: 1\nb: {c: 1, c: 2}\na: 2") == [
        "f.yaml:2:11 b.c: stands here a second time (the other: f.yaml:2:5 b.c)",
        "f.yaml:3:1 a: stands here a second time (the other: f.yaml:1:1 a)",
    ]


def test_anchors_and_merges() -> None:
    text = "x-base: &base {a: 1, b: {c: 2}}\none: *base\ntwo: {<<: *base, a: 3}\nthree: {<<: [{a: 4}, *base]}\n"
    found = data(text)
    assert found["one"] == {"a": "1", "b": {"c": "2"}}
    assert found["two"] == {"a": "3", "b": {"c": "2"}}
    assert found["three"] == {"a": "4", "b": {"c": "2"}}
    places = read(text).places
    assert str(places.find(("two", "a"))) == "f.yaml:3:21"
    assert str(places.find(("two", "b", "c"))) == "f.yaml:1:29"
    assert str(places.find(("three", "a"))) == "f.yaml:4:18"


def test_a_merge_needs_mappings() -> None:
    assert lines("a: {<<: b}") == [
        "f.yaml:1:5 a.<<: << puts mappings in here, and this is none; write <<: *anchor".replace("a.<<", 'a."<<"')
    ]


def test_an_alias_within_what_it_means_is_refused() -> None:
    assert lines("a: &x [b, *x]") == ["f.yaml:1:4 a.1: an alias stands within what it means"]


def test_aliases_cannot_blow_a_small_file_up() -> None:
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9))
    assert lines(f"a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n{levels}") == [
        "f.yaml:1:1 aliases make more than 2000000 values of this file"
    ]


def test_nesting_has_a_bound() -> None:
    assert any("nested deeper than 64" in line for line in lines("a: " + "[" * 70 + "]" * 70))
    assert any("nesting depth" in line for line in lines("a: " + "[" * 100_000))


def test_a_text_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "LARGEST_TEXT", 1024 * 1024)
    assert lines("a: " + "x" * 1024 * 1024) == ["f.yaml is larger than 1 MiB; configurations are not"]


@pytest.mark.parametrize("tag", ["!x", "!!python/object:os.system", "!!binary"])
def test_tags_mean_nothing(tag: str) -> None:
    assert len(lines(f"a: {tag} b")) == 1
    assert "tags mean nothing here" in lines(f"a: {tag} b")[0]


def test_keys_that_are_no_texts() -> None:
    assert lines("{a: b}: c") == [
        'f.yaml:1:1 a key is a text; YAML reads { } as a mapping; put the key in quotes: "{…}"'
    ]
    assert lines("? [a]\n: c") == ["f.yaml:1:3 a key is a text; put it in quotes"]


def test_places_are_of_values_and_of_keys() -> None:
    places = read("a:\n  b: {c: 1}\n  d:\n    - x\n    -  y: z\n").places
    table: list[tuple[tuple[str | int, ...], bool, str]] = [
        ((), False, "f.yaml:1:1"),
        (("a",), False, "f.yaml:1:1"),
        (("a", "b"), False, "f.yaml:2:6"),
        (("a", "b"), True, "f.yaml:2:3"),
        (("a", "b", "c"), False, "f.yaml:2:10"),
        (("a", "b", "c"), True, "f.yaml:2:7"),
        (("a", "d"), False, "f.yaml:3:3"),
        (("a", "d", 0), False, "f.yaml:4:7"),
        (("a", "d", 1, "y"), False, "f.yaml:5:11"),
        (("a", "b", "none", "deeper"), False, "f.yaml:2:6"),
        (("a", "d", 7), False, "f.yaml:3:3"),
    ]
    for path, key, expected in table:
        assert str(places.find(path, key=key)) == expected, path
    assert places.written(("a", "b", "c", 0)) == ("a", "b", "c")
    assert places.written(("a", "d", 0)) == ("a", "d", 0)


BREAKS = dict.fromkeys((133, 8232, 8233))
"""Line breaks for libyaml, as in YAML 1.1: those who write them quote and escape them."""
VALUES = st.recursive(
    st.text(max_size=8) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
    max_leaves=12,
)


def harmless(value: Any) -> Any:
    """Without what means something here: dollar signs, merge keys, line breaks of YAML 1.1."""
    if isinstance(value, str):
        return value.translate(BREAKS).replace("$", "").replace("<<", "")
    if isinstance(value, list):
        return [harmless(each) for each in value]
    return {harmless(key): harmless(each) for key, each in value.items()} if isinstance(value, dict) else value


@given(st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4))
def test_what_another_program_wrote_is_read(value: dict[str, Any]) -> None:
    value = harmless(value)
    assert data(safe_dump(value, allow_unicode=True)) == value


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    for problem in read(text).problems:
        assert problem.message
        assert problem.where().startswith("f.yaml")
