"""Where connections and datagrams go that nobody reads."""

from __future__ import annotations

from typing import TypedDict

from .route import HostMatch


class TcpTarget(TypedDict):
    route: str
    upstream: str
    idle_ms: int
    connect_ms: int
    allow: list[str]
    deny: list[str]


class NameTarget(TypedDict):
    name: HostMatch
    """`any` also takes who asks for no name."""
    route: str
    """The name in metrics and logs."""
    upstream: str


class TlsTarget(TypedDict):
    names: list[NameTarget]
    idle_ms: int
    connect_ms: int
    allow: list[str]
    deny: list[str]


class UdpTarget(TypedDict):
    route: str
    upstream: str
    session_ms: int
    responses: int | None
    """None: any number."""
    amplification: int
    """0: any."""
    allow: list[str]
    deny: list[str]
