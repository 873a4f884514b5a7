"""The certificate that is there, as far as it can be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...config.errors import Wrong
from ...plan.certificates.facts import Facts, facts_of, is_pair
from ...plan.certificates.pem import Absent, certificates_in, key_in, read
from .schedule import Held

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True)
class Found:
    """What is in a file."""

    certificate: x509.Certificate
    facts: Facts

    def held(self, names: list[str]) -> Held:
        facts = self.facts
        is_complete = set(facts.names) == set(names)
        return Held(facts.begins.timestamp(), facts.ends.timestamp(), is_complete)


def found_in(file: Path) -> Found | None:
    """None: nothing that could be shown, for want of a file, a certificate or its key."""
    try:
        parts = read(str(file))
        certificate = certificates_in(parts)[0]
        if not is_pair(certificate, key_in(parts)):
            return None
    except (Wrong, Absent):
        return None
    return Found(certificate, facts_of(certificate))
