"""Compiling in a process of its own: code of the user's that kills its process is told, and ends no command."""

from __future__ import annotations

import faulthandler
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from ..config.errors import Problem
    from ..control.compiled import Compiled

FRAME = re.compile(r'^ +File "(?P<file>.+)", line (?P<line>\d+) in ', re.MULTILINE)
"""A line of what Python tells of itself when it is killed."""
FIX = "python -X faulthandler -c 'import {module}' says where; most often it is a package in another language"


def surviving(compile: Callable[[], Compiled]) -> Compiled:
    """What this says, from a copy of this process; or which module has killed that.

    A copy costs a millisecond. All that comes out of it stands in files in memory: a process that the module has left
    behind would keep a pipe open.
    """
    said, module, fault = (os.memfd_create(name) for name in ("compiled", "module", "fault"))
    try:
        child = os.fork()
        if child == 0:
            run(compile, said, module, fault)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return outcome(code, whole(said), whole(module).decode(), whole(fault).decode("utf-8", "replace"))
    finally:
        for each in (said, module, fault):
            os.close(each)


def run(compile: Callable[[], Compiled], said: int, module: int, fault: int) -> NoReturn:
    """The copy's part."""
    from ..config.objects import watched

    def note(reference: str) -> None:
        os.ftruncate(module, 0)
        os.pwrite(module, reference.encode(), 0)

    code = 1
    try:
        faulthandler.enable(fault, all_threads=False)
        with watched(note):
            document = compile().encode()
        with os.fdopen(said, "wb", closefd=False) as out:
            out.write(document)
        code = 0
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def outcome(code: int, said: bytes, module: str, fault: str) -> Compiled:
    from ..config.errors import ConfigError
    from ..control.child import refuse
    from ..control.compiled import Compiled

    if code == 0 and said:
        return Compiled.decode(said)
    if not module:
        raise typer.Exit(code if code > 0 else 128 - code)
    return refuse(ConfigError([killed(code, module, fault)]), 0)


def killed(code: int, module: str, fault: str) -> Problem:
    """The module whose code was at work, and its line where Python had the time to tell it."""
    from ..config.errors import Problem
    from ..config.objects import is_foreign
    from ..config.reading import code_place

    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    frames = [frame for frame in FRAME.finditer(fault) if not is_foreign(frame["file"])]
    place = code_place(frames[0]["file"], int(frames[0]["line"])) if frames else None
    fix = FIX.format(module=module.partition(":")[0].removesuffix(".py").replace("/", "."))
    return Problem((), f"{module} ends the process that imports it, {how}", fix, place, module)


def whole(file: int) -> bytes:
    return os.pread(file, os.fstat(file).st_size, 0)
