"""Arguments and options that mean the same in every command."""

from __future__ import annotations

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
    str,
    typer.Argument(
        metavar="FILE|MODULE:OBJECT",
        help="A YAML file, or an Edge in Python such as shop.edge:edge.",
        show_default=True,
        autocompletion=complete_reference,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program, errors included.")]
