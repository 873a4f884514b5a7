"""Which hosts the names of certificates cover; needs no library."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Protocol


class Covering(Protocol):
    """A certificate, as far as its names matter."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def covers(self, host: str) -> bool: ...


@dataclass(frozen=True)
class Ordered:
    """A certificate that is ordered: it will cover what it is ordered for."""

    names: tuple[str, ...]

    def covers(self, host: str) -> bool:
        return any(covers(name, host) for name in self.names)


def is_address(name: str) -> bool:
    """Whether what a certificate is for is an address, and no name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def covers(name: str, host: str) -> bool:
    """Whether a name of a certificate covers a host, itself maybe a wildcard (`*.shop.example`)."""
    if name == host:
        return True
    return name.startswith("*.") and not host.startswith("*.") and host.partition(".")[2] == name[2:]
