"""What configurations compile to, byte for byte: the same Plans are read by the engine's tests."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from glorieta.plan import build, plan_json, read_plan
from glorieta.plan.text import version_of

FOLDER = Path(__file__).parent / "plans"
ENGINE = Path(__file__).parents[2] / "engine/plan/src"
CONFIGURATIONS = sorted(FOLDER.glob("*.yaml"))
ENUM = re.compile(r"enum (\w+) \{(.*?)\n\}", re.DOTALL)
VARIANT = re.compile(r"^    ([A-Z]\w*)", re.MULTILINE)
RENAMED = re.compile(r"#\[serde\(rename = \"([^\"]+)\"\)\]\s*[A-Z]\w*")
MARKED = re.compile(r"///[^\n]*|#\[[^\n]*")


def golden(configuration: Path) -> Any:
    return json.loads(configuration.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda path: path.stem)
def test_a_configuration_compiles_to_its_golden_plan(configuration: Path) -> None:
    # Certificates are files of a machine's own: the Plan names them, and their content is no part of it.
    built = build(configuration, secrets=False)
    assert json.loads(plan_json(built.plan)) == golden(configuration)
    assert read_plan(plan_json(built.plan)) == golden(configuration)
    assert built.warnings == ()


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda path: path.stem)
def test_a_golden_plan_carries_the_version_of_its_content(configuration: Path) -> None:
    plan = golden(configuration)
    assert plan["version"] == version_of(plan)
    assert re.fullmatch(r"[0-9a-f]{12}", plan["version"])


def test_no_golden_plan_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {path.stem for path in CONFIGURATIONS}
    assert len(CONFIGURATIONS) >= 6


def words_of(value: Any) -> set[str]:
    """Every key and every text of a Plan: where serde writes the names of variants."""
    if isinstance(value, dict):
        return set(value) | {word for each in value.values() for word in words_of(each)}
    if isinstance(value, list):
        return {word for each in value for word in words_of(each)}
    return {value} if isinstance(value, str) else set()


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def test_every_variant_that_the_engine_knows_can_be_said() -> None:
    said = {word for configuration in CONFIGURATIONS for word in words_of(golden(configuration))}
    variants: dict[str, list[str]] = {}
    for source in ENGINE.glob("*.rs"):
        for name, body in ENUM.findall(source.read_text()):
            others = VARIANT.findall(MARKED.sub("", RENAMED.sub("", body)))
            variants[name] = [*RENAMED.findall(body), *map(snake_case, others)]
    assert {"Balance", "CheckKind", "Filter", "HostMatch", "LogFormat", "PathMatch", "Target"} <= variants.keys()
    unsaid = {(name, word) for name, words in variants.items() for word in words if word not in said}
    assert unsaid == set()
