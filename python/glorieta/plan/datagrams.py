"""Listeners of layer 4 by UDP: what they lead to, and what has no meaning without connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.address import SYSTEMD, UNIX
from ..config.units import milliseconds
from .filters import Merged
from .targets import known_upstream

if TYPE_CHECKING:
    from ..config.errors import Path
    from ..config.listener import Listener as ListenerNoun
    from ..config.listener import ListenerDefaults
    from .compiling import Compiling
    from .model import UdpTarget, Upstream

CONNECTED = ("handshake", "connect", "idle")
"""Timeouts of what is connected."""
NO_CONNECTIONS = "datagrams have no connections"


def compile_udp(
    compiling: Compiling, name: str, noun: ListenerNoun, used: ListenerDefaults, upstreams: dict[str, Upstream]
) -> UdpTarget:
    path: Path = ("listeners", name)
    check_listener(compiling, noun, path)
    if noun.to is None and not compiling.is_touched((*path, "to")):
        compiling.error(path, "has no upstream", "write to: UPSTREAM", key=True)
    if noun.to in upstreams:
        check_upstream(compiling, upstreams[noun.to], path)
    merged = Merged().over(noun.filters)
    return {
        "route": name,
        "upstream": known_upstream(compiling, noun.to, (*path, "to")) if noun.to else "",
        "session_ms": milliseconds(used.timeouts.session),
        "responses": noun.responses,
        "amplification": used.limits.amplification,
        "allow": list(merged.allow),
        "deny": list(merged.deny),
    }


def check_listener(compiling: Compiling, noun: ListenerNoun, path: Path) -> None:
    if noun.names:
        message = "names are for protocol: tls, which passes TLS on undecrypted"
        compiling.error((*path, "names"), message, "leave them out, with one upstream: to:", key=True)
    for step in CONNECTED:
        if noun.timeouts.written(step):
            message = f'"{step}" on a udp listener: {NO_CONNECTIONS}'
            compiling.error(
                (*path, "timeouts", step), message, "write session: for how long silence may last", key=True
            )
    if noun.proxy_protocol is not None:
        message = f"a PROXY header stands before a connection: {NO_CONNECTIONS}"
        compiling.error((*path, "proxy_protocol"), message, "leave it out", key=True)
    for index, bind in enumerate(noun.bind):
        if bind.startswith((UNIX, SYSTEMD)):
            message = f"{bind.partition(':')[0]}: is for connections, and datagrams come to a port"
            compiling.error((*path, "bind", index), message, 'write an address, such as ":53"')


def check_upstream(compiling: Compiling, upstream: Upstream, path: Path) -> None:
    place: Path = ("upstreams", upstream["id"])
    if upstream["tls"] is not None:
        message = f"is spoken to by TLS, and udp listeners lead to it: {NO_CONNECTIONS}"
        compiling.error(place, message, "write tls: off, or use protocol: tcp there", also=path)
    if upstream["proxy_protocol"] is not None:
        message = f"a PROXY header stands before a connection: {NO_CONNECTIONS}"
        compiling.error((*place, "proxy_protocol"), message, "leave it out, or use protocol: tcp there", also=path)
    for index, endpoint in enumerate(upstream["endpoints"]):
        if endpoint["address"].startswith(UNIX):
            message = "a Unix socket takes no datagrams here"
            compiling.error((*place, "endpoints", index), message, "write host:port", also=path)
