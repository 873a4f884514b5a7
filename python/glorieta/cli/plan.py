"""`glorieta plan`: what a reload would change; or the Plan itself."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import DEFAULT_FILE, Reference
from .output import fail, print_json, print_warnings, refuse


def plan(
    reference: Reference = DEFAULT_FILE,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the Plan itself, as `glorieta-engine` runs it; errors as JSON too.")
    ] = False,
    changes: Annotated[
        bool, typer.Option("--changes", help="Print the changes as JSON: what would be different after a reload.")
    ] = False,
) -> None:
    """Show what would change in the running glorieta (+ new, - gone, ~ changed), without changing it.

    Where nothing runs, everything is new. With --json, print the Plan: the configuration with every default
    filled in, in the form that the engine runs.

    \b
    Examples:
      glorieta plan
      glorieta plan --changes
      glorieta plan --json > plan.json && glorieta-engine plan.json

    Exit codes: 0 shown · 1 the running one does not answer · 2 the configuration is refused
    """
    if as_json:
        print_plan(reference)
    else:
        print_changes(reference, changes)


def print_plan(reference: str) -> None:
    """For another machine or process: no terminal and no socket of this one."""
    from ..control.child import compile_reference

    compiled = compile_reference(reference)
    if compiled.plan is None:
        refuse(compiled, as_json=True)
    print(compiled.plan)


def print_changes(reference: str, as_json: bool) -> None:
    from ..control.child import compile_reference
    from .running import ask_running

    try:
        running = ask_running(reference, {"do": "plan"}) or {}
    except TimeoutError:
        fail("the running glorieta does not answer", as_json)
    # Compiled as for the running one: what it decides by its terminal is no change.
    compiled = compile_reference(
        reference,
        running.get("plan", ""),
        terminal=bool(running.get("terminal")),
        admin_socket=running.get("admin_socket"),
    )
    if compiled.refused:
        refuse(compiled, as_json)
    if as_json:
        print_json({"running": running.get("version"), "version": compiled.version, "changes": compiled.changes})
        return
    print_warnings(compiled.warnings_text)
    if not running:
        print(f"nothing runs this configuration: all of it would be new\n{compiled.short}")
    else:
        print(compiled.changes_text or f"nothing would change; plan {compiled.version} is running")
