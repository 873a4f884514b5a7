"""`glorieta check`: everything that is wrong with a configuration, at once."""

from __future__ import annotations

from .options import DEFAULT_FILE, AsJson, Reference
from .output import print_json, print_warnings, refuse


def check(reference: Reference = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Say everything that is wrong with a configuration, each with its place and the fix.

    Nothing is started, opened or changed. The engine has the last word: the plan is built as it would be for
    running, only without sockets.

    \b
    Examples:
      glorieta check
      glorieta check /etc/glorieta/glorieta.yaml
      glorieta check shop.edge:edge --json

    Exit codes: 0 it can be run · 2 it cannot
    """
    from ..control.child import compile_reference

    compiled = compile_reference(reference)
    if compiled.refused:
        refuse(compiled, as_json)
    if as_json:
        print_json({"problems": [], "warnings": compiled.warnings, "version": compiled.version})
        return
    print_warnings(compiled.warnings_text)
    print(f"{reference}: no errors, plan {compiled.version}")
