"""Python's Plan types and words against the engine's source: neither side may have one more than the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from glorieta.config.words import FAMILIES, LOG_WORDS, REQUEST_WORDS
from glorieta.plan import model

ENGINE = Path(__file__).parents[2] / "engine"
STRUCT = re.compile(r"pub struct (\w+) \{(.*?)\n\}", re.DOTALL)
FIELD = re.compile(r"^    pub (\w+): (.+),$", re.MULTILINE)
FILTERS = {"AddressesFilter", "MaxBodyFilter", "GrpcWebFilter", "HeadersFilter", "HeaderChanges"}
"""Built as plain mappings; the goldens cover them."""
LATER_WORDS = {"tls"}
"""Known to the log, and without a value until TLS is built."""


def structs() -> dict[str, dict[str, str]]:
    found = {}
    for source in sorted((ENGINE / "plan/src").glob("*.rs")):
        text = source.read_text().split("#[cfg(test)]")[0]
        for name, body in STRUCT.findall(text):
            found[name] = dict(FIELD.findall(body))
    return {name: fields for name, fields in found.items() if name not in FILTERS | {"Unreadable", "Stamp"}}


@pytest.mark.parametrize(("name", "fields"), structs().items())
def test_a_type_has_the_fields_of_the_engines(name: str, fields: dict[str, str]) -> None:
    typed: Any = getattr(model, name)
    hints = get_type_hints(typed)
    assert set(hints) == set(fields)
    assert typed.__required_keys__ == set(fields), "nothing is optional by omission"
    for field, rust in fields.items():
        optional = type(None) in getattr(hints[field], "__args__", ())
        assert optional == rust.startswith("Option<"), f"{name}.{field}"


def test_the_types_were_found() -> None:
    assert len(structs()) >= 20
    assert "drain_ms" in structs()["Plan"]


def test_the_format_is_the_engines() -> None:
    source = (ENGINE / "plan/src/lib.rs").read_text()
    assert f"pub const FORMAT: u32 = {model.FORMAT};" in source


def test_request_words_are_the_engines() -> None:
    source = (ENGINE / "policy/src/word/mod.rs").read_text()
    table = source.split("const PLAIN")[1].split("];")[0]
    plain = dict(re.findall(r'\("([\w.]+)", Word::(\w+)', table))
    assert len(plain) > 15
    assert {word for word, kind in plain.items() if kind != "Outcome"} == set(REQUEST_WORDS)
    assert {word for word, kind in plain.items() if kind == "Outcome"} <= set(LOG_WORDS)
    named = re.search(r"const NAMED: &\[&str\] = &\[(.*?)\];", source)
    assert named is not None
    assert set(re.findall(r'"(\w+)"', named[1])) == set(FAMILIES)


def test_log_words_are_the_engines() -> None:
    source = (ENGINE / "runtime/src/log/format/template.rs").read_text()
    table = source.split("fn part(")[1].split("fn family(")[0]
    words = set(re.findall(r'"([\w.]+)" =>', table))
    assert words - LATER_WORDS == set(REQUEST_WORDS) | set(LOG_WORDS)
