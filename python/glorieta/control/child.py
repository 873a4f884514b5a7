"""The program that loads, validates and compiles: `python -m glorieta.control.child REFERENCE...`.

It is a process of its own so that the serving one imports none of what this needs, and so that code of the
user's (an edge in Python) starts afresh every time: a process that has run some ends when it has answered. Another one
waits for the next question, and keeps what the files say that nobody has changed since.

It reads no file before it is told to, by a byte on its standard input, so that it may be started before any file
changes. While they still change it may be told to read ahead: what is the same later is not understood again. The
`Compiled` document goes to standard output. It ends when its standard input does.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, NoReturn

from ..config import ConfigError, Edge, format_problems
from ..config.documents import Documents
from ..config.loading import get_ready, read_ahead
from ..config.objects import ran
from ..plan import Built, Plan, build, build_edge, diff, diff_text, located, read_plan, summary
from ..plan.secrets import secret_files
from .compiled import Compiled, refusal
from .compiler import AHEAD, CHILD_SECONDS
from .history import unpack
from .lines import printed_as_lines
from .signatures import matches, signatures, signatures_since

LOADING_SECONDS = CHILD_SECONDS - 10
"""Soon enough to say what takes so long, before the serving process loses its patience."""
AHEAD_SECONDS = 5.0
"""Whoever reads ahead for longer reads what will not be there later, or nothing at all."""
MOST_ANSWERS = 50
"""A child that is asked again and again ends after so many answers, and with it whatever they have left behind."""


@dataclass
class Arguments:
    """`[--terminal] [--json] [--admin-socket PATH] [--running DESCRIPTOR] -- REFERENCE...`"""

    references: list[str]
    terminal: bool = False
    as_json: bool = False
    """What the user's code prints is told as lines for a program."""
    admin_socket: str | None = None
    running: int | None = None
    """Holds the Plan that runs, packed."""

    def running_plan(self) -> Plan | None:
        if self.running is None:
            return None
        packed = os.pread(self.running, os.fstat(self.running).st_size, 0)
        return read_plan(unpack(packed))

    @staticmethod
    def parse(words: list[str]) -> Arguments:
        end = words.index("--")
        options, found = iter(words[:end]), Arguments(words[end + 1 :])
        for option in options:
            match option:
                case "--terminal":
                    found.terminal = True
                case "--json":
                    found.as_json = True
                case "--admin-socket":
                    found.admin_socket = next(options)
                case "--running":
                    found.running = int(next(options))
        return found


def main(words: list[str]) -> int:
    arguments = Arguments.parse(words)
    # It ends soon, and what it makes holds no cycles: looking for garbage finds next to none.
    gc.disable()
    questions, out = take_streams()
    get_ready()
    documents = Documents()
    for number in range(1, MOST_ANSWERS + 1):
        if ran:
            break
        while (question := os.read(questions, 1)) == AHEAD:
            documents = known_ahead(arguments, documents)
        if not question:
            break
        answer = Answer(out, is_last=number == MOST_ANSWERS)
        compiled = compiled_for(arguments, documents, answer.tell)
        answer.complete(compiled)
        # What is wrong was taken out of what was read.
        documents = Documents() if compiled.refused else documents.kept()
    return 0


def known_ahead(arguments: Arguments, documents: Documents) -> Documents:
    """What the files say already, as far as that can be told."""
    with suppress(TimeoutError), limit(AHEAD_SECONDS):
        return read_ahead(arguments.references, documents)
    return Documents()


def take_streams() -> tuple[int, BinaryIO]:
    """Where questions come from, and where answers go. What the user's code prints goes to the log, not into a
    document, and whatever it reads has come to its end."""
    questions, out = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return questions, os.fdopen(out, "wb")


class Answer:
    """One document: its first part as soon as there is one."""

    def __init__(self, out: BinaryIO, *, is_last: bool) -> None:
        self.out = out
        self.is_last = is_last
        self.told = False

    def tell(self, first: Compiled) -> None:
        first.stays = not (ran or self.is_last)
        self.write(first.encode_plan())
        self.told = True

    def complete(self, compiled: Compiled) -> None:
        if not self.told:
            self.tell(compiled)
        self.write(compiled.encode_rest())

    def write(self, data: bytes) -> None:
        self.out.write(data)
        self.out.flush()


