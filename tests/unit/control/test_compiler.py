"""The serving process's end of the child that compiles: what it is told, and when."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

import pytest

from glorieta.control.compiler import CHILD_SECONDS, IDLE_SECONDS, Compiler
from glorieta.control.history import pack
from glorieta.plan import build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from glorieta.control.compiled import Compiled

LONGEST = 30.0
TEXT = "version: 1\nlisteners: {{web: {{bind: ':80', respond: {{body: {0}}}}}}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "glorieta.yaml"
    found.write_text(TEXT.format("first"))
    return found


@pytest.fixture
def running(file: Path) -> bytes:
    """The Plan that runs, packed."""
    return pack(build(file).text)


@pytest.fixture
def compiler(file: Path) -> Iterator[Compiler]:
    made = Compiler(["--", str(file)], 0.0)
    yield made
    made.give_up()


def answer(compiler: Compiler) -> Compiled:
    end = time.monotonic() + LONGEST
    while not compiler.read():
        assert select.select([compiler], [], [], end - time.monotonic())[0], "no answer"
    return compiler.result(0.0)


def told(compiler: Compiler, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the child is told from now on, although it hears it, too."""
    found: list[bytes] = []
    tell = compiler.tell
    monkeypatch.setattr(compiler, "tell", lambda question: (found.append(question), tell(question)))
    return found


def test_what_was_read_ahead_is_not_what_is_compiled(compiler: Compiler, file: Path, running: bytes) -> None:
    compiler.read_ahead(0.0)
    file.write_text(TEXT.format("second"))
    compiler.go(running, 0.0)
    plan = answer(compiler).plan
    assert plan is not None and '"second"' in plan


def test_a_change_is_read_ahead_once(compiler: Compiler, running: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = told(compiler, monkeypatch)
    for _ in range(3):
        compiler.read_ahead(0.0)
    compiler.go(running, 0.0)
    compiler.read_ahead(0.0)
    answer(compiler)
    compiler.read_ahead(0.0)
    assert questions == [b">", b"\n", b">"]


def test_one_that_has_read_files_is_given_up_if_nobody_asks(compiler: Compiler, running: bytes) -> None:
    compiler.deadline = None
    compiler.read_ahead(1.0)
    assert compiler.deadline == 1.0 + IDLE_SECONDS
    compiler.go(running, 2.0)
    assert compiler.deadline == 2.0 + CHILD_SECONDS
    answer(compiler)


def test_one_that_has_ended_cannot_be_told_to_read(compiler: Compiler) -> None:
    compiler.process.kill()
    compiler.process.wait()
    with pytest.raises(BrokenPipeError):
        compiler.read_ahead(0.0)
