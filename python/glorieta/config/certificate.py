"""Certificates: the files in which one and its private key stand, and files of authorities and revocations."""

from __future__ import annotations

from typing import Annotated

from .base import Noun, checked_text
from .errors import Wrong


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


class Certificate(Noun):
    """A certificate and its private key, each in a PEM file that is read again when it changes."""

    certificate: PemFile = ""
    """The file of the certificate itself, followed by those between it and its root (`fullchain.pem`). Relative to the
    file in which this stands. Required."""
    key: PemFile = ""
    """The file of its private key, without a passphrase; readable by its owner only (mode 0600), or by a group that may
    (0640). Required."""
