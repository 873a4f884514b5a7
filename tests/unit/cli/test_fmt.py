"""`glorieta fmt`: files are replaced in one step or not at all, and a check names what would change."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glorieta.cli.main import app
from glorieta.cli.replacing import replace_text

from .conftest import GOOD, Call

UNTIDY = GOOD.replace("version: 1", "version:   1   # of the language")
TIDY = GOOD.replace("version: 1", "version: 1   # of the language").replace('"127.0.0.1:8080"', "127.0.0.1:8080")


@pytest.fixture
def untidy(folder: Path) -> Path:
    path = folder / "glorieta.yaml"
    path.write_text(UNTIDY)
    return path


def test_a_file_is_formatted_once(call: Call, untidy: Path) -> None:
    result = call("fmt")
    assert (result.exit_code, result.stdout) == (0, "glorieta.yaml formatted\n")
    assert untidy.read_text() == TIDY
    before = untidy.stat()
    again = call("fmt", "glorieta.yaml")
    assert (again.exit_code, again.stdout) == (0, "")
    assert untidy.stat().st_ino == before.st_ino, "what is in order already is not written"
    assert call("check").exit_code == 0


def test_check_names_what_would_change_and_changes_nothing(call: Call, untidy: Path, folder: Path) -> None:
    (folder / "fine.yaml").write_text("version: 1\n")
    result = call("fmt", "--check", "fine.yaml", "glorieta.yaml")
    assert (result.exit_code, result.stdout) == (1, "glorieta.yaml would change\n")
    assert untidy.read_text() == UNTIDY
    assert call("fmt", "--check", "fine.yaml").exit_code == 0


def test_diff_shows_it(call: Call, untidy: Path) -> None:
    result = call("fmt", "--diff")
    assert result.exit_code == 0
    assert "-version:   1   # of the language\n+version: 1   # of the language\n" in result.stdout
    assert untidy.read_text() == UNTIDY
    both = call("fmt", "--diff", "--check")
    assert both.exit_code == 1 and both.stdout == result.stdout
    assert "glorieta.yaml would change" in both.stderr


def test_a_diff_says_where_a_newline_was_missing(call: Call, folder: Path) -> None:
    (folder / "a.yaml").write_text("a: 1")
    assert call("fmt", "--diff", "a.yaml").stdout.endswith("-a: 1\n\\ no newline at the end\n+a: 1\n")


@pytest.mark.parametrize("text", ["a: 1\na: 2\n", "a: {b\n", "a: *nothing\n"])
def test_what_is_no_yaml_stays_and_the_others_are_formatted(call: Call, folder: Path, untidy: Path, text: str) -> None:
    (folder / "wrong.yaml").write_text(text)
    result = call("fmt", "wrong.yaml", "glorieta.yaml", "nowhere.yaml")
    assert result.exit_code == 2
    assert "wrong.yaml:" in result.stderr and "nowhere.yaml" in result.stderr
    assert "2 errors" in result.stderr
    assert (folder / "wrong.yaml").read_text() == text
    assert untidy.read_text() == TIDY


def test_standard_input_goes_to_standard_output(folder: Path) -> None:
    result = CliRunner().invoke(app, ["fmt", "-"], input=UNTIDY)
    assert (result.exit_code, result.stdout) == (0, TIDY)
    checked = CliRunner().invoke(app, ["fmt", "-", "--check"], input=UNTIDY)
    assert (checked.exit_code, checked.stdout) == (1, "standard input would change\n")
    wrong = CliRunner().invoke(app, ["fmt", "-"], input="a: [\n")
    assert wrong.exit_code == 2 and "standard input:" in wrong.stderr


def test_what_is_not_utf8_is_refused(call: Call, folder: Path) -> None:
    (folder / "latin.yaml").write_bytes(b"a: \xff\n")
    result = call("fmt", "latin.yaml")
    assert result.exit_code == 2 and "latin.yaml:1:4" in result.stderr
    assert (folder / "latin.yaml").read_bytes() == b"a: \xff\n"


def test_permissions_and_links_stay(call: Call, untidy: Path, folder: Path) -> None:
    untidy.chmod(0o640)
    (folder / "link.yaml").symlink_to("glorieta.yaml")
    assert call("fmt", "link.yaml").exit_code == 0
    assert (folder / "link.yaml").is_symlink()
    assert untidy.read_text() == TIDY
    assert untidy.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in folder.iterdir()) == ["bad.yaml", "glorieta.yaml", "link.yaml"]


def test_a_file_that_cannot_be_written_is_said_and_stays(
    call: Call, untidy: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = call("fmt")
    assert result.exit_code == 1
    assert "glorieta.yaml cannot be written: No space left on device" in result.stderr
    assert untidy.read_text() == UNTIDY
    assert sorted(path.name for path in folder.iterdir()) == ["bad.yaml", "glorieta.yaml"], "and nothing is left behind"


def test_a_file_is_replaced_and_not_written_over(folder: Path) -> None:
    path = folder / "glorieta.yaml"
    with path.open() as reader:
        replace_text(path, "new: 1\n")
        assert reader.read() == GOOD, "who reads it has the old one, whole"
    assert path.read_text() == "new: 1\n"


def test_other_commands_do_not_load_the_formatter() -> None:
    script = "import sys; import glorieta.plan, glorieta.cli.main; print([name for name in sys.modules if 'config.formatting' in name])"
    path = str(Path(__file__).parents[3] / "python")
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
