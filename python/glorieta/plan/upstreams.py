"""Upstreams of the Plan: own values over defaults, endpoints in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..config.address import HTTPS, UNIX
from ..config.base import layered
from ..config.health import Health, status_range
from ..config.health import Outlier as OutlierNoun
from ..config.units import milliseconds
from ..config.upstream import Upstream as UpstreamNoun
from ..config.upstream import UpstreamDefaults
from .tls import compile_client_tls

if TYPE_CHECKING:
    from ..config.errors import Path
    from .compiling import Compiling
    from .model import ActiveCheck, ClientTls, Endpoint, GrpcKind, HttpKind, Outlier, Upstream


WAYS = ("path", "grpc", "tcp")
"""How an endpoint may be checked."""


def speaks_h2(version: str, tls: ClientTls | None) -> bool:
    """Whether requests may go by HTTP/2."""
    return version == "h2" or (version == "auto" and tls is not None)


def compile_upstreams(compiling: Compiling) -> list[Upstream]:
    return [compile_upstream(compiling, name, noun) for name, noun in compiling.edge.upstreams.items()]


def compile_upstream(compiling: Compiling, name: str, noun: UpstreamNoun) -> Upstream:
    path: Path = ("upstreams", name)
    used = layered(UpstreamDefaults, compiling.edge.defaults.upstream, noun)
    hash_word = used.balance.hash
    tls = compile_client_tls(compiling, used, noun, path)
    return {
        "id": name,
        "endpoints": compile_endpoints(compiling, noun, path),
        "tls": tls,
        "version": used.version,
        "proxy_protocol": noun.proxy_protocol,
        "balance": used.balance.algorithm if hash_word is None else {"hash": hash_word},
        "pool": {
            "max_connections": used.pool.max_connections,
            "idle_ms": milliseconds(used.pool.idle),
            "max_age_ms": milliseconds(used.pool.max_age),
            "max_streams": used.pool.max_streams,
        },
        "queue": {"max": used.queue.max, "timeout_ms": milliseconds(used.queue.timeout)},
        "retry_budget": {
            "percent": used.retry_budget.share,
            "window_ms": milliseconds(used.retry_budget.window),
            "floor_per_second": used.retry_budget.floor,
            "backoff_ms": milliseconds(used.retry_budget.backoff),
        },
        "health": compile_health(compiling, used.health, path, by_h2=speaks_h2(used.version, tls)),
        "outlier": compile_outlier(used.outlier),
        "panic_percent": used.panic,
        "response_head_bytes": int(used.limits.head),
        "response_header_count": used.limits.headers,
    }


def compile_endpoints(compiling: Compiling, noun: UpstreamNoun, path: Path) -> list[Endpoint]:
    if noun.discover is not None:
        return discovered(compiling, noun, path)
    if not noun.endpoints and not compiling.has_touched(path, ("endpoints", "discover")):
        compiling.error(path, "has no endpoints", "write endpoints: [host:port]", key=True)
    found: dict[str, int] = {}
    made: list[Endpoint] = []
    for index, endpoint in enumerate(noun.endpoints):
        place: Path = (*path, "endpoints", index)
        if not endpoint.address:
            if not compiling.is_touched((*place, "address")):
                compiling.error(place, "has no address", "write {address: host:port}")
            continue
        address = full_address(compiling, endpoint.address, (*place, "address"))
        if address in found:
            message = f'"{endpoint.address}" stands here twice'
            compiling.error(place, message, "give it a weight instead", also=(*path, "endpoints", found[address]))
        found.setdefault(address, index)
        made.append({"address": address, "weight": endpoint.weight})
    return made


def discovered(compiling: Compiling, noun: UpstreamNoun, path: Path) -> list[Endpoint]:
    assert noun.discover is not None
    if noun.endpoints:
        compiling.error((*path, "discover"), "stands beside endpoints", "keep one of both", also=(*path, "endpoints"))
    if not noun.discover.dns:
        if not compiling.is_touched((*path, "discover")):
            compiling.error((*path, "discover"), "has no name to look up", "write {dns: orders.internal, port: 80}")
        return []
    return [{"address": f"{noun.discover.dns}:{noun.discover.port}", "weight": 1}]


def full_address(compiling: Compiling, address: str, path: Path) -> str:
    if address.startswith(UNIX):
        return f"{UNIX}{compiling.absolute(address.removeprefix(UNIX), path)}"
    return address.removeprefix(HTTPS)


def compile_health(compiling: Compiling, health: Health | None, path: Path, *, by_h2: bool) -> ActiveCheck | None:
    if health is None:
        return None
    place: Path = (*path, "health")
    ways = [name for name in WAYS if getattr(health, name) not in (None, False)]
    if not ways and not compiling.has_touched(place, WAYS):
        compiling.error(place, "does not say how to check", "write path: /healthz, grpc: on, or tcp: on")
    if len(ways) > 1:
        compiling.error(place, f"{' and '.join(ways)} exclude each other", "keep one of them")
    if health.grpc is not None and not by_h2:
        compiling.error((*place, "grpc"), "gRPC is spoken by HTTP/2, and this upstream is not", "write version: h2")
    return {
        "kind": check_kind(health),
        "every_ms": milliseconds(health.every),
        "timeout_ms": milliseconds(health.timeout),
        "fall": health.fall,
        "rise": health.rise,
    }


def check_kind(health: Health) -> Literal["tcp"] | HttpKind | GrpcKind:
    if health.tcp:
        return "tcp"
    if health.grpc is not None:
        return {"grpc": {"service": health.grpc}}
    least, most = status_range(health.status)
    return {"http": {"path": health.path or "/", "host": health.host, "status_from": least, "status_to": most}}


def compile_outlier(outlier: OutlierNoun | None) -> Outlier | None:
    if outlier is None:
        return None
    return {
        "consecutive": outlier.consecutive,
        "success_percent": outlier.success,
        "window_ms": milliseconds(outlier.window),
        "minimum_requests": outlier.minimum_requests,
        "ejection_ms": milliseconds(outlier.ejection),
        "max_ejection_ms": milliseconds(outlier.max_ejection),
        "max_percent": outlier.max_ejected,
    }
