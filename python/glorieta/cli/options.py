"""Arguments and options that mean the same in every command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_FILE = "glorieta.yaml"


def complete_reference(incomplete: str) -> list[str]:
    """YAML files and folders, for the shell."""
    folder, _, beginning = incomplete.rpartition("/")
    where = Path(folder or ("/" if incomplete.startswith("/") else "."))
    found = []
    for entry in sorted(where.iterdir()) if where.is_dir() else []:
        if entry.name.startswith(beginning) and (beginning or not entry.name.startswith(".")):
            name = f"{folder}/{entry.name}" if "/" in incomplete else entry.name
            if entry.is_dir():
                found.append(f"{name}/")
            elif entry.suffix in (".yaml", ".yml"):
                found.append(name)
    return found


Reference = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE|MODULE:OBJECT",
        help="A YAML file, or an Edge in Python such as shop.edge:edge.",
        show_default=DEFAULT_FILE,
        autocompletion=complete_reference,
    ),
]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="A file, too; several: each is laid over those before it, as -f base.yaml -f prod.yaml.",
        autocompletion=complete_reference,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program, errors included.")]
NoSecrets = Annotated[
    bool,
    typer.Option("--no-secrets", help="Leave unchecked what variables and files that are not at hand would say."),
]
Strict = Annotated[bool, typer.Option("--strict", help="Fail on warnings, too.")]


def references_of(positional: str | None, files: Sequence[str] | None) -> tuple[str, ...]:
    """What a command was given, the base first: its argument, then each `-f`; neither means `glorieta.yaml`."""
    given = (*((positional,) if positional else ()), *(files or ()))
    return given or (DEFAULT_FILE,)
