"""`glorieta test`: what is printed, the exit codes, JSON and JUnit."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import GOOD, Call

PASSES = "tests:\n  GET http://shop/service1/a: {forwards: service1 /a}\n  GET http://shop/hello: {status: 200}\n"
FAILS = "tests:\n  GET http://shop/hello: {status: 200}\n  GET http://shop/nix: {forwards: service1}\n"


def test_tests_that_pass(call: Call, folder: Path) -> None:
    (folder / "glorieta.yaml").write_text(GOOD + PASSES)
    result = call("test")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "2 tests, all passed\n", "")


def test_one_that_fails_is_told_with_its_place_and_the_requests_way(call: Call, folder: Path) -> None:
    (folder / "glorieta.yaml").write_text(GOOD + FAILS)
    result = call("test")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "glorieta.yaml:12:3 GET http://shop/nix: forwards: expected service1, got the answer 404 no_route (no route matches)",
        "  it went: listener web → 404 no_route",
        "2 tests, 1 failed",
    ]


def test_the_same_for_a_program(call: Call, folder: Path) -> None:
    (folder / "glorieta.yaml").write_text(GOOD + FAILS)
    result = call("test", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["passed"], document["failed"]) == (1, 1)
    assert [(each["name"], each["line"], each["passed"]) for each in document["tests"]] == [
        ("GET http://shop/hello", 11, True),
        ("GET http://shop/nix", 12, False),
    ]


def test_junit_is_written_whether_they_pass_or_not(call: Call, folder: Path) -> None:
    (folder / "glorieta.yaml").write_text(GOOD + FAILS)
    assert call("test", "--junit", "results.xml").exit_code == 1
    root = ElementTree.parse(folder / "results.xml").getroot()
    assert (root.attrib["tests"], root.attrib["failures"]) == ("2", "1")
    assert "cannot be written" in call("test", "--junit", "no/such/folder.xml").stderr


def test_no_tests_are_no_success(call: Call) -> None:
    result = call("test")
    assert result.exit_code == 1
    assert result.stdout == "glorieta.yaml: no tests; write them under tests:\n"


def test_a_configuration_that_is_wrong_is_refused(call: Call, folder: Path) -> None:
    result = call("test", "bad.yaml")
    assert result.exit_code == 2
    assert "strip_prefx" in result.stderr
    (folder / "glorieta.yaml").write_text(GOOD + PASSES.replace("forwards: service1", "forwards: service7"))
    assert 'there is no upstream "service7"; did you mean "service1"?' in call("check").stderr
    assert call("test", "--json").exit_code == 2


def test_an_overlay_is_tested_as_it_will_run(call: Call, folder: Path) -> None:
    (folder / "glorieta.yaml").write_text(GOOD + PASSES)
    (folder / "prod.yaml").write_text("listeners: {web: {routes: {/hello: {respond: {status: 201}}}}}\n")
    result = call("test", "-f", "glorieta.yaml", "-f", "prod.yaml")
    assert result.exit_code == 1
    assert "status: expected 200, got the answer 201" in result.stdout


def test_a_teams_tests_mean_the_teams_own_names(call: Call, folder: Path) -> None:
    (folder / "glorieta.yaml").write_text(
        'version: 1\ninclude: {files: orders.yaml, team: orders}\nlisteners: {web: {bind: ":8080", admit: {orders: /orders/*}}}\n'
        "upstreams: {shared: {endpoints: [localhost:1]}}\n"
    )
    (folder / "orders.yaml").write_text(
        "team: orders\n"
        "groups: {public: {at: web, match: /orders/*, routes: {/orders/*: orders, /orders/shared/*: shared}}}\n"
        "upstreams: {orders: {endpoints: [localhost:2]}}\n"
        "tests:\n"
        "  GET http://h/orders/7: {route: public, forwards: orders /orders/7}\n"
        "  GET http://h/orders/shared/7: {route: public/orders/shared/*, forwards: shared}\n"
        "  in full: {request: GET http://h/orders/7, route: orders/public, forwards: orders/orders}\n"
        "  wrong: {request: GET http://h/orders/7, forwards: shared}\n"
    )
    result = call("test")
    assert result.stdout.splitlines()[0] == (
        "orders.yaml:8:3 orders/wrong: forwards: expected shared, got orders/orders /orders/7"
    )
    assert result.stdout.endswith("4 tests, 1 failed\n")


EXAMPLES = sorted(path for path in (Path(__file__).parents[3] / "examples").iterdir() if path.is_dir())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_every_example_has_tests_and_passes_them(call: Call, example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(example)
    monkeypatch.syspath_prepend(str(example))
    # Certificates are made by who tries an example, and no test needs them.
    result = call("test", "--no-secrets", "glorieta.yaml" if (example / "glorieta.yaml").exists() else "edge:edge")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(", all passed\n")
