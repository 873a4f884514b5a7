"""Listeners and roles in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..config.address import short_bind
from .describe_numbers import time_text

if TYPE_CHECKING:
    from .model import Listener, UdpTarget


def listener_text(listener: Listener) -> str:
    return f"{', '.join(map(short_bind, listener['bind']))}  {protocol_text(listener)}"


def layer_of(protocol: str) -> int:
    return 7 if protocol == "http" else 4


def protocol_text(listener: Listener) -> str:
    """What is spoken there: `http`, `https`, `tcp`, `tcp by tls`, or `tls` that is passed on."""
    if listener["tls"] is None:
        return listener["protocol"]
    return "https" if listener["protocol"] == "http" else f"{listener['protocol']} by tls"


def roles_text(roles: list[str], protocol: str) -> str:
    if not roles:
        return "no role"
    word = "role" if len(roles) == 1 else "roles"
    return f"{word}: {', '.join(role_text(role, protocol) for role in roles)}"


def role_text(role: str, protocol: str) -> str:
    if role == "load-balancer":
        return f"load balancer (layer {layer_of(protocol)})"
    return role.replace("-", " ") if role != "bff" else role


def udp_text(udp: UdpTarget) -> str:
    """`every datagram, in sessions that end with 1 answer each or 1m of silence`."""
    silence = f"{time_text(udp['session_ms'])} of silence"
    if udp["responses"] is None:
        ends = silence
    elif udp["responses"] == 0:
        ends = "each datagram"
    else:
        ends = f"{udp['responses']} answer{'' if udp['responses'] == 1 else 's'} to each or {silence}"
    most = f", answered with at most {udp['amplification']} times its bytes" if udp["amplification"] else ""
    return f"every datagram, in sessions that end with {ends}{most}"


def proxy_protocol_text(value: Any) -> str:
    """Whose PROXY headers a listener believes, or which version an upstream is sent."""
    if value is None or isinstance(value, str):
        return value or "off"
    others = "all others are refused" if value["required"] else "all others are served as they come"
    return f"PROXY headers from {', '.join(value['trusted'])}; {others}"
