"""Upstreams in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .describe_numbers import time_text
from .describe_tls import tls_text

if TYPE_CHECKING:
    from .model import ActiveCheck, Upstream

VERSIONS = {"h2": "HTTP/2", "auto": "HTTP/2 or 1.1"}
"""What upstreams are spoken to by, where it is not HTTP/1.1."""


def upstream_text(upstream: Upstream) -> str:
    parts = [endpoints_text(upstream)]
    if len(upstream["endpoints"]) > 1 or not isinstance(upstream["balance"], str):
        parts.append(balance_text(upstream))
    parts += spoken_texts(upstream)
    if upstream["proxy_protocol"] is not None:
        parts.append(f"told of clients by PROXY {upstream['proxy_protocol']}")
    if upstream["health"] is not None:
        parts.append(f"health {health_text(upstream['health'])}")
    return ", ".join(parts)


def endpoints_text(upstream: Upstream) -> str:
    endpoints = upstream["endpoints"]
    if len(endpoints) == 1:
        return endpoints[0]["address"]
    return f"{len(endpoints)} endpoints"


def balance_text(upstream: Upstream) -> str:
    balance = upstream["balance"]
    return balance if isinstance(balance, str) else f"hash of {balance['hash']}"


def health_text(check: ActiveCheck | None) -> str:
    if check is None:
        return "none"
    kind = check["kind"]
    match kind:
        case {"http": {"path": path}}:
            how = f"GET {path}"
        case {"grpc": {"service": service}}:
            how = f"gRPC's health of {service}" if service else "gRPC's health"
        case _:
            how = "connecting"
    return f"{how} every {time_text(check['every_ms'])}"


def spoken_texts(upstream: Upstream) -> list[str]:
    """How endpoints are spoken to, as far as it is not HTTP/1.1 in clear."""
    tls, version = upstream["tls"], upstream["version"]
    by_tls = [] if tls is None else [tls_text(tls)]
    return by_tls + ([VERSIONS[version]] if version == "h2" or (version == "auto" and tls is not None) else [])
