"""`glorieta schema`: the JSON Schema of a configuration file, for editors."""

from __future__ import annotations

from .output import print_json


def schema() -> None:
    """Print the JSON Schema of a configuration file.

    Editors that know the YAML language server show names, types and texts while you write, with this as the
    file's first line:

    \b
      # yaml-language-server: $schema=glorieta.schema.json

    \b
    Examples:
      glorieta schema > glorieta.schema.json

    Exit codes: 0 printed
    """
    from ..config import schema as make_schema

    print_json(make_schema())
