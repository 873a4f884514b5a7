"""Variants in the order of their story, for an engine that asks the more exact route first.

NGINX goes through conditions as they are written. glorieta prefers routes that name a method, then those that ask for
more headers. Where that would turn two conditions round, a route that asks for both is put before them.
"""

from __future__ import annotations

from dataclasses import replace

from .action import Variant
from .unclear import Unclear

MOST = 256


def in_order(variants: list[Variant]) -> list[Variant]:
    """The same cases, such that an earlier one wins wherever two of them fit."""
    found: list[Variant] = []
    for variant in variants:
        if not any(covers(earlier, variant) for earlier in found):
            add(found, variant)
    return found


def add(found: list[Variant], variant: Variant) -> None:
    """Adds a variant, and before it what both it and an earlier one fit, where the engine would prefer it."""
    for earlier in list(found):
        if earlier.path != variant.path or len(found) >= MOST:
            continue
        try:
            both = earlier.condition.both(variant.condition)
        except Unclear:
            # Two expressions for one header: routes that ask for equally much are tried by their names, in order.
            continue
        if both is None or both in (earlier.condition, variant.condition):
            continue
        if earlier.condition.rank >= variant.condition.rank:
            first = next(each for each in found if covers(each, replace(earlier, condition=both)))
            add(found, replace(first, condition=both))
    if not any(each.condition == variant.condition and each.path == variant.path for each in found):
        found.append(variant)


def covers(one: Variant, other: Variant) -> bool:
    """Whether every request of one is one of the other."""
    try:
        return one.path == other.path and one.condition.both(other.condition) == other.condition
    except Unclear:
        return False
