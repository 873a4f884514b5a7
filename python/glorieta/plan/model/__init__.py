"""The Plan as Python builds it: the JSON of `engine/plan/src`, type by type.

Enums are as serde writes them: a word, or a mapping with one key. Nothing is left out and nothing is
optional by omission; golden files in `tests/contract` are read by both sides.
"""

from .acme import Acme, DnsCommand, ExternalAccount, OrderedCertificate, Orders
from .compression import CompressFilter, CompressLevels, DecompressFilter
from .gather import GatherPart, GatherShape, GatherTarget
from .layer4 import NameTarget, TcpTarget, TlsTarget, UdpTarget
from .listener import AltSvc, ClientLimits, ClientTimeouts, ForwardedHeaders, Listener, ProxyProtocol, RequestIdHeaders
from .reading import layer4_of, layer4_upstreams, mirror_of, proxies_of, reached, upstream_of, upstreams_of, whole_of
from .route import Filter, HostMatch, PathMatch, Route, ValueMatch
from .target import (
    FilesTarget,
    Handler,
    HandlerCall,
    HandlerTarget,
    Mirror,
    ProxyTarget,
    RedirectTarget,
    RespondTarget,
    SplitTarget,
    SplitVariant,
    Target,
)
from .tls import CertificateFiles, ClientCertificates, ClientTls, ServerTls
from .upstream import (
    ActiveCheck,
    Endpoint,
    GrpcCheck,
    GrpcKind,
    HttpCheck,
    HttpKind,
    Outlier,
    Pool,
    Queue,
    RetryBudget,
    Upstream,
    UpstreamTimeouts,
)
from .whole import FORMAT, AccessLog, Admin, Group, Plan

__all__ = [
    "FORMAT",
    "AccessLog",
    "Acme",
    "ActiveCheck",
    "Admin",
    "AltSvc",
    "CertificateFiles",
    "ClientCertificates",
    "ClientLimits",
    "ClientTimeouts",
    "ClientTls",
    "CompressFilter",
    "CompressLevels",
    "DecompressFilter",
    "DnsCommand",
    "Endpoint",
    "ExternalAccount",
    "FilesTarget",
    "Filter",
    "ForwardedHeaders",
    "GatherPart",
    "GatherShape",
    "GatherTarget",
    "Group",
    "GrpcCheck",
    "GrpcKind",
    "Handler",
    "HandlerCall",
    "HandlerTarget",
    "HostMatch",
    "HttpCheck",
    "HttpKind",
    "Listener",
    "Mirror",
    "NameTarget",
    "OrderedCertificate",
    "Orders",
    "Outlier",
    "PathMatch",
    "Plan",
    "Pool",
    "ProxyProtocol",
    "ProxyTarget",
    "Queue",
    "RedirectTarget",
    "RequestIdHeaders",
    "RespondTarget",
    "RetryBudget",
    "Route",
    "ServerTls",
    "SplitTarget",
    "SplitVariant",
    "Target",
    "TcpTarget",
    "TlsTarget",
    "UdpTarget",
    "Upstream",
    "UpstreamTimeouts",
    "ValueMatch",
    "layer4_of",
    "layer4_upstreams",
    "mirror_of",
    "proxies_of",
    "reached",
    "upstream_of",
    "upstreams_of",
    "whole_of",
]
