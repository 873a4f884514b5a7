"""The PROXY protocol: proxies that say in front of a connection whose it is, and endpoints that are told so."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from .address import Network
from .base import OFF, TEXT, Noun, Shorthand, Switch, as_list, off_is_none, one_of

NETWORKS = {"type": "array", "items": TEXT}


def expand_proxy_protocol(value: Any) -> Any:
    """Networks alone; `off`: none."""
    value = off_is_none(value)
    return {"trusted": value} if isinstance(value, str | list | tuple) else value


class ProxyProtocol(Noun):
    """Proxies in front whose connections begin with a PROXY header (version 1 or 2), which says who the client is. Text
    or a list means `{trusted: …}`."""

    trusted: Annotated[list[Network], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Networks (CIDR) of these proxies. Each of their connections must begin with a header, as must those through a
    Unix socket; one that does not is closed. A header of anybody else is never believed. Required."""
    required: Switch = True
    """Whether connections from elsewhere are closed at once. `off`: they are served, as those of whoever makes them."""


ProxyProtocolValue = Annotated[ProxyProtocol | None, Shorthand(expand_proxy_protocol, (TEXT, NETWORKS, OFF), off=True)]
ProxyVersion = Annotated[Annotated[str, one_of("v1", "v2")] | None, Shorthand(off_is_none, (OFF,), off=True)]
