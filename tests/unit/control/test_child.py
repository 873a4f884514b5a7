"""The program that loads and compiles: whatever the user's code does in it, there is an answer."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from glorieta.control.compiled import Compiled

if TYPE_CHECKING:
    from pathlib import Path

START = "import sys; from glorieta.control import child; child.LOADING_SECONDS = {seconds}; sys.exit(child.main(['--', {reference!r}]))"
EDGE = "from glorieta import Edge\nedge = Edge(listeners={'web': {'bind': ':80', 'respond': {'body': 'x'}}})\n"


def answer_for(folder: Path, code: str, seconds: float = 60.0) -> tuple[Compiled, str]:
    """What the child answers for this edge, and what it says beside that."""
    (folder / "shop.py").write_text(code)
    ended = subprocess.run(
        [sys.executable, "-c", START.format(seconds=seconds, reference="shop.py:edge")],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=True,
    )
    return Compiled.decode(ended.stdout), ended.stderr.decode()


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
