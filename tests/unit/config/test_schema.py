"""The JSON Schema and the reference: generated, complete, and what they show is right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from pydantic import ValidationError

from glorieta.config import Edge, load_text, reference_markdown, schema
from glorieta.config.anywhere import OUTSIDE_NAME
from glorieta.config.editor import EXAMPLE, EXAMPLES
from glorieta.config.nouns import nouns, text_of

if TYPE_CHECKING:
    from glorieta.config.base import Noun

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
        {"include": {"file": "a.yaml"}},
        {"team": "orders", "groups": {"public": {"rout": {}}}},
        {"version": 1, "listener": {}},
        {"version": 1, "listeners": {"web": {"bind": ":80", "protocol": "sctp"}}},
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
        {"version": 1, "include": "teams/{team}.yaml"},
        {"version": 1, "include": {"files": "teams/*.yaml", "team": "orders"}},
        {"version": 1, "include": ["a.yaml", {"files": "teams/*.yaml", "team": "orders"}]},
        {"upstreams": {"orders": {"endpoints": {"address": "a:1", "weight": 2}}}},
    ],
)
def test_parts_are_right_in_an_editor(document: Any) -> None:
    """Only the file that includes the others says the version; which one that is, an editor cannot know."""
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


EVERYWHERE = """
version: "${env:VERSION}"
workers: "${env:WORKERS:-4}"
watch: "${env:WATCH}"
drain: "${file:drain}s"
log: null
include: [{files: "${env:FILES}", team: "${env:TEAM}"}]
listeners:
  web:
    bind: null
    protocol: "${env:PROTOCOL}"
    forwarded: "${env:FORWARDED}"
    limits: {head: "${env:HEAD}", headers: "${env:HEADERS}", connections: null}
    filters: {max_body: "${env:BODY}KiB", headers: {request: {set: {x-a: null, x-b: "${env:B}"}}}}
    routes:
      /a: null
      /b: {retries: "${env:RETRIES}", deadline: "${env:DEADLINE}", redirect: null, strip_prefix: "${env:STRIP}"}
      /c: {respond: {status: "${env:STATUS}"}, match: {headers: {x-c: null}}}
    admit: {orders: null}
  old: null
groups: {g: {role: "${env:ROLE}", match: null, accept: {sticky: null}}}
upstreams:
  a: {health: {every: "${env:EVERY}", tcp: "${env:TCP}"}, panic: "${env:PANIC}%", balance: "${env:BALANCE}"}
  b: {endpoints: [{address: "a:1", weight: "${env:WEIGHT}"}], outlier: null, discover: {port: "${env:PORT}"}}
tests: {GET http://a/: {status: "${env:STATUS}"}, GET http://b/: null}
"""


def test_values_from_outside_and_null_may_stand_anywhere() -> None:
    document = yaml.load(EVERYWHERE, Loader=Editor)
    assert [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)] == []


@pytest.mark.parametrize("noun", nouns(), ids=lambda noun: noun.__name__)
def test_a_layer_may_remove_every_key(noun: type[Noun]) -> None:
    whole = schema()
    part = whole if noun is Edge else {**whole["$defs"][noun.__name__], "$defs": whole["$defs"]}
    assert jsonschema.Draft202012Validator(part).is_valid(dict.fromkeys(noun.model_fields))


@pytest.mark.parametrize(
    "document",
    [
        {"workers": "${client.ip}"},
        {"workers": "$env:WORKERS"},
        {"listeners": {"web": {"protocol": "$${x}"}}},
        {"upstreams": {"a": {"endpoints": [None]}}},
        {"upstreams": {"a": {"health": {"everry": None}}}},
    ],
)
def test_nothing_else_may_stand_anywhere(document: Any) -> None:
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*/glorieta.yaml")), ids=lambda path: path.parent.name)
def test_examples_are_right_in_an_editor(path: Path) -> None:
    document = yaml.load(path.read_text(), Loader=Editor)
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


def test_the_reference_does_not_repeat_what_may_stand_anywhere() -> None:
    page = reference_markdown()
    assert OUTSIDE_NAME not in page
    assert "| `retries` | `off` or number |" in page


def test_defaults_are_written_as_a_person_writes_them() -> None:
    properties = schema()["$defs"]["RouteTimeouts"]["properties"]
    assert properties["first_byte"]["default"] == "30s"
    assert schema()["$defs"]["ListenerLimits"]["properties"]["head"]["default"] == "32KiB"
    assert schema()["$defs"]["Upstream"]["properties"]["panic"]["default"] == "50%"
