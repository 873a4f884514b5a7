"""ACME in the Plan: the JSON of `engine/plan/src/acme.rs`."""

from __future__ import annotations

from typing import Literal, TypedDict


class DnsCommand(TypedDict):
    command: list[str]
    timeout_ms: int
    wait_ms: int


Dns01 = TypedDict("Dns01", {"dns-01": DnsCommand})


Challenge = Literal["http-01", "tls-alpn-01"] | Dns01


class ExternalAccount(TypedDict):
    id: str
    key: str
    """A file's path."""


class Acme(TypedDict):
    directory: str
    """A URL."""
    email: str | None
    authorities: str | None
    """A PEM file; none: the public ones."""
    storage: str
    challenge: Challenge
    profile: str | None
    renew_before_ms: int | None
    """None: a third of its life."""
    external_account: ExternalAccount | None


class OrderedCertificate(TypedDict):
    """What is ordered: no part of the Plan, but gathered from it."""

    names: list[str]
    file: str
    """Where it and its key are put."""


class Orders(TypedDict):
    """What whoever orders certificates is told."""

    acme: Acme
    certificates: list[OrderedCertificate]
