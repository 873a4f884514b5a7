"""What a later version understands: its words get an answer that says so, instead of "unknown key"."""

from __future__ import annotations

KEYS = {
    "breaker": "Balancing",
    "circuit_breaker": "Balancing",
    "slow_start": "Balancing",
    "concurrency": "Balancing",
    "hedge": "Balancing",
    "sticky": "Balancing",
    "jwt": "Gateway",
    "key": "Gateway",
    "basic": "Gateway",
    "oidc": "Gateway",
    "session": "Gateway",
    "consumers": "Gateway",
    "rate_limit": "Gateway",
    "quota": "Gateway",
    "cache": "Gateway",
    "cors": "Gateway",
    "validate": "Gateway",
    "external": "Gateway",
    "transform": "Gateway",
    "clients": "Forward proxy",
    "egress": "Forward proxy",
    "mesh": "Mesh",
    "identity": "Mesh",
    "kubernetes": "Scale-out",
    "consul": "Balancing",
    "etcd": "Scale-out",
    "redis": "Scale-out",
    "tracing": "Scale-out",
}
"""Key → the issue that brings it."""

VALUES = {
    "forward": "Forward proxy",
    "forward-proxy": "Forward proxy",
    "mesh": "Mesh",
    "api-gateway": "Gateway",
    "service-mesh": "Mesh",
    "maglev": "Balancing",
    "ring": "Balancing",
    "least_requests": "Balancing",
    "least_connections": "Balancing",
}
"""Value of a closed list → the issue that brings it."""


def not_yet(word: str, issue: str) -> str:
    return f'"{word}" is not built yet in this version; it comes with {issue}'
