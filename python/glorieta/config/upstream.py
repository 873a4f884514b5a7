"""Upstreams: services, each with equal endpoints, and how they are used."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field

from .accept import Accepted
from .address import EndpointAddress, check_host_or_address, refuse_request_values
from .balancing import Balance, BalanceValue
from .base import (
    OFF,
    ON,
    TEXT,
    Noun,
    OffIsZero,
    Shorthand,
    Switchable,
    as_list,
    checked_text,
    is_off,
    left_to_defaults,
    off_is_none,
    one_of,
    whole,
)
from .errors import Wrong
from .health import HealthValue, Outlier
from .proxy_protocol import ProxyVersion
from .units import Bytes, Duration, Frequency, HeadSize, Percent, Timeout
from .upstream_tls import UpstreamTlsValue


def expand_endpoint(value: Any) -> Any:
    return {"address": value} if isinstance(value, str) else value


def expand_queue(value: Any) -> Any:
    """`off`: nobody waits."""
    return {"max": 0} if is_off(value) else value


def expand_outlier(value: Any) -> Any:
    """`on`: with the figures of the documentation; `off`: none."""
    return {} if value is True or value == "on" else off_is_none(value)


def check_dns_name(text: str) -> str:
    refuse_request_values(text)
    if ":" in text:
        host, _, port = text.partition(":")
        raise Wrong(f'"{text}" has a port', f"write {{dns: {host}, port: {port or 80}}}")
    return check_host_or_address(text, text)


class Endpoint(Noun):
    """One address of a service. Text means `{address: text}`."""

    address: EndpointAddress = ""
    """`10.0.0.1:80`, `[::1]:80`, `name:80` (all its addresses, re-resolved), `unix:/run/app.sock`, or any of the first
    three by TLS: `https://name:8443` (without a port: 443). Required."""
    weight: Annotated[int, whole(1, 1000)] = 1
    """The share of requests, relative to the others', 1 to 1000."""


class Discover(Noun):
    """Endpoints that are found by DNS: all addresses of a name, asked for again when its TTL ends."""

    dns: Annotated[str, checked_text(check_dns_name)] = ""
    """The name. Required."""
    port: Annotated[int, whole(1, 65535)] = 80
    """The port of every address."""


class Pool(Noun):
    """Connections that are kept to an endpoint, over all workers."""

    max_connections: Annotated[int, whole(1, 1_000_000)] = 1024
    """Connections to one endpoint at a time; beyond it requests wait in the queue."""
    idle: Duration = timedelta(seconds=60)
    """How long an unused connection is kept, a duration."""
    max_age: Timeout = timedelta(hours=1)
    """How long a connection is used at most, a duration."""
    max_streams: Annotated[int, whole(1, 10_000)] = 100
    """Requests on one connection at a time, by HTTP/2; fewer where the endpoint allows fewer. Beyond it another
    connection is opened. Answers that nobody reads may take 128 KiB of memory each."""


class Queue(Noun):
    """Requests that wait because every connection is in use. Beyond these bounds they are answered with 503."""

    max: Annotated[int, whole(0, 1_000_000), OffIsZero] = 1024
    """How many may wait; 0 or `off`: none."""
    timeout: Timeout = timedelta(seconds=3)
    """How long one may wait, a duration."""


class RetryBudget(Noun):
    """How many of an upstream's requests may be retries, so that retries cannot finish off what is failing."""

    share: Percent = 20
    """The share of requests over `window`."""
    window: Timeout = timedelta(seconds=10)
    """The time over which requests are counted, a duration."""
    floor: Frequency = 10
    """Retries that are always allowed, per second."""
    backoff: Duration = timedelta(milliseconds=25)
    """The pause before a retry, jittered; a duration."""


class AnswerLimits(Noun):
    """What an endpoint may answer at most; more is a 502."""

    head: HeadSize = Bytes(32 * 1024)
    """Status line and headers together, a size."""
    headers: Annotated[int, whole(1, 10_000)] = 100
    """How many headers."""


class UpstreamDefaults(Noun):
    """How upstreams are used where they do not say otherwise."""

    balance: BalanceValue = Field(default_factory=left_to_defaults(Balance))
    """How an endpoint is chosen: `peak_ewma`, `round_robin`, `random`, `first_available` or `{hash: WORD}`."""
    health: Annotated[HealthValue | None, Switchable] = None
    """An active check, such as `{path: /healthz}` or `{tcp: on}`; text: the path. Left out or `off`: none."""
    outlier: Annotated[Outlier | None, Shorthand(expand_outlier, (ON, OFF), off=True)] = Field(
        default_factory=left_to_defaults(Outlier)
    )
    """Passive checks; on with these figures unless `off`."""
    panic: Percent = 50
    """Below this share of usable endpoints, health is ignored and all are used; `off`: never."""
    pool: Pool = Field(default_factory=left_to_defaults(Pool))
    """Connections that are kept."""
    queue: Annotated[Queue, Shorthand(expand_queue, (OFF,))] = Field(default_factory=left_to_defaults(Queue))
    """Requests that wait for a connection; `off`: none may."""
    retry_budget: RetryBudget = Field(default_factory=left_to_defaults(RetryBudget))
    """How many requests may be retries."""
    limits: AnswerLimits = Field(default_factory=left_to_defaults(AnswerLimits))
    """What an endpoint may answer."""
    tls: UpstreamTlsValue = None
    """TLS to the endpoints: `on`, or a mapping that says whom to believe. Left out: by TLS where the endpoints begin
    with `https://`, else in clear; `off`: in clear."""
    version: Annotated[str, one_of("h1", "h2", "auto")] = "h1"
    """The version of HTTP that endpoints are spoken to by. `h1`: HTTP/1.1. `h2`: HTTP/2, by TLS agreed on by ALPN, in
    clear by prior knowledge. `auto`: by TLS whichever of both the endpoint selects, in clear HTTP/1.1."""


class Upstream(UpstreamDefaults):
    """A service: equal endpoints and how they are used."""

    alternatives: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"endpoints", "discover"}),)

    endpoints: Annotated[
        list[Annotated[Endpoint, Shorthand(expand_endpoint, (TEXT,))]], Shorthand(as_list, (TEXT,))
    ] = Field(default_factory=list)
    """Where the service is, one address or several. One of `endpoints` and `discover`."""
    discover: Discover | None = None
    """Where the service is, found by DNS. One of `endpoints` and `discover`."""
    proxy_protocol: ProxyVersion = None
    """Begin each connection with a PROXY header that says who the client is, before TLS: `v1` (addresses) or `v2` (also
    what is known of its TLS). For listeners of layer 4; health checks say that they are glorieta's own. Left out or
    `off`: none."""
    accept: Accepted = Field(default_factory=dict)
    """Confusions that are known and meant with this upstream: the code of each, and why."""