def compiled_for(arguments: Arguments, documents: Documents, tell: Callable[[Compiled], None]) -> Compiled:
    """What there is to say of the files now."""
    try:
        with limit(LOADING_SECONDS), printed_as_lines() if arguments.as_json else nullcontext():
            return compile_reference(
                arguments.references,
                arguments.running_plan,
                terminal=arguments.terminal,
                admin_socket=arguments.admin_socket,
                documents=documents,
                tell=tell,
            )
    except TimeoutError as late:
        return refusal(f"loading the configuration {late}")


@contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Raises `TimeoutError` in what is still at work after so many seconds; code of the user's gets its line told."""

    def stop(*_: object) -> NoReturn:
        raise TimeoutError(f"is not done after {seconds:g} s")

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def compile_reference(
    references: str | Sequence[str] | Edge,
    running: Callable[[], Plan | None] | None = None,
    *,
    terminal: bool = False,
    admin_socket: str | None = None,
    secrets: bool = True,
    short: bool = False,
    documents: Documents | None = None,
    tell: Callable[[Compiled], None] | None = None,
) -> Compiled:
    """Everything about this configuration, and how it differs from the Plan that runs.

    `secrets`: whether they must be at hand; `short`: also in a few lines what it is; `documents`: what texts said when
    this was compiled before; `tell` is called with the Plan, before what is not needed for applying it.
    """
    began = time.time_ns()
    # Asked for once, and by whoever needs it first: what it is read from may be gone then.
    running = cache(running) if running is not None else None
    try:
        if isinstance(references, Edge):
            built = build_edge(references, terminal=terminal, admin_socket=admin_socket)
        else:
            built = build(
                references,
                terminal=terminal,
                admin_socket=admin_socket,
                secrets=secrets,
                documents=documents,
                running=running,
            )
        text = built.text
        secret_signatures = signatures(secret_files(text))
        compiled = Compiled(plan=text, version=built.plan["version"], secrets=secret_signatures, launch=built.launch)
        compiled.orders = None if built.orders is None else dict(built.orders)
        # The engine takes its time, and not Python's lock: it looks while we go on. But whoever is told applies the
        # Plan at once: that is not to be kept waiting for a core.
        engine = None if tell else EngineCheck(text, secrets)
        if tell:
            tell(compiled)
        complete(compiled, built, running() if running else None, began)
        compiled.short = short_text(built.plan) if short else ""
        problems = located(built.edge, (engine or EngineCheck(text, secrets)).found())
        if problems:
            raise ConfigError(problems, files=built.files, globs=built.globs)
    except ConfigError as error:
        return refuse(error, began)
    return compiled


def short_text(plan: Plan) -> str:
    """In a few lines what it is."""
    from ..plan import explain

    return explain(plan).short()


def complete(compiled: Compiled, built: Built, running: Plan | None, began: int) -> None:
    """Whatever is not needed for applying."""
    compiled.files = signatures_since(began, map(str, built.files))
    compiled.globs = matches(built.globs)
    compiled.watch = built.edge.watch
    compiled.warnings = [warning.as_json() for warning in built.warnings]
    compiled.warnings_text = format_problems(built.warnings) if built.warnings else ""
    changes = diff(running, built.plan) if running else []
    compiled.changes = [change.as_json() for change in changes]
    compiled.changes_text = diff_text(changes)
    compiled.summary = summary(built.plan, changes)


class EngineCheck:
    """Builds the Plan as the engine does, without opening a socket: its word is the last one.

    A Plan can be made where no engine is built; whatever wants to run it there says so.
    """

    def __init__(self, plan: str, secrets: bool) -> None:
        self.plan = plan
        self.secrets = secrets
        self.problems: list[tuple[str, str]] = []
        self.defect: BaseException | None = None
        self.thread = threading.Thread(target=self.look)
        try:
            from .. import engine
        except ModuleNotFoundError as error:
            if error.name != "glorieta._engine":
                raise
            return
        self.engine = engine
        self.thread.start()

    def look(self) -> None:
        try:
            self.problems = self.engine.check(self.plan, secrets=self.secrets)
        except BaseException as defect:
            self.defect = defect

    def found(self) -> list[tuple[str, str]]:
        """What is wrong, once it has looked."""
        if self.thread.ident is not None:
            self.thread.join()
        if self.defect is not None:
            raise self.defect
        return self.problems


def refuse(error: ConfigError, began: int) -> Compiled:
    return Compiled(
        files=signatures_since(began, (str(Path(path)) for path in error.files)),
        globs=matches(error.globs),
        problems=[problem.as_json() for problem in error.problems],
        problems_text=str(error),
    )


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # Threads that the user's code has left running must not keep this process alive.
    os._exit(code)
