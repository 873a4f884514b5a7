"""Which own listener answers at an endpoint's address, as far as that is certain on every machine."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from ...config.address import UNIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model import Listener

LOOPBACK4, LOOPBACK6 = "127.0.0.1", "::1"
BOTH_FAMILIES = ("*", "::")
IPV4_ONLY = "0.0.0.0"

Bound = dict[tuple[str, str], "Listener"]
"""Host and port, in their one form → the listener there."""


def bound_by(listeners: Iterable[Listener], *, udp: bool = False) -> Bound:
    """Everything that is listened to, by UDP or for connections; not port 0, nor systemd's sockets, whose addresses are
    not known."""
    found: Bound = {}
    for listener in (each for each in listeners if (each["protocol"] == "udp") == udp):
        for bind in listener["bind"]:
            host, port = plain(bind)
            # The socket of a name has its first address, which for localhost is that of IPv4.
            host = LOOPBACK4 if host == "localhost" else host
            if port != "0":
                found.setdefault((host, port), listener)
    return found


def listener_at(address: str, bound: Bound) -> Listener | None:
    """The own listener to which an endpoint's address leads."""
    host, port = plain(address)
    return next((bound[each, port] for each in sockets(host) if (each, port) in bound), None)


def sockets(host: str) -> Iterator[str]:
    """What is listened to where a connection to this host ends, the nearest first."""
    if host == "localhost":
        # The engine tries IPv4 first, and IPv6 where nobody is.
        yield from sockets(LOOPBACK4)
        yield from sockets(LOOPBACK6)
        return
    yield host
    if host.startswith("127."):
        yield IPV4_ONLY
    if host.startswith("127.") or host == LOOPBACK6:
        yield from BOTH_FAMILIES


def plain(address: str) -> tuple[str, str]:
    """Host and port in one form, whoever wrote them; a Unix socket has no port."""
    if address.startswith(UNIX):
        return address, ""
    host, _, port = address.rpartition(":")
    if host.startswith("["):
        version6 = ipaddress.IPv6Address(host[1:-1])
        host = str(version6.ipv4_mapped or version6)
    return host.lower().removesuffix("."), port.lstrip("0") or "0"
