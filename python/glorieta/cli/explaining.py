"""`glorieta explain` for another program's file: what it would be here, and what of it has no twin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .output import line_width, print_json, refuse_error

if TYPE_CHECKING:
    from ..importers import Imported


def explain_foreign(reference: str, as_json: bool) -> bool:
    """Explains a file that is not glorieta's own; false, where it is."""
    from ..importers import import_file, recognise

    program = recognise(reference)
    if program is None:
        return False
    from ..config import ConfigError
    from ..plan import build_edge
    from ..plan import explain as explain_plan

    try:
        imported = import_file(reference)
        explanation = explain_plan(build_edge(imported.edge))
    except ConfigError as error:
        refuse_error(error, as_json)
    if as_json:
        print_json({**explanation.as_json(), "from": program, "notes": [note.as_json() for note in imported.notes]})
        return True
    print(explanation.text(line_width()))
    print_notes(imported)
    return True


def print_notes(imported: Imported) -> None:
    """The notes, after what is explained, and how to get the YAML."""
    print(f"\n{imported.text()}")
    print("glorieta import writes it as YAML", file=sys.stderr)
