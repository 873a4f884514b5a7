"""What the demo claims, each claim as a check with the sentence and the figures that prove it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .ledger import Ledger

FAIR_SHARE = 0.25
"""Least share of a service's answers that each of two equal instances must have had before the kill."""
SETTLE_SECONDS = 0.5
"""After this long nothing may still be answered by an instance that was killed."""


@dataclass(frozen=True)
class Check:
    claim: str
    passed: bool
    figures: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def verify(ledger: Ledger, planned: int, balanced: list[str], killed: str, prefix: str) -> list[Check]:
    """All checks of one run; `balanced` are the names of the instances behind `prefix`."""
    return [
        everything_has_an_outcome(ledger, planned),
        no_idempotent_request_failed(ledger),
        nothing_unexplained(ledger, prefix),
        both_were_used(ledger, balanced),
        survivor_took_over(ledger, balanced, killed),
    ]


def everything_has_an_outcome(ledger: Ledger, planned: int) -> Check:
    numbers = {outcome.number for outcome in ledger.outcomes}
    passed = len(numbers) == len(ledger.outcomes) == planned > 0
    return Check("every request of the schedule has exactly one outcome", passed, f"{len(numbers)} of {planned}")


def no_idempotent_request_failed(ledger: Ledger) -> Check:
    failed = ledger.idempotent_failures()
    count = sum(outcome.idempotent for outcome in ledger.outcomes)
    return Check("no idempotent request failed", not failed and count > 0, f"{len(failed)} of {count}")


def nothing_unexplained(ledger: Ledger, prefix: str) -> Check:
    """POSTs may fail only if the killed instance had them."""
    failed = [outcome for outcome in ledger.unexplained(prefix) if not outcome.idempotent]
    cut = ledger.cut(prefix)
    figures = f"{len(cut)} cut after sending, {len(failed)} for another reason"
    return Check("a POST failed only where it had been sent to the killed instance", not failed, figures)


def both_were_used(ledger: Ledger, balanced: list[str]) -> Check:
    before = ledger.by_service(until=ledger.killed_at or 0.0)
    counts = [before[name] for name in balanced]
    passed = sum(counts) > 0 and min(counts) >= FAIR_SHARE * sum(counts)
    figures = ", ".join(f"{name} {before[name]}" for name in balanced)
    return Check("before the kill both instances of service1 answered", passed, figures)


def survivor_took_over(ledger: Ledger, balanced: list[str], killed: str) -> Check:
    if ledger.killed_at is None:
        return Check("after the kill the other instance answered", False, "nothing was killed")
    after = ledger.by_service(since=ledger.killed_at + SETTLE_SECONDS)
    others = sum(after[name] for name in balanced if name != killed)
    figures = ", ".join(f"{name} {after[name]}" for name in balanced)
    return Check("after the kill the other instance answered", others > 0 and after[killed] == 0, figures)
