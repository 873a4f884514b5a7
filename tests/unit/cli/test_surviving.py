"""Code that kills the process which imports it, and what is wrong with code, for programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

CONFIGURATION = "version: 1\nlisteners: {web: {bind: ':8080', handler: 'killing.py:router'}}\n"
KILLING = "import ctypes, os\n\ndef kill():\n    {}\n\nkill()\n"
LEAVING = """\
import os, signal
child = os.fork()
if child == 0:
    # The streams that the test reads to their end, and what the command has kept of them.
    os.closerange(0, 64)
    signal.pause()
open("left", "w").write(str(child))
"""
SEGMENTATION_FAULT = "ctypes.string_at(0)"


def glorieta(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glorieta", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        (SEGMENTATION_FAULT, "killing.py:4 killing.py:router ends the process that imports it, by SIGSEGV; "),
        ("os.abort()", "killing.py:4 killing.py:router ends the process that imports it, by SIGABRT; "),
        ("os.kill(os.getpid(), 9)", "killing.py:router killing.py:router ends the process that imports it, by SIGKILL"),
        ("ctypes.CDLL(None)._exit(0)", "ends the process that imports it, with exit code 0; "),
        ("ctypes.CDLL(None)._exit(3)", "ends the process that imports it, with exit code 3; "),
    ],
)
def test_code_that_kills_its_process_is_named(folder: Path, ends: str, said: str) -> None:
    (folder / "edge.yaml").write_text(CONFIGURATION)
    (folder / "killing.py").write_text(KILLING.format(ends))
    ended = glorieta(folder, "check", "edge.yaml")
    assert ended.returncode == 2
    told = ended.stderr
    assert said in told and "python -X faulthandler -c 'import killing' says where" in told, told


@pytest.mark.parametrize("command", [["check", "--json"], ["plan", "--changes"], ["plan", "--json"]], ids=str)
def test_every_command_that_compiles_in_a_copy_tells_programs(folder: Path, command: list[str]) -> None:
    (folder / "edge.yaml").write_text(CONFIGURATION)
    (folder / "killing.py").write_text(KILLING.format(SEGMENTATION_FAULT))
    ended = glorieta(folder, *command, "edge.yaml")
    (problem,) = json.loads(ended.stdout)["problems"]
    assert ended.returncode == 2
    assert (problem["file"], problem["line"], problem["column"]) == ("killing.py", 4, 5)


def test_what_a_module_has_left_running_is_not_waited_for(folder: Path) -> None:
    (folder / "edge.yaml").write_text(CONFIGURATION)
    (folder / "killing.py").write_text(LEAVING)
    ended = glorieta(folder, "check", "edge.yaml")
    os.kill(int((folder / "left").read_text()), signal.SIGKILL)
    assert ended.returncode == 2
    assert 'has no "router"' in ended.stderr


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("def fail():\n      return 1 / 0\nfail()\n", (2, 7)),
        ("x = 1\n  y = 2\n", (2, 3)),
        (
            "from glorieta import Router, Upstream\nrouter = Router(calls=['a'])\nif True:\n"
            "    @router.get('/')\n    async def home(other: Upstream): ...\n",
            (4, 5),
        ),
    ],
)
@pytest.mark.parametrize("command", ["check", "explain"])
def test_what_is_wrong_with_code_has_file_line_and_column(
    folder: Path, command: str, code: str, place: tuple[int, int]
) -> None:
    (folder / "edge.yaml").write_text(CONFIGURATION)
    (folder / "killing.py").write_text(code)
    ended = glorieta(folder, command, "--json", "edge.yaml")
    problem = json.loads(ended.stdout)["problems"][0]
    assert (problem["file"], problem["line"], problem["column"]) == ("killing.py", *place), problem
