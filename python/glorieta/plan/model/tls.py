"""TLS in the Plan: the JSON of `engine/plan/src/tls.rs`."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class CertificateFiles(TypedDict):
    certificate: str
    key: str
    acme: NotRequired[list[str]]
    """The names for which it is ordered; left out: it must be there."""


class ClientCertificates(TypedDict):
    authorities: str
    certificate: str
    """`required` or `optional`."""
    revoked: str | None


class ServerTls(TypedDict):
    certificates: list[CertificateFiles]
    unknown_name: str
    """`default` or `refuse`."""
    minimum: str
    """`1.2` or `1.3`."""
    clients: ClientCertificates | None


class ClientTls(TypedDict):
    authorities: str | None
    """A PEM file; none: the system's."""
    name: str | None
    """None: each endpoint's own host."""
    certificate: CertificateFiles | None
    minimum: str
    """`1.2` or `1.3`."""
    verify: bool
