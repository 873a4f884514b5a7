"""Listeners: an address (or several), what is spoken there, and the routes of its own."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from .accept import Accepted
from .address import Bind, Network
from .admit import Admitted
from .alt_svc import AltSvc
from .base import (
    OFF,
    ON,
    TEXT,
    Name,
    NamesOnly,
    Noun,
    Shorthand,
    Switch,
    Switchable,
    all_off,
    as_list,
    left_to_defaults,
    one_of,
    whole,
)
from .filter import Filters
from .gather import Gather
from .handler import AsgiValue, HandlerValue
from .listener_tls import ListenerTls, expand_on
from .match import HostText
from .proxy_protocol import ProxyProtocolValue
from .role import Role
from .route import RouteKey, RouteValue
from .split import SplitValue
from .target import TARGETS, FilesValue, RedirectValue, RespondValue
from .timeouts import MILLION, ListenerLimits, ListenerTimeouts


class Forwarded(Noun):
    """What upstreams are told about the client. What a client itself sent under these names is removed first,
    unless a trusted proxy sent it."""

    x_forwarded: Switch = True
    """Send `X-Forwarded-For`, `-Proto` and `-Host`, and `-Prefix` where a prefix was stripped."""
    forwarded: Switch = False
    """Send `Forwarded` (RFC 7239)."""
    via: Switch = True
    """Send `Via` (RFC 9110 §7.6.3) in both directions."""


class RequestId(Noun):
    """The request's id: the `request_id` of the access log."""

    request: Switch = True
    """Send `X-Request-ID` to the upstream."""
    response: Switch = False
    """Send it back to the client, too, on answers that pass through."""
    accept: Switch = True
    """Believe an id that a trusted proxy sent."""


VERSIONS = ("h1", "h2", "h3")
"""The versions of HTTP that a listener may speak."""
OVER_TCP = VERSIONS[:2]
"""Those that it speaks where it does not say otherwise."""


class ListenerDefaults(Noun):
    """What listeners do where they do not say otherwise."""

    versions: Annotated[list[Annotated[str, one_of(*VERSIONS)]], Shorthand(as_list, (TEXT,))] = Field(
        default_factory=list
    )
    """The versions of HTTP that are spoken: `h1` (HTTP/1.1 and 1.0), `h2` (HTTP/2), and `h3` (HTTP/3) beside one of
    them. Left out: `h1` and `h2`. With TLS the client chooses by ALPN, `h2` first; in clear its first bytes say it
    (prior knowledge). `h3` needs TLS, and the same ports of UDP."""
    alt_svc: Annotated[AltSvc | None, Shorthand(expand_on, (ON, OFF), off=True)] = Field(
        default_factory=left_to_defaults(AltSvc)
    )
    """Where `h3` is spoken: how clients learn of it; `off`: not from here."""
    limits: ListenerLimits = Field(default_factory=left_to_defaults(ListenerLimits))
    """What a client may send."""
    timeouts: ListenerTimeouts = Field(default_factory=left_to_defaults(ListenerTimeouts))
    """How long each step towards the client may take."""
    trusted_proxies: Annotated[list[Network], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Networks (CIDR) of proxies in front, whose `X-Forwarded-*`, `Forwarded` and `X-Request-ID` are believed.
    Left out: none, because anybody can write such headers."""
    forwarded: Annotated[Forwarded, Shorthand(all_off(*Forwarded.model_fields), (OFF,))] = Field(
        default_factory=left_to_defaults(Forwarded)
    )
    """What upstreams are told about the client; `off`: nothing."""
    request_id: Annotated[RequestId, Shorthand(all_off(*RequestId.model_fields), (OFF,))] = Field(
        default_factory=left_to_defaults(RequestId)
    )
    """Where the request's id is sent; `off`: nowhere, and none is believed."""


class Listener(ListenerDefaults):
    """An address and what is spoken there; its routes, or one target for all requests."""

    alternatives: ClassVar[tuple[frozenset[str], ...]] = (frozenset(TARGETS),)

    bind: Annotated[list[Bind], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Where to listen, one address or several: `:8080` (every address, both families), `127.0.0.1:80`, `[::1]:80`,
    `unix:/run/app.sock`, `systemd:NAME` (a socket that systemd hands over). Required."""
    protocol: Annotated[str, one_of("http", "tcp", "tls", "udp")] = "http"
    """`http` (layer 7: reads requests), `tcp` (layer 4: passes bytes on), `tls` (layer 4: passes TLS on by the name
    that a client asks for, without decrypting it; HTTPS is `http` with `tls:`) or `udp` (layer 4: passes datagrams on;
    a client's address and port make a session, which stays at one endpoint)."""
    tls: Annotated[ListenerTls | None, Switchable] = None
    """Speak TLS here, for `http` and `tcp`: `{certificate: shop.crt, key: shop.key}`. Left out or `off`: in clear."""
    proxy_protocol: ProxyProtocolValue = None
    """Proxies in front that say by the PROXY protocol (version 1 or 2) who the client is, as networks (CIDR): for every
    `protocol` but `udp`, and before TLS. Left out or `off`: nobody says so, and such a header is refused as what it
    is."""
    names: Annotated[dict[HostText, str], NamesOnly] = Field(default_factory=dict)
    """For `protocol: tls`: names that clients ask for (SNI), such as `shop.example` or `*.api.example`, and the
    upstream of each."""
    routes: Annotated[dict[RouteKey, RouteValue], NamesOnly] = Field(default_factory=dict)
    """Routes by `[METHOD] /path` or by name. Their order means nothing."""
    to: str | None = None
    """The upstream of all requests that no route matches, regular expressions included; for `tcp` and `udp` the
    upstream; for `tls` that of all other names, and of clients that ask for none."""
    responses: Annotated[Annotated[int, whole(0, MILLION)] | None, Switchable] = None
    """For `udp`: how many datagrams answer each one of the client; with the last of them the session ends. 1 for DNS, 0
    for what is never answered, such as syslog. Left out or `off`: any number, and the session ends by
    `timeouts.session`."""
    split: SplitValue | None = None
    """Share out what no route matches among several upstreams: `{stable: 95, canary: 5}`."""
    handler: HandlerValue | None = None
    """A router in Python, `module:name` or `file.py:name`: each of its routes is a route here; its paths are whole
    paths."""
    asgi: AsgiValue | None = None
    """Have an application by the ASGI standard answer what no route matches; text means `{application: text}`."""
    gather: Gather | None = None
    """Make one answer of several upstreams' for what no route matches."""
    redirect: RedirectValue | None = None
    """Answer what no route matches with another address."""
    respond: RespondValue | None = None
    """Answer what no route matches with a fixed response."""
    files: FilesValue | None = None
    """Answer what no route matches with files of a folder."""
    filters: Filters = Field(default_factory=left_to_defaults(Filters))
    """Filters of everything that comes in here, also of what no route matches. For `tcp`, `tls` and `udp` only `allow`
    and `deny`."""
    role: Role | None = None
    """The role of the listener's own routes, as a contract. Left out: inferred."""
    admit: Annotated[dict[Name, Admitted], NamesOnly] = Field(default_factory=dict)
    """Which team may take which hosts and paths here, as `HOST/PATH`, one or several; `*`: all. A team that is not
    named may take none."""
    accept: Accepted = Field(default_factory=dict)
    """Confusions that are known and meant on this listener: the code of each, and why."""

    @property
    def has_own_routes(self) -> bool:
        """Whether it has routes, or a target for what no route matches, beside those of groups."""
        return bool(self.routes) or any(getattr(self, each) is not None for each in TARGETS)
