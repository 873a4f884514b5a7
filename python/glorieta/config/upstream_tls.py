"""TLS of an upstream: who its endpoints must prove to be, and what they are shown."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any

from .address import HOST, refuse_request_values
from .base import OFF, ON, Noun, Shorthand, Switch, checked_text, off_is_none, one_of
from .certificate import PemFile
from .errors import Wrong


def check_certified_name(text: str) -> str:
    """A name, or an address, as it stands in certificates."""
    text = text.strip()
    refuse_request_values(text)
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        pass
    if "*" in text:
        raise Wrong(f'"{text}" is no name to ask for', "write the name of one host; its certificate may have a *")
    if ":" in text:
        raise Wrong(f'"{text}" has a port; certificates have none', f"write {text.partition(':')[0]}")
    if not HOST.fullmatch(text):
        raise Wrong(f'"{text}" is no host name', "write a name, such as users.internal")
    return text.lower().rstrip(".")


def expand_upstream_tls(value: Any) -> Any:
    """`on`: verified with the system's authorities; `off`: in clear."""
    return {} if value is True or value == "on" else off_is_none(value)


class UpstreamTls(Noun):
    """TLS towards endpoints. They are verified unless somebody says otherwise, health checks included."""

    authorities: PemFile | None = None
    """A PEM file of those who may have signed the endpoints' certificates. Left out: whom the system believes."""
    name: Annotated[str, checked_text(check_certified_name)] | None = None
    """The name that is asked for (SNI) and that the certificate must cover. Left out: the host of each endpoint; where
    that is an IP address, the certificate must cover the address. Required for `unix:` endpoints."""
    certificate: PemFile | None = None
    """The file of the certificate that is shown to endpoints that ask for one (mutual TLS); with `key`."""
    key: PemFile | None = None
    """The file of its private key, readable by its owner only (mode 0600), or by a group that may (0640)."""
    minimum: Annotated[str, one_of("1.2", "1.3")] = "1.2"
    """The oldest version of TLS that is spoken: `1.2` or `1.3`."""
    verify: Switch = True
    """`off`: any certificate is believed, so whoever is on the way can read and change everything. For trying things
    out; `check` warns of it."""


UpstreamTlsValue = Annotated[UpstreamTls | None, Shorthand(expand_upstream_tls, (ON, OFF), off=True)]
