"""The program that loads and compiles: whatever the user's code does in it, there is an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from glorieta.control.compiled import Compiled

if TYPE_CHECKING:
    from pathlib import Path

START = "import sys; from glorieta.control import child; child.{setting} = {value}; sys.exit(child.main(['--', {reference!r}]))"
EDGE = "from glorieta import Edge\nedge = Edge(listeners={'web': {'bind': ':80', 'respond': {'body': 'x'}}})\n"


def answer_for(folder: Path, code: str, seconds: float = 60.0) -> tuple[Compiled, str]:
    """What the child answers for this edge, and what it says beside that."""
    (folder / "shop.py").write_text(code)
    ended = run(folder, "shop.py:edge", b"\n", "LOADING_SECONDS", seconds)
    return Compiled.decode(ended.stdout), ended.stderr.decode()


def run(
    folder: Path, reference: str, questions: bytes, setting: str = "LOADING_SECONDS", value: float = 60.0
) -> subprocess.CompletedProcess[bytes]:
    """The child with one of its settings, asked so often, until it ends."""
    command = [sys.executable, "-c", START.format(setting=setting, value=value, reference=reference)]
    return subprocess.run(command, cwd=folder, input=questions, capture_output=True, timeout=60, check=True)


def answers(folder: Path, reference: str, questions: bytes, **setting: float) -> list[Compiled]:
    """All that a child says."""
    name, value = next(iter(setting.items()), ("LOADING_SECONDS", 60.0))
    said, found = run(folder, reference, questions, name, value).stdout, []
    while said:
        taken = Compiled.decode_plan(said)
        assert taken is not None
        first, begin = taken
        end = said.index(b"\n", begin) + 1
        found.append(first.completed(said[begin:end]))
        said = said[end:]
    return found


def test_what_code_prints_is_no_part_of_the_answer(tmp_path: Path) -> None:
    code = f"import os\nprint('from print')\nos.system('echo from a program')\n{EDGE}"
    compiled, said = answer_for(tmp_path, code)
    assert not compiled.refused
    assert set(said.splitlines()) == {"from print", "from a program"}


@pytest.mark.parametrize("end", ["sys.exit(0)", "os._exit(0)"])
def test_code_that_ends_the_program_is_refused(tmp_path: Path, end: str) -> None:
    compiled, _ = answer_for(tmp_path, f"import os, sys\n{end}\n")
    assert compiled.problems_text.startswith("shop.py:2 ends the program, with exit code 0; ")


def test_code_that_never_comes_back_is_told_with_its_line(tmp_path: Path) -> None:
    compiled, _ = answer_for(tmp_path, "while True:\n    pass\n", seconds=0.2)
    assert compiled.problems_text.startswith("shop.py:")
    assert "TimeoutError: is not done after 0.2 s" in compiled.problems_text


def test_nobody_who_asks_gets_no_answer(tmp_path: Path) -> None:
    assert answers(tmp_path, "glorieta.yaml", b"") == []


def test_a_child_answers_as_often_as_it_is_asked(tmp_path: Path) -> None:
    (tmp_path / "glorieta.yaml").write_text("version: 1\nlisteners: {web: {bind: ':80', respond: {body: x}}}\n")
    first, second, third = answers(tmp_path, "glorieta.yaml", b"\n\n\n")
    assert first.stays and not first.refused
    assert first.files.keys() == second.files.keys() == {str(tmp_path / "glorieta.yaml")}
    assert first.plan == second.plan == third.plan


def test_a_refusal_is_no_reason_to_end(tmp_path: Path) -> None:
    (tmp_path / "glorieta.yaml").write_text("version: 2\n")
    first, second = answers(tmp_path, "glorieta.yaml", b"\n\n")
    assert first.refused and first.stays
    assert first.problems == second.problems


def test_a_child_ends_after_many_answers(tmp_path: Path) -> None:
    (tmp_path / "glorieta.yaml").write_text("version: 1\nlisteners: {web: {bind: ':80', respond: {body: x}}}\n")
    found = answers(tmp_path, "glorieta.yaml", b"\n" * 9, MOST_ANSWERS=3)
    assert [each.stays for each in found] == [True, True, False]


@pytest.mark.parametrize(
    "text", ["version: 1\nlisteners: {web: {bind: ':80', respond: {body: x}}}\n", "version: 2\n", "{"]
)
def test_a_child_that_reads_ahead_says_nothing_of_it_and_answers_the_same(tmp_path: Path, text: str) -> None:
    (tmp_path / "glorieta.yaml").write_text(text)
    [only] = answers(tmp_path, "glorieta.yaml", b"\n")
    for one in answers(tmp_path, "glorieta.yaml", b">\n>>\n"):
        assert (one.plan, one.problems, one.files.keys()) == (only.plan, only.problems, only.files.keys())
    assert answers(tmp_path, "glorieta.yaml", b">") == []


@pytest.mark.parametrize("reference", ["shop.py:edge", "glorieta.yaml"])
def test_no_code_is_run_ahead(tmp_path: Path, reference: str) -> None:
    (tmp_path / "shop.py").write_text("print('has run')\n")
    (tmp_path / "glorieta.yaml").write_text("version: 1\ninclude: shop.py:edge\n")
    assert run(tmp_path, reference, b">").stderr == b""
    assert b"has run" in run(tmp_path, reference, b"\n").stderr


def test_what_never_can_be_read_is_given_up_ahead(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "glorieta.yaml")
    assert answers(tmp_path, "glorieta.yaml", b">", AHEAD_SECONDS=0.1) == []


@pytest.mark.parametrize("code", [EDGE, "no Python"])
def test_a_child_that_has_run_code_of_the_users_answers_once(tmp_path: Path, code: str) -> None:
    (tmp_path / "shop.py").write_text(code)
    [only] = answers(tmp_path, "shop.py:edge", b"\n\n")
    assert not only.stays


def test_an_included_edge_is_code_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("from glorieta import Edge\nedge = Edge()\n")
    root = "version: 1\ninclude: shop.py:edge\nlisteners: {web: {bind: ':80', respond: {body: x}}}\n"
    (tmp_path / "glorieta.yaml").write_text(root)
    [only] = answers(tmp_path, "glorieta.yaml", b"\n\n")
    assert not only.refused and not only.stays


def test_what_code_reads_has_ended(tmp_path: Path) -> None:
    """It takes no question that is not for it."""
    compiled, _ = answer_for(tmp_path, f"import sys\nassert sys.stdin.read() == ''\n{EDGE}")
    assert not compiled.refused
