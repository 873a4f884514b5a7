"""`glorieta dev`: `glorieta run`, and a page that shows what handlers did with the last requests."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .options import Files, Reference, references_of

PORT = 9901


def dev(
    reference: Reference = None,
    files: Files = None,
    port: Annotated[
        int, typer.Option("--port", help="Where the page is, on this machine only; another one if it is taken.", min=0)
    ] = PORT,
) -> None:
    """Serve a configuration while its handlers are being written.

    As `glorieta run`: changed files are applied as they are saved, those of Python as well, and the old code serves
    until the new one imports cleanly; a traceback begins with your own lines. Beside it a page shows the last hundred
    requests of handlers: each call, its upstream, how long it took, and what was cancelled.

    Not for production: what requests were stands on the page, with their queries.

    \b
    Examples:
      glorieta dev
      glorieta dev -f base.yaml -f dev.yaml --port 9999

    Exit codes: as `glorieta run`
    """
    from ..control.dev.starting import HOST, start
    from .serving import serve

    try:
        said = f"requests of handlers at http://{HOST}:{start(port)}/"
    except OSError as error:
        said = f"there is no page with the requests of handlers: {error.strerror or error}"
    print(f"glorieta: {said}", file=sys.stderr, flush=True)
    serve(references_of(reference, files), watch=True)
