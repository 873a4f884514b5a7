"""Upstreams: endpoints, connections, checks."""

from __future__ import annotations

from typing import Literal, TypedDict

from .tls import ClientTls


class Endpoint(TypedDict):
    address: str
    weight: int


class Pool(TypedDict):
    max_connections: int
    idle_ms: int
    max_age_ms: int
    max_streams: int


class Queue(TypedDict):
    max: int
    timeout_ms: int


class RetryBudget(TypedDict):
    percent: int
    window_ms: int
    floor_per_second: int
    backoff_ms: int


class HttpCheck(TypedDict):
    path: str
    host: str | None
    status_from: int
    status_to: int


class HttpKind(TypedDict):
    http: HttpCheck


class GrpcCheck(TypedDict):
    service: str


class GrpcKind(TypedDict):
    grpc: GrpcCheck


class ActiveCheck(TypedDict):
    kind: Literal["tcp"] | HttpKind | GrpcKind
    every_ms: int
    timeout_ms: int
    fall: int
    rise: int


class Outlier(TypedDict):
    consecutive: int
    success_percent: int
    window_ms: int
    minimum_requests: int
    ejection_ms: int
    max_ejection_ms: int
    max_percent: int


class Upstream(TypedDict):
    id: str
    endpoints: list[Endpoint]
    tls: ClientTls | None
    """None: in clear."""
    proxy_protocol: str | None
    """`v1`, `v2` or none."""
    version: str
    """`h1`, `h2` or `auto`."""
    balance: str | dict[str, str]
    """A word, or `{"hash": WORD}`."""
    pool: Pool
    queue: Queue
    retry_budget: RetryBudget
    health: ActiveCheck | None
    outlier: Outlier | None
    panic_percent: int
    response_head_bytes: int
    response_header_count: int


class UpstreamTimeouts(TypedDict):
    connect_ms: int
    first_byte_ms: int
    idle_ms: int
    tunnel_ms: int
