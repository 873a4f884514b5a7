"""TLS of a listener: the certificates that it shows, those that it asks for, and whether HTTPS is all there is."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import Field

from .address import Bind
from .base import OFF, ON, TEXT, Noun, Shorthand, Switch, as_list, left_to_defaults, off_is_none, one_of, whole
from .certificate import Certificate, OrderedName, PemFile
from .units import Duration

PROFILES = {"intermediate": "1.2", "modern": "1.3"}
"""Profile → the oldest version that it speaks."""


def expand_on(value: Any) -> Any:
    """`on`: as the documentation says; `off`: not."""
    return {} if value is True or value == "on" else off_is_none(value)


def expand_hsts(value: Any) -> Any:
    """A duration alone."""
    expanded = expand_on(value)
    return {"max_age": expanded} if isinstance(expanded, str | timedelta) else expanded


def expand_https_only(value: Any) -> Any:
    """An address alone: where to redirect from."""
    expanded = expand_on(value)
    return {"redirect": expanded} if isinstance(expanded, str) else expanded


def expand_redirect(value: Any) -> Any:
    """`on`: from port 80; one address where several may stand."""
    if value is True or value == "on":
        return []
    value = off_is_none(value)
    return value if value is None else as_list(value)


def expand_acme(value: Any) -> Any:
    """`on`: for the hosts of the routes; one name where several may stand."""
    if value is True or value == "on":
        return []
    value = off_is_none(value)
    return value if value is None else as_list(value)


class ClientCertificates(Noun):
    """Mutual TLS: clients prove who they are with certificates of their own."""

    authorities: PemFile = ""
    """A PEM file of those who may have signed clients' certificates, one or several. Required."""
    certificate: Annotated[str, one_of("required", "optional")] = "required"
    """`required`: without a good one no connection comes about. `optional`: who shows none is let in unverified
    (`${client.certificate.verified}` says which); one that is shown must be good all the same."""
    revoked: PemFile | None = None
    """A PEM file of revocation lists (CRLs) of these authorities. Left out: nothing is revoked."""


class Hsts(Noun):
    """`Strict-Transport-Security` (RFC 6797): browsers that have read it ask for no plain HTTP of this host any more,
    for as long as it says. It cannot be taken back from those that have read it."""

    max_age: Duration = timedelta(days=365)
    """How long, a duration; `0s` ends it."""
    subdomains: Switch = False
    """Whether it holds for all names below this host, too."""
    preload: Switch = False
    """Whether browsers may build it in; asks for `subdomains` and at least a year."""


class HttpsOnly(Noun):
    """One switch for sites that are there by HTTPS alone: who comes by plain HTTP is redirected, and browsers are told
    not to come so again. Text means `{redirect: text}`."""

    redirect: Annotated[list[Bind] | None, Shorthand(expand_redirect, (TEXT, ON, OFF), off=True)] = Field(
        default_factory=list
    )
    """Where plain HTTP is listened for, one address or several: everything there is answered with 308 and the same
    address by HTTPS. `on` or left out: port 80 of the listener's own addresses. `off`: nowhere."""
    port: Annotated[int, whole(1, 65535)] | None = None
    """The port of HTTPS that clients see. Left out: that of the listener's first address; 443 for a socket of
    systemd's."""
    hsts: Annotated[
        Hsts | None, Shorthand(expand_hsts, ({"type": "string", "$comment": "duration"}, ON, OFF), off=True)
    ] = Field(default_factory=left_to_defaults(Hsts))
    """What browsers are told; text means `{max_age: text}`; `off`: nothing. Begin with `hsts: 5m` and lengthen it when
    all works."""


class ListenerTls(Noun):
    """TLS towards clients: versions 1.2 and 1.3, resumption by tickets, no renegotiation, no early data."""

    alternatives: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"certificate", "certificates", "acme"}),
        frozenset({"key", "certificates", "acme"}),
    )

    certificate: PemFile | None = None
    """The file of the one certificate, followed by those between it and its root (`fullchain.pem`); with `key`. One of
    `certificate`, `certificates` and `acme`."""
    key: PemFile | None = None
    """The file of its private key, readable by its owner only (mode 0600), or by a group that may (0640)."""
    certificates: Annotated[list[Certificate], Shorthand(as_list)] = Field(default_factory=list)
    """Several, chosen by the name that a client asks for (SNI): exact names before wildcards. The first one answers
    who asks for none. Requests for a host that the connection's certificate does not cover are answered with 421."""
    acme: Annotated[list[OrderedName] | None, Shorthand(expand_acme, (TEXT, ON, OFF), off=True)] = None
    """The names of one certificate that is ordered by itself (see `acme` of the whole); `on`: one certificate for each
    host of the routes. Until it is there, handshakes for its names are refused. For several with several names each:
    `certificates: [{acme: […]}, {acme: […]}]`."""
    unknown_name: Annotated[str, one_of("default", "refuse")] = "default"
    """What becomes of a client that asks for a name that no certificate covers: the first certificate (`default`), or
    the end of the handshake (`refuse`)."""
    profile: Annotated[str, one_of(*PROFILES)] = "intermediate"
    """`intermediate`: TLS 1.2 and 1.3, forward-secret ciphers only; `modern`: TLS 1.3 only."""
    clients: ClientCertificates | None = None
    """Ask clients for certificates (mutual TLS). Left out: nobody is asked."""
    https_only: Annotated[HttpsOnly | None, Shorthand(expand_https_only, (TEXT, ON, OFF), off=True)] = None
    """Redirect plain HTTP to here and send `Strict-Transport-Security`: `on`, an address such as `:80`, or a mapping.
    Left out or `off`: neither."""
