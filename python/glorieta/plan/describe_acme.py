"""ACME of a Plan in words for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..config.acme import DIRECTORIES
from ..config.units import format_duration

if TYPE_CHECKING:
    from .model.acme import Acme, Challenge


def acme_text(acme: Acme) -> str:
    """Where certificates are ordered and how names are proved, in one line."""
    parts = [f"ordered from {issuer_text(acme['directory'])}", challenge_text(acme["challenge"])]
    parts += [f"as {acme['email']}"] if acme["email"] else []
    parts += [f"profile {acme['profile']}"] if acme["profile"] else []
    if (before := acme["renew_before_ms"]) is not None:
        parts.append(f"renewed {format_duration(timedelta(milliseconds=before))} before their end")
    return f"{', '.join(parts)}; kept in {acme['storage']}"


def issuer_text(directory: str) -> str:
    """An issuer as a person would write it."""
    return next((word for word, url in DIRECTORIES.items() if url == directory), directory)


def challenge_text(challenge: Challenge) -> str:
    """`by http-01`, or `by dns-01 with /etc/glorieta/dns-hook`."""
    if isinstance(challenge, str):
        return f"by {challenge}"
    return f"by dns-01 with {' '.join(challenge['dns-01']['command'])}"
