"""Builds Plans by hand, with every default filled in: tests say only what they are about.

This does not use glorieta's compiler on purpose. A test of the engine must not fail, or pass, because of
how a configuration is compiled.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

Document = dict[str, Any]

LIMITS = {
    "head_bytes": 32768,
    "header_count": 100,
    "target_bytes": 8192,
    "connections": 20000,
    "connections_per_client": 0,
    "new_connections": 0,
    "new_connections_per_client": 0,
    "streams": 128,
    "requests_per_connection": 0,
    "body_rate": 0,
}
CLIENT_TIMEOUTS = {
    "handshake_ms": 10_000,
    "head_ms": 10_000,
    "body_ms": 60_000,
    "write_ms": 60_000,
    "keep_alive_ms": 60_000,
}
UPSTREAM_TIMEOUTS = {"connect_ms": 3000, "first_byte_ms": 30_000, "idle_ms": 60_000, "tunnel_ms": 3_600_000}
FORWARDED = {"x_forwarded": True, "forwarded": True, "via": True}
REQUEST_ID = {"request": True, "response": True, "accept": True}


def merged(base: Document, changes: Document) -> Document:
    """The base with changes laid over it; mappings merge, all else replaces."""
    result = dict(base)
    for key, value in changes.items():
        if key not in result:
            raise KeyError(f"{key!r} is none of {sorted(result)}")
        before = result[key]
        nested = isinstance(before, dict) and isinstance(value, dict)
        result[key] = merged(before, value) if nested else value
    return result


def plan(listeners: Document | Sequence[Document], upstreams: Sequence[Document] = (), **changes: Any) -> Document:
    """A whole Plan, but for what whoever starts it chooses: addresses without `bind`, the log's file.

    There are two workers, so that what workers share is tested on any machine.
    """
    base = {
        "format": 1,
        "version": "",
        "workers": 2,
        "listeners": [listeners] if isinstance(listeners, dict) else list(listeners),
        "groups": [],
        "upstreams": list(upstreams),
        "admin": {"address": None, "required": True, "socket": None, "hosts": []},
        "access_log": {"to": None, "format": "json", "queue": 8192},
        "drain_ms": 5000,
        "server_name": None,
    }
    document = merged(base, changes)
    if not document["version"]:
        document["version"] = hashlib.sha256(json.dumps(document).encode()).hexdigest()[:12]
    return document


def http(routes: Sequence[Document], name: str = "web", bind: str | Sequence[str] = "", **changes: Any) -> Document:
    """An HTTP listener; without `bind` whoever starts the Plan chooses a port."""
    base = {
        "id": name,
        "bind": [bind] if isinstance(bind, str) else list(bind),
        "protocol": "http",
        "versions": ["h1", "h2"],
        "alt_svc": None,
        "tls": None,
        "proxy_protocol": None,
        "roles": [],
        "limits": LIMITS,
        "timeouts": CLIENT_TIMEOUTS,
        "trusted_proxies": [],
        "forwarded": FORWARDED,
        "request_id": REQUEST_ID,
        "filters": [],
        "routes": list(routes),
        "tcp": None,
        "passthrough": None,
        "udp": None,
    }
    document = merged(base, changes)
    for each in document["routes"]:
        each["id"] = f"{name}/{each['name']}"
    return document


def tcp(upstream: str, name: str = "mail", bind: str = "", tls: Document | None = None, **changes: Any) -> Document:
    """A TCP listener."""
    target = {"route": name, "upstream": upstream, "idle_ms": 3_600_000, "connect_ms": 3000, "allow": [], "deny": []}
    return http([], name, bind, protocol="tcp", versions=[], tls=tls, tcp=merged(target, changes))


def udp(upstream: str, name: str = "dns", bind: str = "", limits: Document | None = None, **changes: Any) -> Document:
    """A UDP listener."""
    target = {
        "route": name,
        "upstream": upstream,
        "session_ms": 60_000,
        "responses": None,
        "amplification": 0,
        "allow": [],
        "deny": [],
    }
    return http([], name, bind, protocol="udp", versions=[], udp=merged(target, changes), limits=limits or {})


def passthrough(targets: Document, name: str = "passthrough", bind: str = "", **changes: Any) -> Document:
    """A TLS listener that decrypts nothing: upstreams by name, `*` for all others."""
    base = {
        "names": [
            {"name": host_match("" if each == "*" else each), "route": upstream, "upstream": upstream}
            for each, upstream in targets.items()
        ],
        "idle_ms": 3_600_000,
        "connect_ms": 3000,
        "allow": [],
        "deny": [],
    }
    return http([], name, bind, protocol="tls", versions=[], passthrough=base, **changes)


def server_tls(*certificates: tuple[object, object], **changes: Any) -> Document:
    """Certificates and their keys, by path. `clients` is of [`clients`]."""
    base = {"certificates": files_of(certificates), "unknown_name": "default", "minimum": "1.2", "clients": None}
    return merged(base, changes)


def clients(authorities: object, certificate: str = "required", revoked: object = None) -> Document:
    """How clients are verified."""
    revoked = None if revoked is None else str(revoked)
    return {"authorities": str(authorities), "certificate": certificate, "revoked": revoked}


def client_tls(
    authorities: object = None, certificate: tuple[object, object] | None = None, **changes: Any
) -> Document:
    """How an upstream is spoken to."""
    base = {
        "authorities": None if authorities is None else str(authorities),
        "name": None,
        "certificate": files_of([certificate])[0] if certificate else None,
        "minimum": "1.2",
        "verify": True,
    }
    return merged(base, changes)


def files_of(certificates: Sequence[tuple[object, object]]) -> list[Document]:
    return [{"certificate": str(certificate), "key": str(key)} for certificate, key in certificates]


def route(key: str, target: Document, *, filters: Sequence[Document] = (), **changes: Any) -> Document:
    """A route by the key that a configuration would have: `[METHOD] [HOST]/path`, `/a/*`, `/u/{id}`, `~regex`.

    `*` alone is the catch-all.
    """
    method, _, place = key.rpartition(" ")
    host, path = split_host(place)
    base = {
        "id": "",
        "name": key,
        "group": None,
        "hosts": [host_match(host)],
        "path": path_match(path),
        "methods": method.split(",") if method else [],
        "headers": [],
        "query": [],
        "words": [],
        "priority": 0,
        "merge_slashes": False,
        "target": target,
        "filters": list(filters),
        "deadline_ms": None,
        "mirror": None,
    }
    return merged(base, changes)


def split_host(place: str) -> tuple[str, str]:
    if place.startswith(("/", "~")) or place == "*":
        return "", place
    host, slash, rest = place.partition("/")
    return host, slash + rest


def host_match(host: str) -> Any:
    if not host:
        return "any"
    return {"wildcard": host[2:]} if host.startswith("*.") else {"exact": host}


def path_match(path: str) -> Any:
    if path == "*":
        return "any"
    if path.startswith("~"):
        return {"regex": path[1:]}
    if "{" in path:
        return {"parameters": path}
    return {"prefix": path[:-2]} if path.endswith("/*") else {"exact": path}


def proxy(upstream: str = "service", **changes: Any) -> Document:
    base = {
        "upstream": upstream,
        "strip_prefix": None,
        "rewrite": None,
        "host": "preserve",
        "timeouts": UPSTREAM_TIMEOUTS,
        "retries": 1,
    }
    return {"proxy": merged(base, changes)}


def split(weights: dict[str, int], by: Any = "random", **changes: Any) -> Document:
    """`by`: `random`, `{"cookie": NAME}` or `{"word": WORD}`."""
    base = {
        "variants": [{"upstream": name, "weight": weight} for name, weight in weights.items()],
        "by": by,
        "strip_prefix": None,
        "rewrite": None,
        "host": "preserve",
        "timeouts": UPSTREAM_TIMEOUTS,
        "retries": 1,
    }
    return {"split": merged(base, changes)}


def mirror(upstream: str = "shadow", **changes: Any) -> Document:
    """Copies of all safe requests, for a route's `mirror`."""
    base = {
        "upstream": upstream,
        "share_percent": 100,
        "methods": ["GET", "HEAD", "OPTIONS"],
        "max_body_bytes": 65_536,
        "in_flight": 100,
        "timeout_ms": 10_000,
        "host": "preserve",
        "timeouts": UPSTREAM_TIMEOUTS,
    }
    return merged(base, changes)


