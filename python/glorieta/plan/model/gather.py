"""Answers that are made of several."""

from __future__ import annotations

from typing import Any, TypedDict

from .upstream import UpstreamTimeouts


class GatherShape(TypedDict):
    pick: str | None
    select: list[str]
    drop: list[str]
    rename: list[list[str]]
    """Pairs of path and name."""
    flatten: list[str]


class GatherPart(TypedDict):
    name: str
    upstream: str
    host: str | dict[str, str]
    """As in `ProxyTarget`."""
    timeouts: UpstreamTimeouts
    retries: int
    method: str
    path: str
    query: list[list[str]]
    """Pairs of name and template."""
    headers: list[list[str]]
    forward: list[str]
    body: str | dict[str, Any]
    """`none`, `request` or `{"json": VALUE}`."""
    timeout_ms: int | None
    after: list[str]
    need: str | dict[str, Any]
    """`required`, `optional`, `{"default": VALUE}` or `shadow`."""
    reads: str
    shape: GatherShape
    nest: str | None


class GatherTarget(TypedDict):
    parts: list[GatherPart]
    deadline_ms: int | None
    conflict: str
    shape: GatherShape
    report: str | None
    head: str | None
    max_bytes: int
