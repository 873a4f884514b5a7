"""Commands whose standard streams are closed, full or read by nobody, or know only ASCII; and code that prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = (
    ["check"],
    ["explain"],
    ["explain", "--json"],
    ["explain", "--svg", "-"],
    ["plan"],
    ["plan", "--json"],
    ["try", "http://shop.example/service1/a"],
    ["schema"],
    ["version"],
    ["--help"],
)
FEW = (["check"], ["explain", "--json"], ["--help"])
"""One that prints words, one that prints a document, and one that never comes to its command."""
PRINTS = """\
import os
from glorieta import Edge
print("from print")
os.system("echo from a program")
edge = Edge.load("glorieta.yaml")
"""
ENDS = "import os, sys\ndef leave():\n    sys.exit(0)\ndef leave_at_once():\n    os._exit(0)\n"


def glorieta(
    folder: Path, *arguments: str, stdout: int | None = subprocess.PIPE, shell: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Runs a command as a shell would, which may redirect its streams."""
    command = [sys.executable, "-m", "glorieta", *arguments]
    if shell:
        command = ["sh", "-c", f'"$@" {shell}', "sh", *command]
    return subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("command", "unbuffered"), [*((each, "") for each in COMMANDS), *((each, "1") for each in FEW)], ids=str
)
def test_a_full_device_is_said_in_one_line(folder: Path, command: list[str], unbuffered: str) -> None:
    ended = glorieta(folder, *command, shell="> /dev/full", PYTHONUNBUFFERED=unbuffered)
    assert ended.returncode == 1
    assert ended.stderr.decode().splitlines()[-1] == "glorieta: cannot write: No space left on device"
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize("command", FEW, ids=" ".join)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_closed_stream_hinders_nobody(folder: Path, command: list[str], number: int) -> None:
    ended = glorieta(folder, *command, shell=f"{number}>&-")
    assert ended.returncode == 0
    assert b"Traceback" not in ended.stderr


def test_what_is_refused_is_refused_without_streams(folder: Path) -> None:
    assert glorieta(folder, "check", "bad.yaml", shell="<&- >&- 2>&-").returncode == 2


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_pipe_that_nobody_reads_is_no_news(folder: Path, command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = glorieta(folder, *command, stdout=writing)
    finally:
        os.close(writing)
    assert b"Traceback" not in ended.stderr
    assert b"Broken pipe" not in ended.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_ascii_is_enough_for_words(folder: Path, command: list[str]) -> None:
    with (folder / "glorieta.yaml").open("a", encoding="utf-8") as file:
        file.write("tests: {GET http://é.example/hello: {status: 200}}\n")
    ended = glorieta(folder, *command, LC_ALL="C", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    # Documents are UTF-8, and so is typer's help.
    if not {"--json", "--svg", "schema", "--help"} & set(command):
        ended.stdout.decode("ascii")


def test_what_stands_for_an_arrow_and_for_a_letter(folder: Path) -> None:
    (folder / "é.yaml").write_text("version: 1\nlisteners: {web: {bind: ':80', routes: {/a: {respond: 200}}}}\n")
    explained = glorieta(folder, "explain", "é.yaml", LC_ALL="C.UTF-8", PYTHONIOENCODING="ascii")
    assert b"/a  ->  respond 200" in explained.stdout
    checked = glorieta(folder, "check", "é.yaml", LC_ALL="C.UTF-8", PYTHONIOENCODING="ascii")
    assert b"\\xe9.yaml: no errors" in checked.stdout


def test_documents_are_utf_8_everywhere(folder: Path) -> None:
    text = (folder / "glorieta.yaml").read_text().replace("body: hello", "body: Grüße")
    (folder / "glorieta.yaml").write_text(text, encoding="utf-8")
    ended = glorieta(folder, "plan", "--json", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert "Grüße" in json.dumps(json.loads(ended.stdout.decode("utf-8")), ensure_ascii=False)


@pytest.mark.parametrize(
    "command",
    [
        ["check", "--json", "prints.py:edge"],
        ["explain", "--json", "prints.py:edge"],
        ["plan", "--json", "prints.py:edge"],
        ["plan", "--changes", "prints.py:edge"],
        ["test", "--json", "prints.py:edge"],
        ["try", "--json", "http://shop.example/hello", "-f", "prints.py:edge"],
    ],
    ids=lambda command: command[0],
)
def test_what_code_prints_is_not_among_the_results(folder: Path, command: list[str]) -> None:
    (folder / "prints.py").write_text(PRINTS)
    ended = glorieta(folder, *command)
    json.loads(ended.stdout)
    assert set(ended.stderr.decode().splitlines()) == {"from print", "from a program"}


@pytest.mark.parametrize("command", ["check", "explain", "plan", "test", "run"])
@pytest.mark.parametrize(("edge", "line"), [("leave", 3), ("leave_at_once", 5)])
def test_code_that_ends_the_program_is_refused(folder: Path, command: str, edge: str, line: int) -> None:
    (folder / "ends.py").write_text(ENDS)
    ended = glorieta(folder, command, f"ends.py:{edge}")
    assert ended.returncode == 2
    assert ended.stderr.decode().startswith(f"ends.py:{line} ends the program, with exit code 0; ")
