"""The program that loads, validates and compiles, and ends: `python -m glorieta.control.child REFERENCE`.

It is a process of its own so that the serving one imports none of what this needs, and so that code of the
user's (an edge in Python) starts afresh every time. The Plan that runs comes on standard input, the
`Compiled` document goes to standard output.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..config import ConfigError, Edge, format_problems
from ..plan import Built, build, build_edge, diff, diff_text, explain, located, plan_json, read_plan
from .compiled import Compiled
from .signatures import signatures


def main(arguments: list[str]) -> int:
    """`REFERENCE [--terminal] [--admin-socket PATH]`"""
    reference, *options = arguments
    socket = options[options.index("--admin-socket") + 1] if "--admin-socket" in options else None
    running = sys.stdin.buffer.read().decode()
    # What the user's code prints goes to the log, not into the document.
    out = os.dup(1)
    os.dup2(2, 1)
    compiled = compile_reference(reference, running, terminal="--terminal" in options, admin_socket=socket)
    with os.fdopen(out, "wb") as document:
        document.write(compiled.encode())
    return 0


def compile_reference(
    reference: str | Edge, running: str = "", *, terminal: bool = False, admin_socket: str | None = None
) -> Compiled:
    """Everything about this configuration, and how it differs from the Plan that runs (as text; empty: none)."""
    try:
        built = (
            build_edge(reference, terminal=terminal, admin_socket=admin_socket)
            if isinstance(reference, Edge)
            else build(reference, terminal=terminal, admin_socket=admin_socket)
        )
        compiled = accept(built)
        check_with_engine(compiled, built)
    except ConfigError as error:
        return refuse(error)
    if running:
        changes = diff(read_plan(running), built.plan)
        compiled.changes = [change.as_json() for change in changes]
        compiled.changes_text = diff_text(changes)
    return compiled


def accept(built: Built) -> Compiled:
    return Compiled(
        plan=plan_json(built.plan),
        version=built.plan["version"],
        files=signatures(str(path) for path in built.files),
        watch=built.edge.watch,
        short=explain(built.plan).short(),
        warnings=[warning.as_json() for warning in built.warnings],
        warnings_text=format_problems(built.warnings) if built.warnings else "",
    )


def check_with_engine(compiled: Compiled, built: Built) -> None:
    """Builds the Plan as the engine does, without opening a socket: its word is the last one.

    A Plan can be made where no engine is built; whatever wants to run it there says so.
    """
    try:
        from ..engine import check
    except ModuleNotFoundError as error:
        if error.name != "glorieta._engine":
            raise
        return
    problems = located(built.edge, check(compiled.plan or ""))
    if problems:
        raise ConfigError(problems, files=built.files)


def refuse(error: ConfigError) -> Compiled:
    return Compiled(
        files=signatures(str(Path(path)) for path in error.files),
        problems=[problem.as_json() for problem in error.problems],
        problems_text=str(error),
    )


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # Threads that the user's code has left running must not keep this process alive.
    os._exit(code)