def respond(body: str = "", status: int = 200, **headers: str) -> Document:
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return {"respond": {"status": status, "headers": fields, "body": body}}


def redirect(location: str, status: int = 308) -> Document:
    return {"redirect": {"status": status, "location": location}}


def files(root: object, **changes: Any) -> Document:
    base = {
        "root": str(root),
        "strip_prefix": None,
        "index": "index.html",
        "fallback": None,
        "hidden": False,
        "precompressed": [],
    }
    return {"files": merged(base, changes)}


def compress(**changes: Any) -> Document:
    base = {
        "algorithms": ["zstd", "gzip", "br"],
        "types": ["text/*", "application/json"],
        "min_bytes": 1024,
        "levels": {"zstd": 1, "br": 1, "gzip": 3},
        "credentials": False,
    }
    return {"compress": merged(base, changes)}


def decompress(**changes: Any) -> Document:
    base = {"algorithms": ["gzip", "deflate", "br", "zstd"], "max_bytes": 10 << 20, "ratio": 100}
    return {"decompress": merged(base, changes)}


def max_body(size: int) -> Document:
    return {"max_body": {"bytes": size}}


def addresses(allow: Sequence[str] = (), deny: Sequence[str] = ()) -> Document:
    return {"addresses": {"allow": list(allow), "deny": list(deny)}}


