"""`glorieta schema`: the JSON Schema of a configuration file, for editors, and of what commands print."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from .output import print_json


class Documented(StrEnum):
    """What has a schema."""

    configuration = "configuration"
    explain = "explain"


def schema(
    of: Annotated[
        Documented, typer.Option("--of", help="Of a configuration file, or of what `explain --json` prints.")
    ] = Documented.configuration,
) -> None:
    """Print the JSON Schema of a configuration file, or of an output.

    Editors that know the YAML language server show names, types and texts while you write, with this as the
    file's first line:

    \b
      # yaml-language-server: $schema=glorieta.schema.json

    \b
    Examples:
      glorieta schema > glorieta.schema.json
      glorieta schema --of explain

    Exit codes: 0 printed
    """
    if of is Documented.explain:
        from ..plan import explain_schema

        print_json(explain_schema())
        return
    from ..config import schema as make_schema

    print_json(make_schema())
