"""`glorieta reload`: has a running glorieta read its configuration again, and tells how it went."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .options import AsJson, Files, Reference, references_of
from .output import print_json, refuse_with


def reload(
    reference: Reference = None,
    files: Files = None,
    as_json: AsJson = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the result.", min=1.0)] = 90.0,
) -> None:
    """Have the running glorieta read this configuration again, and wait for the result.

    It is applied whole or not at all. A refused one changes nothing: the old plan stays. No request is lost, no
    kept-alive connection dropped, no WebSocket or tunnel cut.

    The running one is found by the files (or MODULE:OBJECT and folder) that it was started with.

    \b
    Examples:
      glorieta reload
      glorieta reload /etc/glorieta/glorieta.yaml --json
      glorieta reload -f base.yaml -f prod.yaml

    Exit codes: 0 applied, or nothing had changed · 1 nothing runs, or no answer in time · 2 refused
    """
    from .running import answer_of

    references = references_of(reference, files)
    late = "; the reload may still go on"
    answer = answer_of(references, {"do": "reload"}, timeout, as_json, late=late, refused="not reloaded")
    text = str(answer.pop("text", ""))
    if answer["result"] == "refused":
        refuse_with(answer, f"{text}\nrefused; plan {answer['version']} stays", as_json)
    if as_json:
        print_json(answer)
    elif answer["result"] == "unchanged":
        print(f"nothing has changed; plan {answer['version']} is running")
    elif answer["result"] == "secrets":
        print(f"secrets read anew; plan {answer['version']} is running")
    else:
        print(text or "applied", file=sys.stdout)
        print(f"plan {answer['version']} is running")
