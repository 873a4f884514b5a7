"""What answers a request: an upstream (`to:`), Python (`handler:`, `asgi:`), several upstreams (`gather:`), a redirect,
a fixed response, or files."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from .base import TEXT, Noun, Shorthand, Switch, Switchable, checked_text, whole
from .compression import Beside
from .errors import Wrong
from .match import check_path
from .text import HeaderTemplate, LocationTemplate, ResponseHeader, Template

TARGETS = ("to", "split", "handler", "asgi", "gather", "redirect", "respond", "files")
"""What stands in a route, group or listener: one of these."""
REDIRECTS = (301, 302, 303, 307, 308)
WITHOUT_BODY = (204, 304)


def expand_redirect(value: Any) -> Any:
    return {"location": value} if isinstance(value, str) else value


def expand_respond(value: Any) -> Any:
    """A status alone, or a body alone."""
    if isinstance(value, int) and not isinstance(value, bool):
        return {"status": value}
    if isinstance(value, str):
        return {"status": value} if re.fullmatch(r"[0-9]{1,9}", value) else {"body": value}
    return value


def expand_files(value: Any) -> Any:
    return {"root": value} if isinstance(value, str) else value


def check_redirect_status(value: Any) -> int:
    text = str(value)
    if text not in map(str, REDIRECTS):
        raise Wrong(f'"{text}" is no status of a redirect', f"write {', '.join(map(str, REDIRECTS[:-1]))} or 308")
    return int(text)


def check_file_name(text: str) -> str:
    if not text or "/" in text or text in (".", ".."):
        raise Wrong(f'"{text}" is no file name', "write a name, such as index.html")
    return text


def check_fallback(text: str) -> str:
    path = check_path(text if text.startswith("/") else f"/{text}")
    if "*" in path or "{" in path:
        raise Wrong(f'"{text}" is not one file', "write a path below the root, such as /index.html")
    return path


class Redirect(Noun):
    """An answer that names another address."""

    location: LocationTemplate = ""
    """Where to: a path or a URL; a template, such as `https://shop.example${path}`."""
    status: Annotated[int, Shorthand(check_redirect_status)] = 302
    """301, 302, 303, 307 or 308."""


class Respond(Noun):
    """A fixed answer."""

    status: Annotated[int, whole(200, 599)] = 200
    """The status, 200 to 599."""
    headers: dict[ResponseHeader, HeaderTemplate] = Field(default_factory=dict)
    """Headers by name; templates. A body without `content-type` is `text/plain; charset=utf-8`."""
    body: Template = ""
    """The body; a template."""


class Files(Noun):
    """Files of a folder, with ranges, ETags and an index. Nothing outside of the folder is ever served."""

    root: str = ""
    """The folder; relative to the file in which this stands."""
    index: Annotated[Annotated[str, checked_text(check_file_name)] | None, Switchable] = "index.html"
    """The file that is served for a folder; `off`: folders are 404."""
    fallback: Annotated[str, checked_text(check_fallback)] | None = None
    """The file, below the root, that is served with 200 where nothing is found, such as `/index.html` for an
    application with routes of its own. Left out: 404."""
    hidden: Switch = False
    """Whether names that begin with a dot are served."""
    precompressed: Beside = Field(default_factory=list)
    """Files compressed beforehand that lie beside others: `app.js.br`, `app.js.zst`, `app.js.gz`. They are served
    instead to clients that take them so. `br`, `zstd`, `gzip`, in the order in which they are preferred; `on`: all
    three."""


STATUS = {"type": "integer", "minimum": 200, "maximum": 599}
RedirectValue = Annotated[Redirect, Shorthand(expand_redirect, (TEXT,))]
RespondValue = Annotated[Respond, Shorthand(expand_respond, (STATUS, TEXT))]
FilesValue = Annotated[Files, Shorthand(expand_files, (TEXT,))]