def headers(request: Document | None = None, response: Document | None = None) -> Document:
    """`request={"set": {"X-A": "1"}, "remove": ["X-B"]}`."""
    return {"headers": {"request": header_changes(request or {}), "response": header_changes(response or {})}}


def header_changes(written: Document) -> Document:
    changes: Document = {"remove": [], "set": [], "add": []}
    for key, value in written.items():
        changes[key] = list(value.items()) if isinstance(value, dict) else list(value)
    return changes


def upstream(name: str, endpoints: str | Sequence[str | tuple[str, int]], **changes: Any) -> Document:
    """Endpoints are addresses, or pairs of address and weight. No health of any kind unless asked for."""
    listed = [endpoints] if isinstance(endpoints, str) else endpoints
    weighted = [each if isinstance(each, tuple) else (each, 1) for each in listed]
    base = {
        "id": name,
        "endpoints": [{"address": address, "weight": weight} for address, weight in weighted],
        "tls": None,
        "proxy_protocol": None,
        "version": "h1",
        "balance": "peak_ewma",
        "pool": {"max_connections": 1024, "idle_ms": 60_000, "max_age_ms": 3_600_000, "max_streams": 100},
        "queue": {"max": 1024, "timeout_ms": 3000},
        "retry_budget": {"percent": 20, "window_ms": 10_000, "floor_per_second": 10, "backoff_ms": 5},
        "health": None,
        "outlier": None,
        "panic_percent": 0,
        "response_head_bytes": 32768,
        "response_header_count": 100,
    }
    return merged(base, changes)


def check(path: str | None = None, **changes: Any) -> Document:
    """An active check: a GET of `path`, or of nothing but the connection; fast, for tests."""
    http_kind = {"http": {"path": path, "host": None, "status_from": 200, "status_to": 299}}
    base = {"kind": http_kind if path else "tcp", "every_ms": 100, "timeout_ms": 300, "fall": 2, "rise": 1}
    return merged(base, changes)


def outlier(**changes: Any) -> Document:
    base = {
        "consecutive": 3,
        "success_percent": 0,
        "window_ms": 10_000,
        "minimum_requests": 20,
        "ejection_ms": 1500,
        "max_ejection_ms": 10_000,
        "max_percent": 50,
    }
    return merged(base, changes)
