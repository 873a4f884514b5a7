"""Where a document's paths begin: what stands before a router's own paths, for whoever asks from outside."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..request import Request

PREFIX = "x-forwarded-prefix"
"""What proxies in front have taken off the path. The engine lets only trusted ones say it."""
USABLE = re.compile(r"(?:/(?!/)[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")
"""A path and nothing else: `//host` would be another server."""


def server_of(request: Request) -> str | None:
    """The prefix below which the request's router was asked; none: its paths are whole."""
    prefix = f"{before(request.headers.get(PREFIX, ''))}{own_prefix(request)}"
    return prefix or None


def before(said: str) -> str:
    """What proxies have said, if it is a path."""
    return said.rstrip("/") if USABLE.fullmatch(said) else ""


def own_prefix(request: Request) -> str:
    """What the configuration strips: the request's path without as many segments as the route has."""
    segments = request.transport.start.path.split("/")
    return "/".join(segments[: len(segments) - request.route.path.written.count("/")])
