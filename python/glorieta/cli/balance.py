"""`glorieta balance`: a load balancer in one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .output import refuse_error


def balance(
    bind: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to listen, such as :1025.")],
    endpoints: Annotated[
        list[str], typer.Argument(metavar="ENDPOINT...", help="Equal servers: smtp1:25, or http://localhost:3001.")
    ],
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it as a configuration file first, and serve that.")
    ] = None,
) -> None:
    """Spread connections or requests over equal servers, without a configuration file.

    A bare host:port is balanced at layer 4: connections of any protocol, unread. http://host:port is balanced at
    layer 7: request by request.

    \b
    Examples:
      glorieta balance :1025 smtp1:25 smtp2:25
      glorieta balance :8080 http://localhost:3001 http://localhost:3002 --save glorieta.yaml

    Exit codes: as `glorieta run`; 1 also when the file exists already
    """
    from ..config import ConfigError
    from ..config import balance as make_balance
    from .quick import serve_edge

    try:
        edge = make_balance(bind, endpoints)
    except ConfigError as error:
        refuse_error(error, as_json=False)
    layer4 = edge.listeners["balance"].protocol == "tcp"
    print("layer 4: connections (tcp)" if layer4 else "layer 7: requests (http)", file=sys.stderr)
    serve_edge(edge, save)
