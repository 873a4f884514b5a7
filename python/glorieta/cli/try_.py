"""`glorieta try`: what would become of one request, told by the engine's own code; nothing is sent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..control.exits import ExitCode
from .options import AsJson, Files, NoSecrets, references_of
from .output import print_json, refuse_error, refuse_with
from .streams import code_to_standard_error

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 1 << 20
"""Characters of a file of certificates that are read."""
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"))


def try_(
    request: Annotated[
        list[str],
        typer.Argument(
            metavar="[METHOD] URL",
            help="http(s)://HOST[:PORT]/PATH; tcp://HOST:PORT or udp://HOST:PORT for layer 4. The method is GET, or "
            "POST with a body.",
            show_default=False,
        ),
    ],
    headers: Annotated[
        list[str] | None, typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="A header; may be repeated.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="ADDRESS", help="Whence it would come.", show_default="127.0.0.1")
    ] = None,
    body: Annotated[
        str | None, typer.Option(metavar="TEXT|@FILE|SIZE", help="Its body; of a size such as 10MiB only the length.")
    ] = None,
    certificate: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The certificate that its client would show, PEM; it counts as good."),
    ] = None,
    sni: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The name that it would ask for by TLS.", show_default="the URL's host"),
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(metavar="VERSION", help="HTTP/1.0, HTTP/2 or HTTP/3.", show_default="HTTP/1.1")
    ] = None,
    listener: Annotated[
        str | None, typer.Option(metavar="NAME", help="The listener, where the URL's port does not say it.")
    ] = None,
    files: Files = None,
    no_secrets: NoSecrets = False,
    as_json: AsJson = False,
) -> None:
    """Tell one request's way: listener, route and why it won, filters, upstream, endpoint, and what is sent.

    The engine's own code decides, over the configuration made ready as for running; nothing is opened or sent.
    Headers that are new are marked with +, changed ones with ~ and removed ones with -. What only the moment
    knows has no part in it: endpoints count as up and idle. Secrets are shown as they are referred to.

    \b
    Examples:
      glorieta try http://shop.example/service1/a
      glorieta try POST http://localhost:8080/upload --body 10MiB -H 'Content-Type: text/plain'
      glorieta try http://shop.example/ --from 203.0.113.7 -f base.yaml -f prod.yaml --json
      glorieta try tcp://:1025

    Exit codes: 0 forwarded or answered, whatever the status · 1 nothing listens there · 2 the configuration or the
    question is refused
    """
    from ..config import ConfigError

    try:
        question = asked(request, headers or [], source, body, listener)
        question["certificate"] = None if certificate is None else text_of(certificate)
        question |= {"sni": sni, "protocol": protocol}
        report = ask(references_of(None, files), question, not no_secrets)
    except ConfigError as error:
        refuse_error(error, as_json)
    except ValueError as error:
        refuse_with({"error": str(error)}, f"glorieta: {error}", as_json)
    if as_json:
        print_json(report)
    else:
        from .trying import lines

        print("\n".join(lines(report)))
    if report["outcome"] == "nothing":
        raise typer.Exit(ExitCode.FAILED)


def ask(references: Sequence[str], question: dict[str, Any], secrets: bool) -> dict[str, Any]:
    """What the engine says. `ConfigError`, `ValueError`."""
    from ..plan import build
    from .trial import trial_of

    with code_to_standard_error():
        built = build(references, secrets=secrets)
    return trial_of(built).ask(question)


def asked(
    words: Sequence[str], headers: Sequence[str], source: str | None, body: str | None, listener: str | None
) -> dict[str, Any]:
    """The question of a command line. `ValueError`."""
    if len(words) > 2:
        raise ValueError(f"{' '.join(words)}: write [METHOD] URL, and quote what has blanks")
    method, url = words if len(words) == 2 else ("GET" if body is None else "POST", words[0])
    # Methods are case-sensitive; whoever writes `get` means GET all the same.
    method = method.upper() if method.upper() in METHODS else method
    return {
        "method": method,
        # What follows # never leaves a client.
        "url": url.partition("#")[0],
        "headers": [header(text) for text in headers],
        "from": source,
        "body_bytes": None if body is None else length_of(body),
        "listener": listener,
    }


def header(text: str) -> list[str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise ValueError(f"{text!r} is no header; write 'NAME: VALUE'")
    return [name, value.strip(" \t")]


def text_of(file: str) -> str:
    """A file of certificates. `ValueError`."""
    try:
        with open(file, encoding="ascii", errors="replace") as opened:
            return opened.read(MOST)
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}") from None


def length_of(body: str) -> int:
    """How many bytes a body has: those of a file, of a size, or of the text itself."""
    from ..config.units import BYTES, SIZE, parse_size

    if body.startswith("@"):
        try:
            return os.stat(body[1:]).st_size
        except OSError as error:
            raise ValueError(f"{body[1:]}: {error.strerror}") from None
    found = SIZE.fullmatch(body)
    if found and found[2] in BYTES:
        return int(parse_size(body))
    return len(body.encode())
