"""The JSON Schema and the reference: generated, complete, and what they show is right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from glorieta.config import Edge, load_text, reference_markdown, schema
from glorieta.config.editor import EXAMPLE, EXAMPLES
from glorieta.config.nouns import nouns, text_of

ROOT = Path(__file__).parents[3]
GOLDENS = sorted((ROOT / "tests/contract/plans").glob("*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_the_reference_is_up_to_date() -> None:
    page = ROOT / "docs/reference/configuration.md"
    assert page.read_text(encoding="utf-8") == reference_markdown(), "run: python docs/generate.py"


def test_every_key_is_in_the_reference() -> None:
    page = reference_markdown()
    for noun in nouns():
        section = page.split(f"\n## {noun.__name__}\n")[1].split("\n## ")[0]
        for name in noun.model_fields:
            assert f"| `{name}` |" in section, f"{noun.__name__}.{name}"


def test_every_key_says_what_it_means() -> None:
    made = schema()
    for noun in nouns():
        definition = made if noun is Edge else made["$defs"][noun.__name__]
        assert definition["description"], noun
        for name, value in definition["properties"].items():
            assert value.get("description"), f"{noun.__name__}.{name}"
            assert text_of(noun, name), f"{noun.__name__}.{name}"


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert VALIDATOR.is_valid(EXAMPLE)
    assert load_text(yaml.safe_dump(EXAMPLE)).edge.upstreams


class Editor(yaml.SafeLoader):
    """YAML 1.2, as editors read it: only true and false are booleans."""


Editor.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Editor.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"true|false"), ["t", "f"])


@pytest.mark.parametrize("path", GOLDENS, ids=lambda path: path.stem)
def test_what_is_right_is_right_in_an_editor(path: Path) -> None:
    document = yaml.load(path.read_text(), Loader=Editor)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@pytest.mark.parametrize(
    "document",
    [
        {"version": 2},
        {"team": 5},
        {"team": "orders", "groups": {"public": {"rout": {}}}},
        {"version": 1, "listener": {}},
        {"version": 1, "listeners": {"web": {"bind": ":80", "protocol": "udp"}}},
        {"version": 1, "listeners": {"web": {"routes": {"/a": {"to": "a", "retries": 11}}}}},
        {"version": 1, "upstreams": {"a": {"health": {"every": "5"}}}},
        {"version": 1, "upstreams": {"a": {"endpoints": [{"adress": "a:1"}]}}},
    ],
)
def test_what_is_wrong_is_wrong_in_an_editor(document: Any) -> None:
    assert not VALIDATOR.is_valid(document)


def test_free_keys_are_free_in_an_editor() -> None:
    assert VALIDATOR.is_valid(
        {"version": 1, "x-anchors": [1], "listeners": {"x-any": 1, "web": {"x-y": {}, "bind": ":80"}}}
    )


@pytest.mark.parametrize(("noun", "field"), EXAMPLES)
def test_examples_are_right(noun: str, field: str) -> None:
    found = next(each for each in nouns() if each.__name__ == noun)
    for example in EXAMPLES[noun, field]:
        try:
            made = found.model_validate({field: example})
        except ValidationError as error:
            pytest.fail(f"{example!r}: {error}")
        assert made.written(field)


@pytest.mark.parametrize(
    "document",
    [
        {"team": "orders", "groups": {"public": {"at": "web", "match": "shop.example/orders/*", "to": "orders"}}},
        {"upstreams": {"orders": {"endpoints": "a:1"}}},
        {"version": 1, "include": ["teams/*.yaml"]},
    ],
)
def test_parts_are_right_in_an_editor(document: Any) -> None:
    """Only the file that includes the others says the version; which one that is, an editor cannot know."""
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


def test_defaults_are_written_as_a_person_writes_them() -> None:
    properties = schema()["$defs"]["RouteTimeouts"]["properties"]
    assert properties["first_byte"]["default"] == "30s"
    assert schema()["$defs"]["ListenerLimits"]["properties"]["head"]["default"] == "32KiB"
    assert schema()["$defs"]["Upstream"]["properties"]["panic"]["default"] == "50%"
