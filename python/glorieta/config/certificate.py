"""Certificates: the files in which one and its private key stand, and files of authorities and revocations."""

from __future__ import annotations

import ipaddress
from typing import Annotated, ClassVar

from pydantic import Field

from .base import TEXT, Noun, Shorthand, as_list, checked_text
from .errors import Wrong
from .match import check_host

MOST_NAMES = 100
"""What issuers put into one certificate at most."""


def check_file(text: str) -> str:
    """A path. What is in the file stays there: the engine reads it again when it changes."""
    if "-----BEGIN" in text:
        # The text itself may be a private key, so it is not repeated.
        raise Wrong("holds what is in the file; its path is expected here", "write the path alone, without ${file:…}")
    if not text.strip() or "\0" in text or "\n" in text:
        raise Wrong("a file's path is expected here", "write a path, such as shop.crt")
    return text


PemFile = Annotated[str, checked_text(check_file)]
"""The path of a PEM file, relative to the file in which it stands."""


def check_ordered_name(text: str) -> str:
    """What a certificate may be ordered for: `shop.example`, `*.shop.example`, or an address (RFC 8738)."""
    try:
        return str(ipaddress.ip_address(text.strip().removeprefix("[").removesuffix("]")))
    except ValueError:
        host = check_host(text)
    if host == "*":
        raise Wrong('"*" is every host, and no certificate is for all of them', "write the names")
    return host


OrderedName = Annotated[str, checked_text(check_ordered_name)]
"""A name, or an address, for which a certificate is ordered."""


class Certificate(Noun):
    """A certificate and its private key, each in a PEM file that is read again when it changes; or the names of one
    that is ordered by itself."""

    alternatives: ClassVar[tuple[frozenset[str], ...]] = (
        frozenset({"certificate", "acme"}),
        frozenset({"key", "acme"}),
    )

    certificate: PemFile | None = None
    """The file of the certificate itself, followed by those between it and its root (`fullchain.pem`). Relative to the
    file in which this stands. Required where it is not ordered."""
    key: PemFile | None = None
    """The file of its private key, without a passphrase; readable by its owner only (mode 0600), or by a group that may
    (0640). Required where it is not ordered."""
    acme: Annotated[list[OrderedName], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """The names, one or several, for which it is ordered (see `acme` of the whole). Addresses may be among them, if the
    issuer signs for such."""
