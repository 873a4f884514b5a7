"""Commands that only read: check, explain, plan, schema, version, and how all of them say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import GOOD, Call

READING = (["check"], ["explain"], ["plan"])


def test_check_says_that_a_configuration_can_be_run(call: Call) -> None:
    result = call("check")
    assert result.exit_code == 0
    assert result.stdout.startswith("glorieta.yaml: no errors, plan ")
    document = json.loads(call("check", "--json").stdout)
    assert document["problems"] == []
    assert len(document["version"]) == 12


@pytest.mark.parametrize("command", READING)
def test_everything_wrong_is_said_at_once_with_its_place_and_the_fix(call: Call, command: list[str]) -> None:
    result = call(*command, "bad.yaml")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "bad.yaml:6:35" in result.stderr
    assert 'did you mean "strip_prefix"?' in result.stderr
    assert "service7" in result.stderr
    assert "2 errors; nothing was changed" in result.stderr


@pytest.mark.parametrize("command", READING)
def test_the_same_errors_as_json(call: Call, command: list[str]) -> None:
    result = call(*command, "bad.yaml", "--json")
    assert result.exit_code == 2
    problems = json.loads(result.stdout)["problems"]
    assert [problem["line"] for problem in problems] == [6, 6]
    assert {"file", "line", "column", "path", "message", "fix", "severity"} <= problems[0].keys()


@pytest.mark.parametrize("command", READING)
def test_a_file_that_is_not_there_is_refused(call: Call, command: list[str]) -> None:
    result = call(*command, "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml" in result.stderr


def test_an_edge_in_python_is_taken_by_its_name(call: Call, folder: Path) -> None:
    (folder / "shop_edge.py").write_text('from glorieta import Edge\n\nedge = Edge.load("glorieta.yaml")\n')
    result = call("explain", "shop_edge:edge")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == call("explain").stdout
    missing = call("check", "shop_edge:egde")
    assert missing.exit_code == 2
    assert "egde" in missing.stderr


def test_explain_names_roles_routes_and_endpoints(call: Call) -> None:
    text = call("explain").stdout
    for word in ("reverse proxy", "/service1/*", "localhost:3002", "GET /healthz"):
        assert word in text
    assert isinstance(json.loads(call("explain", "--json").stdout), dict)


def test_plan_prints_the_plan_for_the_engine(call: Call) -> None:
    result = call("plan", "--json")
    assert result.exit_code == 0
    plan = json.loads(result.stdout)
    assert plan["format"] == 1
    assert plan["access_log"]["format"] == "json", "what another process writes is for programs"
    assert plan["admin"]["socket"] is None, "a socket of this machine and user means nothing elsewhere"


def test_plan_says_that_nothing_runs(call: Call) -> None:
    result = call("plan")
    assert result.exit_code == 0
    assert "nothing runs this configuration" in result.stdout
    assert "/service1/*" in result.stdout
    assert json.loads(call("plan", "--changes").stdout)["running"] is None


def test_the_engine_has_the_last_word(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "glorieta.engine.check", lambda plan, *, secrets: [("routes.web/hello", "the engine cannot do this")]
    )
    result = call("check")
    assert result.exit_code == 2
    assert 'glorieta.yaml:7:7 listeners.web.routes."/hello": the engine cannot do this' in result.stderr


def test_schema_is_a_json_schema(call: Call) -> None:
    from jsonschema import Draft202012Validator

    schema = json.loads(call("schema").stdout)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    import yaml

    assert validator.is_valid(yaml.safe_load(GOOD))
    assert not validator.is_valid({"version": 1, "listenrs": {}})


def test_version_is_the_engines(call: Call) -> None:
    from glorieta.engine import version

    assert f"glorieta {version()} " in call("version").stdout
    assert f"glorieta {version()} " in call("--version").stdout
    assert json.loads(call("version", "--json").stdout)["glorieta"] == version()


def test_check_takes_several_files(call: Call, folder: Path) -> None:
    (folder / "prod.yaml").write_text("upstreams: {service1: {endpoints: [prod:80]}}\n")
    result = call("check", "-f", "glorieta.yaml", "-f", "prod.yaml")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("glorieta.yaml prod.yaml: no errors, plan ")
    assert call("check", "glorieta.yaml", "--file", "prod.yaml").stdout == result.stdout
    (folder / "prod.yaml").write_text("upstreams: {service2: {endpoints: [prod:80]}}\n")
    refused = call("check", "-f", "glorieta.yaml", "-f", "prod.yaml")
    assert refused.exit_code == 2
    assert 'prod.yaml:1:13 upstreams: there is no upstream "service2"' in refused.stderr


def test_check_fails_on_warnings_where_they_are_to_be_strict(call: Call, folder: Path) -> None:
    assert call("check", "--strict").exit_code == 0
    (folder / "glorieta.yaml").write_text(GOOD + "  unused: {endpoints: [a:1]}\n")
    lenient = call("check")
    assert (lenient.exit_code, "no errors" in lenient.stdout) == (0, True)
    strict = call("check", "--strict")
    assert strict.exit_code == 2
    assert "is used by nothing" in strict.stderr
    assert strict.stdout == "glorieta.yaml: refused for its warnings (--strict)\n"
    document = json.loads(call("check", "--strict", "--json").stdout)
    assert (document["strict"], len(document["warnings"])) == (True, 1)
    assert call("check", "--strict", "--json").exit_code == 2


def test_check_without_secrets(call: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    (folder / "glorieta.yaml").write_text(GOOD.replace("localhost:3001", '"${env:GLORIETA_NONE}"'))
    assert call("check").exit_code == 2
    assert call("check", "--no-secrets").exit_code == 0, call("check", "--no-secrets").stderr
