"""What is remembered of a certificate and of an issuer between two looks, as JSON beside the certificate."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Self


class Remembered:
    """Written by one version, read by another: what this one does not know is left out."""

    @classmethod
    def read(cls, text: str) -> Self:
        """`ValueError`: it is no such document."""
        document = json.loads(text)
        if not isinstance(document, dict):
            raise ValueError("no mapping")
        known = {each.name for each in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in document.items() if name in known})

    def written(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"  # type: ignore[call-overload]


@dataclass
class Record(Remembered):
    """A certificate. Moments are seconds since 1970."""

    names: list[str] = field(default_factory=list)
    fingerprint: str = ""
    """Of the certificate that what follows is about."""
    renew_at: float | None = None
    window: list[float] | None = None
    """When the issuer would like it renewed: from, to."""
    explanation: str = ""
    """The page on which the issuer says why."""
    ask_at: float = 0.0
    """When the issuer is asked again when to renew."""
    failures: int = 0
    """In a row."""
    failed_at: float = 0.0
    not_before: float = 0.0
    error: str = ""
    """Of the last try; empty: it has not failed."""
    settings: str = ""
    """Under which it failed: with others it may be tried again at once."""

    def about(self, fingerprint: str) -> None:
        """What was known of another certificate says nothing of this one."""
        if fingerprint != self.fingerprint:
            self.fingerprint, self.renew_at, self.window, self.explanation, self.ask_at = (
                fingerprint,
                None,
                None,
                "",
                0.0,
            )

    def succeeded(self) -> None:
        self.failures, self.failed_at, self.not_before, self.error = 0, 0.0, 0.0, ""


@dataclass
class IssuerRecord(Remembered):
    """An issuer."""

    retries: list[float] = field(default_factory=list)
    """When orders that had failed before have failed again, in the last hour."""
    unreachable: int = 0
    """Tries in a row to which nobody has answered."""
    not_before: float = 0.0
    error: str = ""

    def failed_again(self, now: float, hour: float) -> None:
        self.retries = [each for each in self.retries if each > now - hour] + [now]


@dataclass
class Account(Remembered):
    """An account with an issuer; its key lies beside it."""

    uri: str = ""
    email: str | None = None

    @property
    def is_there(self) -> bool:
        return bool(self.uri)
