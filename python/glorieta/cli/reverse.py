"""`glorieta reverse`: a reverse proxy in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .output import refuse_error


def reverse(
    bind: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to listen, such as :8080.")],
    routes: Annotated[
        list[str],
        typer.Argument(metavar="PATH=ADDRESS...", help="Where each path leads, such as /shop=localhost:3001."),
    ],
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a configuration file first, and serve that.")
    ] = None,
) -> None:
    """Put several services behind one address, without a configuration file.

    The path is taken off before forwarding and put back into redirects and cookies. --save writes the same as
    YAML, to go on from.

    \b
    Examples:
      glorieta reverse :8080 /service1=localhost:3001 /service2=localhost:3002
      glorieta reverse :8080 /=localhost:3000 --save glorieta.yaml

    Exit codes: as `glorieta run`; 1 also when the file exists already
    """
    from ..config import ConfigError
    from ..config import reverse as make_reverse
    from .quick import serve_edge

    try:
        edge = make_reverse(bind, routes)
    except ConfigError as error:
        refuse_error(error, as_json=False)
    serve_edge(edge, save)
