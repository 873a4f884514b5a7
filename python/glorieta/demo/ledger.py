"""The books of the load: what was sent, what came back, and what may be blamed on the kill.

Pure accounting without sockets or clocks, because the demo's verdict is only worth as much as this.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110 section 9.2.2: sending these twice means the same as once, so a proxy may."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request of the load. Times are seconds since the load began."""

    number: int
    method: str
    path: str
    due: float
    finished: float
    status: int | None = None
    """None: the connection to glorieta ended without an answer."""
    service: str | None = None
    """The name of the instance that answered."""
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def idempotent(self) -> bool:
        return self.method in IDEMPOTENT

    @property
    def seconds(self) -> float:
        """From when it was due, not from when it was sent: waiting for a free connection counts."""
        return self.finished - self.due


@dataclass
class Ledger:
    """All outcomes, in the order in which they finished."""

    outcomes: list[Outcome] = field(default_factory=list)
    killed_at: float | None = None

    def add(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def by_service(self, since: float = 0.0, until: float = float("inf")) -> Counter[str]:
        """Successful answers of each instance among requests that were due in this span."""
        return Counter(
            outcome.service
            for outcome in self.outcomes
            if outcome.succeeded and outcome.service and since <= outcome.due < until
        )

    def by_method(self) -> Counter[str]:
        return Counter(outcome.method for outcome in self.outcomes)

    def failures(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if not outcome.succeeded]

    def idempotent_failures(self) -> list[Outcome]:
        return [outcome for outcome in self.failures() if outcome.idempotent]

    def cut(self, prefix: str) -> list[Outcome]:
        """Requests that may not be sent twice, to the service that lost an instance, answered 502 after the kill.

        These had been sent when the instance died: whether it acted on them nobody can know, so the
        proxy must say so instead of trying again.
        """
        return [
            outcome
            for outcome in self.failures()
            if not outcome.idempotent
            and outcome.status == 502
            and outcome.path.startswith(prefix)
            and self.killed_at is not None
            and outcome.finished >= self.killed_at
        ]

    def unexplained(self, prefix: str) -> list[Outcome]:
        """Failures that the kill does not excuse."""
        excused = {outcome.number for outcome in self.cut(prefix)}
        return [outcome for outcome in self.failures() if outcome.number not in excused]

    def quantile(self, share: float) -> float:
        """Seconds within which this share of the successful requests was answered; 0 when there are none."""
        times = sorted(outcome.seconds for outcome in self.outcomes if outcome.succeeded)
        return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0
