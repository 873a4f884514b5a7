"""The Plan as Python builds it: the JSON of `engine/plan/src`, type by type.

Enums are as serde writes them: a word, or a mapping with one key. Nothing is left out and nothing is
optional by omission; golden files in `tests/contract` are read by both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from .model_acme import Acme, DnsCommand, ExternalAccount, Orders
from .model_compression import CompressFilter, CompressLevels, DecompressFilter
from .model_tls import CertificateFiles, ClientCertificates, ClientTls, ServerTls

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Acme",
    "CertificateFiles",
    "ClientCertificates",
    "ClientTls",
    "CompressFilter",
    "CompressLevels",
    "DecompressFilter",
    "DnsCommand",
    "ExternalAccount",
    "Orders",
    "ServerTls",
]

FORMAT = 1
"""As `glorieta_plan::FORMAT`: the engine reads no other."""


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


class ProxyTarget(TypedDict):
    upstream: str
    strip_prefix: str | None
    rewrite: str | None
    host: str | dict[str, str]
    """`preserve`, `upstream` or `{"name": NAME}`."""
    timeouts: UpstreamTimeouts
    retries: int


class SplitVariant(TypedDict):
    upstream: str
    weight: int


class SplitTarget(TypedDict):
    variants: list[SplitVariant]
    by: str | dict[str, str]
    """`random`, `{"cookie": NAME}` or `{"word": WORD}`."""
    strip_prefix: str | None
    rewrite: str | None
    host: str | dict[str, str]
    """As in `ProxyTarget`."""
    timeouts: UpstreamTimeouts
    retries: int


class Mirror(TypedDict):
    upstream: str
    share_percent: int
    methods: list[str]
    max_body_bytes: int
    in_flight: int
    timeout_ms: int
    host: str | dict[str, str]
    """As in `ProxyTarget`."""
    timeouts: UpstreamTimeouts


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
    precompressed: list[str]


class HandlerTarget(TypedDict):
    handler: str
    route: int
    """By its place in the list of a handler process."""
    name: str
    """The function, by module and name; for people."""
    first_byte_ms: int


class HandlerCall(TypedDict):
    upstream: str
    host: str | dict[str, str]
    """As in `ProxyTarget`."""
    timeouts: UpstreamTimeouts
    retries: int


class Handler(TypedDict):
    id: str
    generation: str
    """Names the code: only processes that were started with it answer."""
    calls: list[HandlerCall]
    queue: int
    queue_timeout_ms: int
    background_ms: int
    tunnel_ms: int


class GatherShape(TypedDict):
    pick: str | None
    select: list[str]
    drop: list[str]
    rename: list[list[str]]
    """Pairs of path and name."""
    flatten: list[str]


class GatherPart(TypedDict):
    name: str
    upstream: str
    host: str | dict[str, str]
    """As in `ProxyTarget`."""
    timeouts: UpstreamTimeouts
    retries: int
    method: str
    path: str
    query: list[list[str]]
    """Pairs of name and template."""
    headers: list[list[str]]
    forward: list[str]
    body: str | dict[str, Any]
    """`none`, `request` or `{"json": VALUE}`."""
    timeout_ms: int | None
    after: list[str]
    need: str | dict[str, Any]
    """`required`, `optional`, `{"default": VALUE}` or `shadow`."""
    reads: str
    shape: GatherShape
    nest: str | None


class GatherTarget(TypedDict):
    parts: list[GatherPart]
    deadline_ms: int | None
    conflict: str
    shape: GatherShape
    report: str | None
    head: str | None
    max_bytes: int


class Target(TypedDict, total=False):
    """Exactly one of these."""

    proxy: ProxyTarget
    split: SplitTarget
    handler: HandlerTarget
    gather: GatherTarget
    redirect: RedirectTarget
    respond: RespondTarget
    files: FilesTarget


HostMatch = str | dict[str, str]
"""`any`, `{"exact": NAME}` or `{"wildcard": NAME}`."""
PathMatch = str | dict[str, str]
"""`any` (what no other path takes), or one of `exact`, `prefix`, `parameters` and `regex`."""
Filter = dict[str, Any]
"""One of `compress`, `addresses`, `max_body`, `decompress`, `grpc_web` and `headers`."""


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
    mirror: NotRequired[Mirror | None]
    """Left out where nobody gets a copy."""


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


class TcpTarget(TypedDict):
    route: str
    upstream: str
    idle_ms: int
    connect_ms: int
    allow: list[str]
    deny: list[str]


class NameTarget(TypedDict):
    name: HostMatch
    """`any` also takes who asks for no name."""
    route: str
    """The name in metrics and logs."""
    upstream: str


class TlsTarget(TypedDict):
    names: list[NameTarget]
    idle_ms: int
    connect_ms: int
    allow: list[str]
    deny: list[str]


class AltSvc(TypedDict):
    port: int | None
    """None: that at which the request came in."""
    max_age_s: int


class ProxyProtocol(TypedDict):
    trusted: list[str]
    required: bool


class UdpTarget(TypedDict):
    route: str
    upstream: str
    session_ms: int
    responses: int | None
    """None: any number."""
    amplification: int
    """0: any."""
    allow: list[str]
    deny: list[str]


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
    routes: list[Route]
    tcp: TcpTarget | None
    passthrough: TlsTarget | None
    """The targets of a `tls` listener."""
    udp: UdpTarget | None


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
    handlers: NotRequired[list[Handler]]
    """Left out as long as there is none."""
    acme: NotRequired[Acme | None]
    """Left out as long as no certificate is ordered."""
    admin: Admin
    access_log: AccessLog
    drain_ms: int
    server_name: str | None


def layer4_of(listener: Listener) -> TcpTarget | TlsTarget | UdpTarget | None:
    """What a listener of layer 4 does with connections or datagrams; none: it is one of layer 7."""
    return whole_of(listener) or listener["passthrough"]


def whole_of(listener: Listener) -> TcpTarget | UdpTarget | None:
    """What takes everything that comes to a listener, whatever it is."""
    return listener["tcp"] or listener["udp"]


def layer4_upstreams(listener: Listener) -> list[str]:
    """The upstreams to which a listener of layer 4 leads, each once."""
    if (whole := whole_of(listener)) is not None:
        return [whole["upstream"]]
    named = listener["passthrough"]["names"] if listener["passthrough"] is not None else []
    return list(dict.fromkeys(each["upstream"] for each in named))


def proxies_of(route: Route) -> list[ProxyTarget]:
    """The ways in which a route passes requests on: of a split one for each variant that gets some."""
    target = route["target"]
    if "proxy" in target:
        return [target["proxy"]]
    if "split" not in target:
        return []
    split = target["split"]
    return [
        {
            "upstream": variant["upstream"],
            "strip_prefix": split["strip_prefix"],
            "rewrite": split["rewrite"],
            "host": split["host"],
            "timeouts": split["timeouts"],
            "retries": split["retries"],
        }
        for variant in split["variants"]
        if variant["weight"]
    ]


def mirror_of(route: Route) -> Mirror | None:
    """Who gets copies of a route's requests."""
    return route.get("mirror")


def reached(plan: Plan, routes: Iterable[Route]) -> list[str]:
    """The upstreams to which routes lead, through handlers and mirrors as well, each once."""
    calls = {each["id"]: [call["upstream"] for call in each["calls"]] for each in plan.get("handlers", ())}
    found: dict[str, None] = {}
    for route in routes:
        target = route["target"]
        names = calls.get(target["handler"]["handler"], []) if "handler" in target else upstreams_of(route)
        found |= dict.fromkeys(names)
        if (mirror := mirror_of(route)) is not None:
            found[mirror["upstream"]] = None
    return list(found)


def upstreams_of(route: Route) -> list[str]:
    """The upstreams whose answers go into a route's, each once."""
    target = route["target"]
    if "gather" in target:
        return list(dict.fromkeys(part["upstream"] for part in target["gather"]["parts"]))
    return [proxy["upstream"] for proxy in proxies_of(route)]


def upstream_of(route: Route) -> str | None:
    """The one upstream whose answer a route passes on; none: there are several, or it is answered here."""
    target = route["target"]
    return target["proxy"]["upstream"] if "proxy" in target else None
