"""`glorieta fmt`: the house's form of YAML files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..control.exits import ExitCode
from .options import DEFAULT_FILE, complete_reference
from .output import fail, refuse_error
from .streams import write_document

if TYPE_CHECKING:
    from ..config.errors import Problem

STANDARD = "-"


def fmt(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...",
            help="YAML files; - reads standard input and writes standard output.",
            show_default=DEFAULT_FILE,
            autocompletion=complete_reference,
        ),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; name the files that would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; show what would change.")] = False,
) -> None:
    """Write YAML files in one form: two blanks for each level, no quotes that nobody needs, one blank line at most.

    Comments, the order of keys, braces and long lines stay as they are, and so does what the file means: it is read
    again before it is written. A file is replaced in one step, so whoever reads it finds the old one or the new one.

    \b
    Examples:
      glorieta fmt
      glorieta fmt glorieta.yaml teams/*.yaml
      glorieta fmt --check --diff glorieta.yaml
      glorieta fmt - < glorieta.yaml

    Exit codes: 0 formatted, or they are already · 1 with --check: some would change; a file cannot be written · 2 a
    file is no YAML, and stays as it is
    """
    from ..config import ConfigError

    problems: list[Problem] = []
    changed = False
    for name in files or [DEFAULT_FILE]:
        try:
            before, after = both(name)
        except ConfigError as error:
            problems += error.problems
            continue
        changed |= before != after
        if diff:
            print_diff(name, before, after)
        elif not check:
            put(name, before, after)
        if check and before != after:
            print(f"{shown(name)} would change", file=sys.stderr if diff else sys.stdout)
    if problems:
        refuse_error(ConfigError(problems), as_json=False)
    if check and changed:
        raise typer.Exit(ExitCode.FAILED)


def shown(name: str) -> str:
    return "standard input" if name == STANDARD else name


def both(name: str) -> tuple[str, str]:
    """A file's text as it is, and as it should be."""
    from ..config.formatting import format_text
    from ..config.reading import decode, read_text

    before = decode(sys.stdin.buffer.read(), shown(name)) if name == STANDARD else read_text(Path(name), name)[0]
    return before, format_text(before, shown(name))


def print_diff(name: str, before: str, after: str) -> None:
    from difflib import unified_diff

    for line in unified_diff(lines_of(before), lines_of(after), shown(name), f"{shown(name)} (formatted)"):
        write_document(line if line.endswith("\n") else f"{line}\n\\ no newline at the end\n")


def lines_of(text: str) -> list[str]:
    """Lines with their ends, of which only a newline is one."""
    *lines, last = text.split("\n")
    return [*(f"{line}\n" for line in lines), *([last] if last else [])]


def put(name: str, before: str, after: str) -> None:
    """Writes what has changed."""
    from .replacing import replace_text

    if name == STANDARD:
        write_document(after)
    elif before != after:
        try:
            replace_text(Path(name), after)
        except OSError as error:
            fail(f"{name} cannot be written: {error.strerror or error}")
        print(f"{name} formatted")
