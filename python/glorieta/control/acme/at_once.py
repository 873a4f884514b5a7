"""Several orders at a time: one whose names are not proved must not keep others waiting."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .line import Line
    from .work import Wanted

MOST_AT_ONCE = 8
"""Orders at a time. An issuer may take minutes to find out that nobody answers for a name."""


def chains(wanted: Sequence[Wanted]) -> list[list[Wanted]]:
    """Certificates that may be ordered at a time; those of one list have names in common, and are ordered one after the
    other: what proves a name for one must not be taken away by the other."""
    found: list[list[int]] = []
    for index, each in enumerate(wanted):
        names = set(each.names)
        touched = [chain for chain in found if any(not names.isdisjoint(wanted[other].names) for other in chain)]
        found = [chain for chain in found if chain not in touched]
        found.append(sorted([*(other for chain in touched for other in chain), index]))
    return [[wanted[index] for index in chain] for chain in sorted(found)]


def order_all(wanted: Sequence[Wanted], order: Callable[[Wanted], None], line: Line, most: int) -> None:
    """Orders each. What `order` raises ends it all, once what is under way has been cleaned up."""

    def order_chain(chain: list[Wanted]) -> None:
        for each in chain:
            line.pause(0)
            order(each)

    with ThreadPoolExecutor(most, thread_name_prefix="order") as pool:
        under_way = [pool.submit(order_chain, chain) for chain in chains(wanted)]
        try:
            for each in under_way:
                each.result()
        except BaseException:
            line.abandon()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
