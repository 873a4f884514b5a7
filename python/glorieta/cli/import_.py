"""`glorieta import`: another program's configuration as glorieta's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..control.exits import ExitCode
from .options import AsJson
from .output import fail, print_json, refuse_error
from .streams import write_document

if TYPE_CHECKING:
    from ..importers import Imported


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="An NGINX configuration; what it includes is read, too.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write the YAML there, if there is no such file."),
    ] = None,
    as_json: AsJson = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if a line has no twin or is not quite the same.")
    ] = False,
    whole_segments: Annotated[
        bool,
        typer.Option("--whole-segments", help="Read NGINX's `location /a` as /a and all below it, not as /ab, too."),
    ] = False,
) -> None:
    """Translate an NGINX configuration.

    The YAML goes to standard output, or into a file with -o. What has no twin, and what is not the same in every
    respect, is listed with its place at the top of the YAML and on standard error.

    \b
    Examples:
      glorieta import /etc/nginx/nginx.conf -o glorieta.yaml
      glorieta import shop.conf --strict

    Exit codes: 0 translated · 1 the output exists already, or --strict and not all of it is the same ·
    2 it is no NGINX configuration
    """
    from ..config import ConfigError
    from ..importers import import_file

    try:
        imported = import_file(file, whole_segments=whole_segments)
    except ConfigError as error:
        refuse_error(error, as_json)
    write(imported, output, as_json)
    if strict and imported.of("missing", "nearly"):
        raise typer.Exit(ExitCode.FAILED)


def write(imported: Imported, output: Path | None, as_json: bool) -> None:
    if output is not None:
        try:
            with output.open("x", encoding="utf-8") as target:
                target.write(imported.yaml)
        except FileExistsError:
            fail(f"{output} exists already; name another file, or remove it", as_json)
        except OSError as error:
            fail(f"{output} cannot be written: {error.strerror}", as_json)
    if as_json:
        print_json(imported.as_json())
        return
    if output is None:
        write_document(imported.yaml)
    print(imported.text(), file=sys.stderr)
