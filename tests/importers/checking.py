"""Runs one configuration on both sides and sorts the differences: allowed with a reason, or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .announced import ANNOUNCED
from .asking import Asked
from .comparing import Comparison, Difference
from .documented import documented

if TYPE_CHECKING:
    from .corpus import Case, Shares
    from .pair import Pair


@dataclass
class Outcome:
    """What the comparison of one configuration came to."""

    requests: int = 0
    same: int = 0
    allowed: Counter[str] = field(default_factory=Counter)
    """By reason."""
    wrong: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    """Differences that were announced and did not occur."""


def compare(pair: Pair) -> Outcome:
    outcome = Outcome()
    used: set[str] = set()
    for asked in pair.requests():
        nginx, glorieta = pair.ask(asked)
        comparison = Comparison(asked, nginx, glorieta, pair.layouts)
        differences = comparison.differences()
        outcome.requests += 1
        outcome.same += not differences
        reasons: set[str] = set()
        wrong: list[Difference] = []
        for difference in differences:
            reason = documented(difference, comparison) or announced(pair.case, difference, comparison, used)
            reasons |= {reason} if reason else set()
            wrong += [] if reason else [difference]
        outcome.allowed.update(reasons)
        if wrong:
            outcome.wrong.append(f"{asked}\n" + "\n".join(f"    {each}" for each in wrong))
    outcome.unused = sorted({*pair.case.known, *(each.why for each in pair.case.differs)} - used)
    return outcome


def announced(case: Case, difference: Difference, comparison: Comparison, used: set[str]) -> str | None:
    """The reason of the first entry of `differs:` that covers a difference."""
    asked = comparison.asked
    for name in case.known:
        if ANNOUNCED[name].holds(difference, comparison):
            used.add(name)
            return ANNOUNCED[name].why
    for each in case.differs:
        fits = (
            each.path.fullmatch(asked.path) and each.host.fullmatch(asked.host) and each.method.fullmatch(asked.method)
        )
        if not fits or not each.covers(difference.what):
            continue
        if each.header is not None and asked.header(each.header) is None:
            continue
        if each.nginx is not None and comparison.nginx.status != each.nginx:
            continue
        used.add(each.why)
        return each.why
    return None


def spread(pair: Pair, shares: Shares) -> tuple[Counter[str], Counter[str]]:
    """How many requests reached each endpoint, on either side."""
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for _ in range(shares.count):
        for count, answer in zip(counts, pair.ask(Asked(shares.port, shares.host, shares.path)), strict=True):
            count.update([answer.reached[-1][0].name if answer.reached else f"status {answer.status}"])
    return counts
