"""A check of addresses that can be gone round: another group leads to the same place without it.

`allow` says who may come in, so it counts as authentication; that by tokens comes with Gateway. `deny` does not: it
keeps some out of what is open. Openings within one group are somebody's decision and are left alone. What an open
handler calls is left alone, too: nobody knows where it leads, and it may look at the request by itself.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from ...config.errors import path_text
from .doors import doors, is_open_to_others, lead_to_the_same
from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .doors import Door
    from .scene import Scene

FIX = "write the same allow here, or lead elsewhere"


def check(scene: Scene) -> Iterator[Found]:
    """Each pair of groups once."""
    everything = list(doors(scene))
    guarded: dict[str, list[Door]] = {}
    for each in everything:
        if each.guarded:
            guarded.setdefault(each.upstream, []).append(each)
    told: set[tuple[str, str]] = set()
    for upstream, behind in guarded.items():
        by_path = Guarded(behind)
        for each in everything:
            if each.upstream != upstream or each.guarded or not is_open_to_others(each.listener):
                continue
            for other in by_path.near(each):
                if (
                    each.group != other.group
                    and (each.group, other.group) not in told
                    and lead_to_the_same(each, other)
                ):
                    told.add((each.group, other.group))
                    yield Found("side-door", "warning", each.path, sentence(other), FIX, other.path)


def sentence(guarded: Door) -> str:
    if guarded.is_called:
        return (
            f"The check of addresses at {path_text(guarded.path)} is optional for what is called there: "
            f'this leads to "{guarded.upstream}" as well.'
        )
    return f"The check of addresses at {path_text(guarded.path)} is optional: this leads to the same place."


class Guarded:
    """Doors of one upstream by the paths that they send on, so that not all are compared with all."""

    def __init__(self, doors: Iterable[Door]) -> None:
        self.by_path: dict[str, list[Door]] = {}
        for each in doors:
            self.by_path.setdefault(each.reach.path, []).append(each)
        self.paths = sorted(self.by_path)

    def near(self, door: Door) -> Iterator[Door]:
        """Those whose paths overlap."""
        own = door.reach.path
        for path in door.reach.around():
            yield from (each for each in self.by_path.get(path, ()) if path == own or each.reach.below)
        if door.reach.below:
            # "0" comes right after "/".
            first, end = bisect_left(self.paths, f"{own}/"), bisect_left(self.paths, f"{own}0")
            for path in self.paths[first:end]:
                if path != own:
                    yield from self.by_path[path]
