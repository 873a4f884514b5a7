"""Help, exit codes and completion: what a person learns without any document."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from glorieta.cli.options import complete_reference
from glorieta.control import exits

from .conftest import Call

COMMANDS = (
    "run",
    "dev",
    "check",
    "explain",
    "try",
    "test",
    "plan",
    "reload",
    "rollback",
    "reverse",
    "balance",
    "openapi",
    "schema",
    "demo",
    "version",
)


def test_help_lists_every_command(call: Call) -> None:
    result = call("--help")
    assert result.exit_code == 0
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", result.stdout, re.MULTILINE), command
    assert "--install-completion" in result.stdout
    assert "Exit codes" in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_its_exit_codes_and_most_have_examples(call: Call, command: str) -> None:
    result = call(command, "-h")
    assert result.exit_code == 0
    assert "Exit codes: " in result.stdout
    if command not in ("version", "demo"):
        assert f"  glorieta {command}" in result.stdout, "an example stands on a line of its own"


def test_nothing_to_do_shows_what_there_is(call: Call) -> None:
    assert "Usage: glorieta" in call().output


@pytest.mark.parametrize("wrong", [("chek",), ("check", "--colour"), ("reverse", ":80"), ("demo", "--seconds", "x")])
def test_a_wrong_command_line_is_refused(call: Call, wrong: tuple[str, ...]) -> None:
    assert call(*wrong).exit_code == exits.ExitCode.REFUSED


def test_every_exit_code_is_in_the_summary() -> None:
    for code in exits.ExitCode:
        assert re.search(rf"\b{code.value} ", exits.SUMMARY), code


def test_an_engine_that_is_not_built_is_named_with_the_way_to_build_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    from glorieta.cli.main import invoke

    monkeypatch.setitem(sys.modules, "glorieta._engine", None)
    monkeypatch.delitem(sys.modules, "glorieta.engine", raising=False)
    monkeypatch.setattr(sys, "argv", ["glorieta", "version"])
    assert invoke() == exits.ExitCode.FAILED
    assert "make develop" in capsys.readouterr().err


def test_files_and_folders_are_completed(folder: Path) -> None:
    (folder / "teams").mkdir()
    (folder / "teams" / "orders.yaml").write_text("")
    (folder / "notes.txt").write_text("")
    (folder / ".hidden.yaml").write_text("")
    assert complete_reference("") == ["bad.yaml", "glorieta.yaml", "teams/"]
    assert complete_reference("gl") == ["glorieta.yaml"]
    assert complete_reference("teams/") == ["teams/orders.yaml"]
    assert complete_reference(f"{folder}/te") == [f"{folder}/teams/"]
    assert complete_reference("nowhere/x") == []


@pytest.mark.parametrize("command", ["make", "trust", "show"])
def test_commands_of_a_group_say_their_exit_codes_and_have_examples(call: Call, command: str) -> None:
    result = call("cert", command, "-h")
    assert result.exit_code == 0
    assert "Exit codes: " in result.stdout
    assert f"  glorieta cert {command}" in result.stdout
