"""`glorieta run`: compiles a configuration and serves it."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Files, Reference, references_of


def run(
    reference: Reference = None,
    files: Files = None,
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", help="Apply changes of the configuration's files as they are made.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Say what happens as JSON lines on standard error.")] = False,
) -> None:
    """Serve a configuration until Ctrl-C or SIGTERM.

    It is applied anew when its files change, those that it includes among them, on SIGHUP and by `glorieta reload`:
    whole or not at all, and without losing a request. A refused change is said, and what runs goes on. `glorieta
    rollback` brings back what ran before.

    On a terminal the access log is one line for a person; otherwise JSON lines; both on standard output, unless
    the configuration says something else. What glorieta itself has to say goes to standard error.

    \b
    Signals:
      SIGHUP   reload                    SIGTERM  finish what is under way, then end
      SIGUSR1  reopen log files          Ctrl-C   the same; at once when idle; a second one cuts

    \b
    Examples:
      glorieta run
      glorieta run /etc/glorieta/glorieta.yaml --no-watch
      glorieta run -f base.yaml -f prod.yaml
      glorieta run shop.edge:edge

    Exit codes: 0 ended as asked · 1 failed · 2 the configuration is refused · 130 a second Ctrl-C cut something
    """
    from .serving import serve

    serve(references_of(reference, files), watch=watch, as_json=as_json)
