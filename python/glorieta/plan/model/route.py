"""Routes, and what they match."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from .target import Mirror, Target

HostMatch = str | dict[str, str]
"""`any`, `{"exact": NAME}` or `{"wildcard": NAME}`."""
PathMatch = str | dict[str, str]
"""`any` (what no other path takes), or one of `exact`, `prefix`, `parameters` and `regex`."""
Filter = dict[str, Any]
"""One of `compress`, `addresses`, `max_body`, `decompress`, `grpc_web` and `headers`."""


class ValueMatch(TypedDict):
    name: str
    value: str | dict[str, str]
    """`present`, `absent`, or one of `exact`, `prefix` and `regex`."""


class Route(TypedDict):
    id: str
    name: str
    group: str | None
    hosts: list[HostMatch]
    path: PathMatch
    methods: list[str]
    headers: list[ValueMatch]
    query: list[ValueMatch]
    priority: int
    merge_slashes: bool
    target: Target
    filters: list[Filter]
    deadline_ms: int | None
    words: NotRequired[list[ValueMatch]]
    """Left out where nothing is asked."""
    mirror: NotRequired[Mirror | None]
    """Left out where nobody gets a copy."""
