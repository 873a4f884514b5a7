"""`glorieta explain`: what a configuration is, in the words of the roles."""

from __future__ import annotations

from .options import DEFAULT_FILE, AsJson, Reference
from .output import print_json, print_warnings, refuse_error


def explain(reference: Reference = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Show listeners, groups with their roles, routes and where they lead.

    \b
    Examples:
      glorieta explain
      glorieta explain shop.edge:edge --json

    Exit codes: 0 explained · 2 the configuration is refused
    """
    from ..config import ConfigError, format_problems
    from ..plan import build
    from ..plan import explain as explain_plan

    try:
        built = build(reference)
    except ConfigError as error:
        refuse_error(error, as_json)
    explanation = explain_plan(built.plan)
    if as_json:
        print_json(explanation.as_json())
        return
    if built.warnings:
        print_warnings(format_problems(built.warnings))
    print(explanation.text())
