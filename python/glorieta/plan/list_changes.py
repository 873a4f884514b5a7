"""How a list of a Plan changes, in words: which items come, go and get another value."""

from __future__ import annotations

from typing import Any

from .describe import item_text
from .wording import ARROW, both_shown

MOST_ITEMS = 8
"""So many are named."""


def items_change(field: str, old: list[Any], new: list[Any]) -> str:
    """Which items come and go; of pairs whose names are the same, which values."""
    gone, come = [each for each in old if each not in new], [each for each in new if each not in old]
    before, after = pairs_of(gone), pairs_of(come)
    both = before.keys() & after.keys()
    if len(old) == len(new) == 1 and not both:
        return ARROW.join(item_text(field, each) for each in (*old, *new))
    parts = [f"− {item_text(field, each)}" for each in gone if name_of(each) not in both]
    parts += [f"+ {item_text(field, each)}" for each in come if name_of(each) not in both]
    parts += [f"{name}: {ARROW.join(both_shown(before[name], after[name]))}" for name in before if name in both]
    return listed(parts)


def pairs_of(items: list[Any]) -> dict[str, str]:
    """Pairs by name; none where they are something else, or a name stands there twice."""
    found = {each[0]: each[1] for each in items if isinstance(each, list)}
    return found if len(found) == len(items) else {}


def name_of(item: Any) -> str | None:
    return item[0] if isinstance(item, list) else None


def listed(parts: list[str]) -> str:
    more = f", … and {len(parts) - MOST_ITEMS} more" if len(parts) > MOST_ITEMS else ""
    return ", ".join(parts[:MOST_ITEMS]) + more or "another order"


def endpoints_change(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> str:
    """Which endpoints come, go and change their weight."""
    before = {each["address"]: each["weight"] for each in old}
    after = {each["address"]: each["weight"] for each in new}
    parts = [f"− {address}" for address in before if address not in after]
    parts += [f"+ {address}{weight_text(weight)}" for address, weight in after.items() if address not in before]
    parts += [
        f"{address} weight {before[address]}{ARROW}{weight}"
        for address, weight in after.items()
        if address in before and before[address] != weight
    ]
    return listed(parts)


def variants_change(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> str:
    """The same of a split's variants, whose weights are always told."""
    before = {each["upstream"]: each["weight"] for each in old}
    after = {each["upstream"]: each["weight"] for each in new}
    parts = [f"− {name}" for name in before if name not in after]
    parts += [f"+ {name} {weight}" for name, weight in after.items() if name not in before]
    parts += [
        f"{name} {before[name]}{ARROW}{weight}" for name, weight in after.items() if before.get(name, weight) != weight
    ]
    return listed(parts)


def weight_text(weight: int) -> str:
    return f" weight {weight}" if weight != 1 else ""
