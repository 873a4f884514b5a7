"""Routes: what a request must look like (`[METHOD] /path`, or a name with `match:`) and what then happens."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from pydantic import Field

from .accept import Accepted
from .base import (
    TEXT,
    Noun,
    OffIsZero,
    Shorthand,
    Switch,
    Switchable,
    checked_text,
    left_to_defaults,
    parse_switch,
    whole,
)
from .errors import Wrong
from .filter import Filters
from .gather import Gather
from .handler import AsgiValue, HandlerValue
from .match import MatchValue, check_host, check_method, check_path
from .mirror import MirrorValue
from .split import SplitValue
from .target import TARGETS, FilesValue, RedirectValue, RespondValue
from .text import RewriteTemplate
from .timeouts import RouteTimeouts
from .units import Timeout
from .values import Kept
from .words import referring

ROUTE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
WITH_METHOD = re.compile(r"(\S+)\s+(\S.*)")
ASTERISK = "*"
"""The target of `OPTIONS *`: the server itself (RFC 9110 §9.3.7)."""


@lru_cache(maxsize=32_768)
def read_route_key(key: str) -> tuple[str | None, str | None]:
    """Method and path that a route's key says; neither, where the key is a name."""
    if key.startswith(("/", "~")):
        return None, check_path(key)
    found = WITH_METHOD.fullmatch(key)
    if found:
        method, path = check_method(found[1]), found[2]
        if path == ASTERISK and method == "OPTIONS":
            return method, path
        return method, check_path(path)
    if ROUTE_NAME.fullmatch(key):
        return None, None
    if key == ASTERISK:
        raise Wrong('"*" is no path', 'write "/*" for every path')
    if "/" in key:
        raise Wrong(f'"{key}": a key has no host', f"write a name, and match: {key}")
    raise Wrong(f'"{key}" is neither a path nor a name', "write [METHOD] /path, or a name with match:")


def check_route_key(key: str) -> str:
    read_route_key(key)
    return key


def expand_route(value: Any) -> Any:
    return {"to": value} if isinstance(value, str) else value


def check_host_header(text: str) -> str:
    """`preserve`, `upstream`, or a name that replaces what the client sent."""
    if text in ("preserve", "upstream"):
        return text
    host, colon, port = text.partition(":")
    if colon and not re.fullmatch(r"[0-9]{1,5}", port):
        raise Wrong(f'"{text}" is no Host', "write preserve, upstream or a name")
    if check_host(host).startswith("*"):
        raise Wrong(f'"{text}" is no Host', "write preserve, upstream or a name")
    return text


def read_strip_prefix(value: Any) -> bool | str:
    """On, off, or the path that is taken off."""
    if isinstance(value, bool) or value in ("true", "on", "false", "off"):
        return parse_switch(value)
    if not isinstance(value, str):
        raise Wrong("true or a path is expected here", "write strip_prefix: true")
    path = check_path(value).rstrip("/")
    if not path or value.startswith("~") or "{" in path or "*" in path:
        raise Wrong(f'"{value}" is not one path', "write true, or the path that is taken off, such as /api")
    return path


class RouteDefaults(Noun):
    """What routes do where they do not say otherwise."""

    timeouts: RouteTimeouts = Field(default_factory=left_to_defaults(RouteTimeouts))
    """How long each step towards the upstream may take."""
    deadline: Annotated[Timeout | None, Switchable] = None
    """How long the whole request may take, a duration; `off` or left out: any time, as long as it moves."""
    retries: Annotated[int, whole(0, 10), OffIsZero] = 1
    """Further tries after the first, 0 to 10; only for requests that are idempotent or were not sent yet, and
    within the upstream's retry budget. `off`: none."""
    host: Annotated[str, checked_text(referring(check_host_header)), Kept] = "preserve"
    """The `Host` that the upstream sees: `preserve` (as the client sent it), `upstream` (the endpoint's own) or a
    name. What comes from outside is a name."""
    merge_slashes: Switch = False
    """Whether `//` in a request's path is `/` for this route."""
    mirror: MirrorValue = None
    """The upstream that gets a copy of the requests, whose answers nobody sees; `off` or left out: none does. The copy
    is what the route's own target gets, marked by `glorieta-mirror: ?1`; the client's request never waits for it."""


class Route(RouteDefaults):
    """One route: exactly one target, and what happens on the way. Text means `{to: text}`."""

    alternatives: ClassVar[tuple[frozenset[str], ...]] = (frozenset(TARGETS), frozenset({"strip_prefix", "rewrite"}))

    match: MatchValue | None = None
    """Which requests are meant, beside what the key says: host, path, method, headers, query."""
    to: str | None = None
    """The upstream that answers."""
    split: SplitValue | None = None
    """Share out the requests among several upstreams, such as a stable version and a canary:
    `{stable: 95, canary: 5}`."""
    handler: HandlerValue | None = None
    """A router in Python, `module:name` or `file.py:name`, whose routes lie below this route's path, which ends in
    `/*`. Its paths are whole paths; with `strip_prefix: true` they begin behind the prefix."""
    asgi: AsgiValue | None = None
    """An application by the ASGI standard; text means `{application: text}`. With `strip_prefix: true` it is told the
    prefix as its `root_path`."""
    gather: Gather | None = None
    """Make one answer of several upstreams'."""
    redirect: RedirectValue | None = None
    """Answer with another address."""
    respond: RespondValue | None = None
    """Answer with a fixed response."""
    files: FilesValue | None = None
    """Answer with files of a folder."""
    strip_prefix: Annotated[bool | str, Shorthand(read_strip_prefix)] = False
    """`true`: the route's prefix (`/a` of `/a/*`) is taken off before forwarding, told to the upstream in
    `X-Forwarded-Prefix`, and put back into `Location`, `Content-Location` and cookie paths. A path: that one."""
    rewrite: RewriteTemplate | None = None
    """A template that replaces the path for the upstream, such as `/v2/${path.id}`. The client's query follows, unless
    the template has one of its own; with nothing but a `?` at its end no query is sent."""
    priority: Annotated[int, whole(-1_000_000, 1_000_000)] = 0
    """Which of several regular expressions comes first: the higher. Other paths need none."""
    filters: Filters = Field(default_factory=left_to_defaults(Filters))
    """Filters of this route, merged over those of its group and listener."""
    accept: Accepted = Field(default_factory=dict)
    """Confusions that are known and meant here: the code of each, and why."""


RouteKey = Annotated[str, checked_text(check_route_key)]
RouteValue = Annotated[Route, Shorthand(expand_route, (TEXT,))]
