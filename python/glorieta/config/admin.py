"""The admin address: liveness, readiness, metrics and the read-only view."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from .address import UNIX, Bind, check_socket_path
from .base import TEXT, Noun, Shorthand, Switchable, as_list, checked_text, off_as_text
from .errors import Wrong
from .match import HostText

ADDRESS = "127.0.0.1:9900"
AUTO = "auto"


def check_admin_address(text: str) -> str:
    if text.startswith((UNIX, "systemd:")):
        raise Wrong(f'"{text}" is no TCP address', "write socket: for a Unix socket")
    return text


def check_admin_socket(text: str) -> str:
    """`auto`, `off` or a path."""
    if text in (AUTO, "off"):
        return text
    return check_socket_path(text if text.startswith(UNIX) else UNIX + text).removeprefix(UNIX)


def expand_admin(value: Any) -> Any:
    """An address alone, or a socket alone."""
    if isinstance(value, str):
        return {"socket": value.removeprefix(UNIX)} if value.startswith(UNIX) else {"address": value}
    return value


class Admin(Noun):
    """Where `/livez`, `/readyz`, `/metrics` and the read-only JSON view are served. Nothing there changes
    anything. Text means `{address: text}`."""

    address: Annotated[Annotated[Bind, checked_text(check_admin_address)] | None, Switchable] = ADDRESS
    """A TCP address. Written, it must be free; left out, it is 127.0.0.1:9900 if that is free. `off`: none."""
    socket: Annotated[str, checked_text(check_admin_socket), Shorthand(off_as_text)] = AUTO
    """A Unix socket's path, relative to the file in which this stands. `auto`: one found from the configuration's
    path. `off`: none."""
    hosts: Annotated[list[HostText], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Values of `Host` that are allowed beside addresses and `localhost` (against DNS rebinding)."""


AdminValue = Annotated[Admin, Shorthand(expand_admin, (TEXT,))]
