"""`glorieta plan`: what a reload would change and what it would cost; or the Plan itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Files, Reference, references_of
from .output import fail, print_json, print_warnings, refuse
from .streams import code_to_standard_error, write_document
from .surviving import surviving

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..control.compiled import Compiled
    from ..plan import Plan


def plan(
    reference: Reference = None,
    files: Files = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the Plan itself, as `glorieta-engine` runs it; errors as JSON too.")
    ] = False,
    changes: Annotated[
        bool, typer.Option("--changes", help="Print as JSON what would be different and lost after a reload.")
    ] = False,
) -> None:
    """Show what would change in the running glorieta (+ new, − gone, ~ changed), without changing it.

    Below that it says what would be lost: connections that end, and pools, health or counts that begin anew. Where
    nothing runs, everything is new. With --json, print the Plan: the configuration with every default filled in, in
    the form that the engine runs.

    \b
    Examples:
      glorieta plan
      glorieta plan -f base.yaml -f prod.yaml
      glorieta plan --changes
      glorieta plan --json > plan.json && glorieta-engine plan.json

    Exit codes: 0 shown · 1 the running one does not answer · 2 the configuration is refused
    """
    references = references_of(reference, files)
    if as_json:
        print_plan(references)
    else:
        print_changes(references, changes)


def print_plan(references: Sequence[str]) -> None:
    """For another machine or process: no terminal and no socket of this one."""
    from ..control.child import compile_reference

    with code_to_standard_error():
        compiled = surviving(lambda: compile_reference(references))
    if compiled.plan is None:
        refuse(compiled, as_json=True)
    write_document(f"{compiled.plan}\n")


def print_changes(references: Sequence[str], as_json: bool) -> None:
    from ..control.child import compile_reference
    from ..plan import read_plan
    from .running import ask_running

    try:
        running = ask_running(references, {"do": "plan"}) or {}
    except TimeoutError:
        fail("the running glorieta does not answer", as_json)
    before = read_plan(running["plan"]) if running else None
    # Compiled as for the running one: what it decides by its terminal is no change.
    with code_to_standard_error():
        compiled = surviving(
            lambda: compile_reference(
                references,
                lambda: before,
                terminal=bool(running.get("terminal")),
                admin_socket=running.get("admin_socket"),
                short=not running and not as_json,
            )
        )
    if compiled.refused:
        refuse(compiled, as_json)
    if before is None:
        print_new(compiled, as_json)
    else:
        print_difference(compiled, before, running, as_json)


def print_new(compiled: Compiled, as_json: bool) -> None:
    if as_json:
        nothing: dict[str, Any] = {"changes": [], "lost": [], "at_next_start": []}
        print_json({"running": None, "rolled_back": False, "version": compiled.version, **nothing})
    else:
        print_warnings(compiled.warnings_text)
        print(f"nothing runs this configuration: all of it would be new\n{compiled.short}")


def print_difference(compiled: Compiled, before: Plan, running: dict[str, Any], as_json: bool) -> None:
    from ..plan import at_next_start, lost, lost_text, read_plan

    after = read_plan(compiled.plan or "")
    view = json.loads(running["load"]) if running.get("load") else None
    losses, later = lost(before, after, view), at_next_start(before, after)
    if as_json:
        print_json(
            {
                "running": running["version"],
                "rolled_back": bool(running.get("rolled_back")),
                "version": compiled.version,
                "changes": compiled.changes,
                "lost": [loss.as_json() for loss in losses],
                "at_next_start": later,
            }
        )
        return
    print_warnings(compiled.warnings_text)
    if running.get("rolled_back"):
        print(f"rolled back to plan {running['version']}: files differ; `glorieta reload` applies them")
    if not compiled.changes_text:
        print(f"nothing would change; plan {compiled.version} is running")
        return
    print(compiled.changes_text, *later, lost_text(losses), sep="\n")
