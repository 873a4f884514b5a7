"""`glorieta explain`: what a configuration is, where its values come from, and a drawing of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import AsJson, Files, NoSecrets, Reference, references_of
from .output import fail, line_width, print_json, print_warnings, refuse_error
from .streams import code_to_standard_error, write_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..plan import Built

STANDARD = "-"


def explain(
    reference: Reference = None,
    files: Files = None,
    origin: Annotated[
        bool, typer.Option("--origin", help="Show every value with the file and line it is from.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="With --origin: only what stands there, such as upstreams.orders."),
    ] = None,
    svg: Annotated[
        str | None, typer.Option(metavar="FILE", help="Draw it into this file; - prints the drawing.")
    ] = None,
    no_secrets: NoSecrets = False,
    as_json: AsJson = False,
) -> None:
    """Show listeners, groups with their roles, routes and where they lead.

    With --origin it shows every value that holds, defaults included, and where it was said: file, line and column,
    `default`, or another place that says it for several, such as (defaults.route) or (listener web). A value from the
    environment or from a file is shown as the reference to it. --at narrows it down to one object, or one value.

    With --svg it draws listeners, groups, upstreams and endpoints, for a wiki. A configuration of NGINX is explained,
    too; with what of it has no twin here.

    \b
    Examples:
      glorieta explain
      glorieta explain shop.edge:edge --json
      glorieta explain -f base.yaml -f prod.yaml --origin --at upstreams.orders
      glorieta explain --svg edge.svg

    Exit codes: 0 explained · 1 there is nothing at PATH, or the drawing cannot be written · 2 the configuration is
    refused
    """
    from ..config import ConfigError
    from .explaining import explain_foreign

    origin = origin or at is not None
    if svg is not None and (origin or as_json):
        raise typer.BadParameter("--svg draws; leave --origin, --at and --json out")
    references = references_of(reference, files)
    foreign = is_foreign(references)
    if foreign and svg is None and not origin:
        explain_foreign(references[0], as_json)
        return
    if foreign and origin:
        fail(f"{references[0]} is not glorieta's; `glorieta import` makes a file whose values have places", as_json)
    try:
        built = build_any(references, foreign, secrets=not no_secrets)
    except ConfigError as error:
        refuse_error(error, as_json)
    if not as_json:
        warn(built, told=svg is None and not origin)
    if svg is not None:
        write_drawing(built, svg, " ".join(references))
    elif origin:
        print_origins(built, references, at, as_json)
    else:
        print_explanation(built, as_json)


def is_foreign(references: Sequence[str]) -> bool:
    """Whether this is another program's configuration."""
    from ..importers import recognise

    return len(references) == 1 and recognise(references[0]) is not None


def build_any(references: Sequence[str], foreign: bool, *, secrets: bool) -> Built:
    """Glorieta's own configuration, or another program's (`foreign`) that is translated."""
    from ..importers import import_file
    from ..plan import build, build_edge

    if foreign:
        # Another program's certificates may not be here, nor ours to read.
        return build_edge(import_file(references[0]).edge, secrets=False)
    with code_to_standard_error():
        return build(references, secrets=secrets)


def warn(built: Built, *, told: bool) -> None:
    """Says what is not said anyway: confusions are `told` where everything is explained."""
    from ..config import format_problems

    warnings = [problem for problem in built.warnings if not (told and problem.code)]
    if warnings:
        print_warnings(format_problems(warnings))


def print_explanation(built: Built, as_json: bool) -> None:
    from ..plan import explain as explain_plan

    explanation = explain_plan(built)
    if as_json:
        print_json(explanation.as_json())
    else:
        print(explanation.text(line_width()))


def print_origins(built: Built, references: Sequence[str], at: str | None, as_json: bool) -> None:
    from ..plan.origin import origins

    everything = origins(built.edge, built.plan, references[1:])
    found = everything.at(at) if at is not None else everything
    if not found.values:
        fix = everything.nearest(at or "")
        fail(f"there is nothing at {at}{f'; {fix}' if fix else ''}", as_json)
    if as_json:
        print_json(found.as_json())
    else:
        print(found.text())


def write_drawing(built: Built, file: str, name: str) -> None:
    from ..plan.drawing import draw

    text = draw(built.plan, name)
    if file == STANDARD:
        write_document(text)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror or error}")
    print(f"drawn into {file}")
