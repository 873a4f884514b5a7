"""Keys that are right, but not here: what other programs call it, or where glorieta has it."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from typing import Any

from .base import Noun
from .edge import Edge
from .errors import Path
from .group import Group
from .listener import Listener
from .route import Route, RouteDefaults
from .shapes import shape_of
from .target import TARGETS
from .upstream import Upstream

ELSEWHERE = {
    "listen": "bind",
    "address": "bind",
    "port": "bind",
    "backend": "to",
    "upstream": "to",
    "proxy_pass": "to",
    "target": "to",
    "servers": "endpoints",
    "hosts": "endpoints",
    "backends": "endpoints",
    "health_check": "health",
    "healthcheck": "health",
    "return": "respond",
    "root": "files",
    "access_log": "log",
    "ssl": "tls",
    "cert": "certificate",
    "ssl_certificate": "certificate",
    "ssl_certificate_key": "key",
    "private_key": "key",
    "ca": "authorities",
    "sni": "name",
}
"""What other programs call it."""


def belongs(path: Path, key: str, start: type[Noun] | None = Edge) -> str | None:
    """Where a key belongs that the noun at this path does not have: further in, or in its routes."""
    kind = noun_at(path, start)
    if kind is None:
        return None
    inner = {name: fields_of(item_of(bare(field.annotation))) for name, field in kind.model_fields.items()}
    # A target is what a route does, wherever else its word may stand.
    below = [name for name, fields in inner.items() if key in fields and key not in TARGETS]
    if below:
        return f"it belongs below {' or '.join(below)}"
    if issubclass(kind, Listener | Group | Upstream) and key in Route.model_fields:
        everywhere = ", or in defaults.route" if key in RouteDefaults.model_fields else ""
        return f"it belongs to routes: write it in a route{everywhere}"
    return None


def known_at(path: Iterable[str | int], start: type[Noun] | None = Edge) -> list[str]:
    """The keys of the noun at a path."""
    return list(fields_of(noun_at(path, start)))


def noun_at(path: Iterable[str | int], start: type[Noun] | None = Edge) -> type[Noun] | None:
    """The noun at a path within another; none where that is not known."""
    kind: Any = start
    for step in path:
        kind = inner(kind, step)
    return kind if isinstance(kind, type) and issubclass(kind, Noun) else None


def fields_of(kind: Any) -> Iterable[str]:
    return kind.model_fields if isinstance(kind, type) and issubclass(kind, Noun) else ()


def inner(kind: Any, step: str | int) -> Any:
    """The type of what stands one step further in."""
    if isinstance(kind, type) and issubclass(kind, Noun):
        return bare(kind.model_fields[str(step)].annotation)
    arguments = typing.get_args(kind)
    return bare(arguments[-1]) if arguments else kind


def item_of(kind: Any) -> Any:
    """The type of a list's items; any other type itself."""
    return bare(typing.get_args(kind)[0]) if typing.get_origin(kind) is list else kind


def bare(kind: Any) -> Any:
    """A type without what it is annotated with, and without `None`."""
    return shape_of(kind).kind
