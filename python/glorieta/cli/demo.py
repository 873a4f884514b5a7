"""`glorieta demo`: three services, one glorieta in front, load, and a kill in the middle."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer


def demo(
    seconds: Annotated[float, typer.Option(help="How long the load lasts.", min=2.0, max=60.0)] = 8.0,
    rate: Annotated[float, typer.Option(help="Requests per second, sent by the clock.", min=10.0, max=2000.0)] = 300.0,
    connections: Annotated[int, typer.Option(help="Connections of the load.", min=1, max=512)] = 48,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON and end.")] = False,
) -> None:
    """Show on this machine that an endpoint may die and no idempotent request fails.

    Starts three small HTTP services and glorieta with the reverse-proxy example, sends open-loop load and
    kills one service in the middle. Prints counts per instance, retries, and every POST that was cut. A second act
    asks two backends for frontends, and says what each called. Then everything stays up until Ctrl-C; with CI=true
    or --json it ends after its checks.

    Exit codes: 0 every check passed · 1 a check failed or something did not start · 130 Ctrl-C during the load.
    """
    from ..demo.example import DemoError
    from ..demo.story import Options, run

    gc.enable()
    stay = not as_json and os.environ.get("CI", "").lower() not in ("1", "true", "yes")
    try:
        code = run(Options(seconds, rate, connections, as_json, stay))
    except DemoError as problem:
        print(f"glorieta demo: {problem}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)
