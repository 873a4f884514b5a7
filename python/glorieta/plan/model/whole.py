"""The Plan as a whole."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from .acme import Acme
from .listener import Listener
from .target import Handler
from .upstream import Upstream

FORMAT = 1
"""As `glorieta_plan::FORMAT`: the engine reads no other."""


class Group(TypedDict):
    id: str
    listener: str
    roles: list[str]
    owner: str | None
    client: str | None


class Admin(TypedDict):
    address: str | None
    required: bool
    socket: str | None
    hosts: list[str]


class AccessLog(TypedDict):
    to: str | dict[str, str]
    """`off`, `stdout`, `stderr` or `{"file": PATH}`."""
    format: str | dict[str, str]
    """`json`, `combined`, `human` or `{"template": TEXT}`."""
    queue: int


class Plan(TypedDict):
    format: int
    version: str
    workers: int | None
    listeners: list[Listener]
    groups: list[Group]
    upstreams: list[Upstream]
    handlers: NotRequired[list[Handler]]
    """Left out as long as there is none."""
    acme: NotRequired[Acme | None]
    """Left out as long as no certificate is ordered."""
    admin: Admin
    access_log: AccessLog
    drain_ms: int
    server_name: str | None
