"""How commands print: results to standard output, trouble to standard error, JSON for programs."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING, Any, NoReturn

import typer

from ..control.exits import ExitCode
from .streams import write_document

if TYPE_CHECKING:
    from ..config import ConfigError
    from ..control.compiled import Compiled


def print_json(document: Any) -> None:
    write_document(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


NARROWEST, WIDEST = 80, 110


def line_width() -> int:
    """How long lines may be: what a terminal has room for, within what reads well."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDEST
    return min(max(columns, NARROWEST), WIDEST)


def refuse(compiled: Compiled, as_json: bool) -> NoReturn:
    """Says everything that is wrong with a configuration, and ends."""
    refuse_with({"problems": compiled.problems}, compiled.problems_text, as_json)


def refuse_error(error: ConfigError, as_json: bool) -> NoReturn:
    refuse_with(error.as_json(), str(error), as_json)


def refuse_with(document: dict[str, Any], text: str, as_json: bool) -> NoReturn:
    if as_json:
        print_json(document)
    else:
        print(text, file=sys.stderr)
    raise typer.Exit(ExitCode.REFUSED)


def fail(message: str, as_json: bool = False, **facts: Any) -> NoReturn:
    """Says why it could not be done, and ends."""
    if as_json:
        print_json({"error": message, **facts})
    else:
        print(f"glorieta: {message}", file=sys.stderr)
    raise typer.Exit(ExitCode.FAILED)


def print_warnings(text: str) -> None:
    if text:
        print(text, file=sys.stderr)
