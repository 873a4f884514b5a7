"""Listeners: what clients may do, and what upstreams are told of them."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from .layer4 import TcpTarget, TlsTarget, UdpTarget
from .route import Filter, Route
from .tls import ServerTls


class ClientLimits(TypedDict):
    head_bytes: int
    header_count: int
    target_bytes: int
    connections: int
    connections_per_client: int
    new_connections: int
    """Per second."""
    new_connections_per_client: int
    streams: int
    requests_per_connection: int
    body_rate: int


class ClientTimeouts(TypedDict):
    handshake_ms: int
    head_ms: int
    body_ms: int
    write_ms: int
    keep_alive_ms: int


class ForwardedHeaders(TypedDict):
    x_forwarded: bool
    forwarded: bool
    via: bool


class RequestIdHeaders(TypedDict):
    request: bool
    response: bool
    accept: bool


class AltSvc(TypedDict):
    port: int | None
    """None: that at which the request came in."""
    max_age_s: int


class ProxyProtocol(TypedDict):
    trusted: list[str]
    required: bool


class Listener(TypedDict):
    id: str
    bind: list[str]
    protocol: str
    versions: list[str]
    """`h1`, `h2`, `h3`; none for layer 4."""
    alt_svc: AltSvc | None
    """What answers over TCP say of HTTP/3. None: nothing."""
    tls: ServerTls | None
    """None: in clear."""
    proxy_protocol: ProxyProtocol | None
    roles: list[str]
    limits: ClientLimits
    timeouts: ClientTimeouts
    trusted_proxies: list[str]
    forwarded: ForwardedHeaders
    request_id: RequestIdHeaders
    filters: NotRequired[list[Filter]]
    """What happens to requests for which no route is found. Left out: nothing."""
    routes: list[Route]
    tcp: TcpTarget | None
    passthrough: TlsTarget | None
    """The targets of a `tls` listener."""
    udp: UdpTarget | None
