"""The Plan as Python builds it: the JSON of `engine/plan/src`, type by type.

Enums are as serde writes them: a word, or a mapping with one key. Nothing is left out and nothing is
optional by omission; golden files in `tests/contract` are read by both sides.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

FORMAT = 1
"""As `glorieta_plan::FORMAT`: the engine reads no other."""


class Endpoint(TypedDict):
    address: str
    weight: int


class Pool(TypedDict):
    max_connections: int
    idle_ms: int
    max_age_ms: int


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


class ActiveCheck(TypedDict):
    kind: Literal["tcp"] | HttpKind
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


class ProxyTarget(TypedDict):
    upstream: str
    strip_prefix: str | None
    rewrite: str | None
    host: str | dict[str, str]
    """`preserve`, `upstream` or `{"name": NAME}`."""
    timeouts: UpstreamTimeouts
    retries: int


class RedirectTarget(TypedDict):
    status: int
    location: str


class RespondTarget(TypedDict):
    status: int
    headers: list[list[str]]
    """Pairs of name and value."""
    body: str


class FilesTarget(TypedDict):
    root: str
    strip_prefix: str | None
    index: str | None
    fallback: str | None
    hidden: bool


class Target(TypedDict, total=False):
    """Exactly one of these."""

    proxy: ProxyTarget
    redirect: RedirectTarget
    respond: RespondTarget
    files: FilesTarget


HostMatch = str | dict[str, str]
"""`any`, `{"exact": NAME}` or `{"wildcard": NAME}`."""
PathMatch = str | dict[str, str]
"""`any` (what no other path takes), or one of `exact`, `prefix`, `parameters` and `regex`."""
Filter = dict[str, Any]
"""One of `addresses`, `max_body` and `headers`."""


class ValueMatch(TypedDict):
    name: str
    value: str | dict[str, str]
    """`present`, `absent`, or one of `exact`, `prefix` and `regex`."""


class Route(TypedDict):
    id: str
    name: str
    group: str | None
    hosts: list[HostMatch]
    path: PathMatch
    methods: list[str]
    headers: list[ValueMatch]
    query: list[ValueMatch]
    priority: int
    merge_slashes: bool
    target: Target
    filters: list[Filter]
    deadline_ms: int | None


class ClientLimits(TypedDict):
    head_bytes: int
    header_count: int
    target_bytes: int
    connections: int
    requests_per_connection: int
    body_rate: int


class ClientTimeouts(TypedDict):
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


class TcpTarget(TypedDict):
    route: str
    upstream: str
    idle_ms: int
    connect_ms: int
    allow: list[str]
    deny: list[str]


class Listener(TypedDict):
    id: str
    bind: list[str]
    protocol: str
    roles: list[str]
    limits: ClientLimits
    timeouts: ClientTimeouts
    trusted_proxies: list[str]
    forwarded: ForwardedHeaders
    request_id: RequestIdHeaders
    routes: list[Route]
    tcp: TcpTarget | None


class Group(TypedDict):
    id: str
    listener: str
    roles: list[str]
    owner: str | None
    client: str | None


class Admin(TypedDict):
    address: str | None
    required: bool
    socket: str | None
    hosts: list[str]


class AccessLog(TypedDict):
    to: str | dict[str, str]
    """`off`, `stdout`, `stderr` or `{"file": PATH}`."""
    format: str | dict[str, str]
    """`json`, `combined`, `human` or `{"template": TEXT}`."""
    queue: int


class Plan(TypedDict):
    format: int
    version: str
    workers: int | None
    listeners: list[Listener]
    groups: list[Group]
    upstreams: list[Upstream]
    admin: Admin
    access_log: AccessLog
    drain_ms: int
    server_name: str | None


def upstream_of(route: Route) -> str | None:
    """The upstream to which a route leads; none: it is answered here."""
    target = route["target"]
    return target["proxy"]["upstream"] if "proxy" in target else None
