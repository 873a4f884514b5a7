"""An endpoint that is an own listener: both roles are in this process already; and requests that go round for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .found import Found
from .rounds import going_round

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Path
    from .scene import Scene

SENTENCE = "Both roles are in this process: fuse them and save a hop."
FIX = "lead to what that listener leads to"
LOOP = "This comes back to where it came in, and goes round until something breaks."
PART = "A part of this comes back to where it came in, and goes round again."
LOOP_FIX = "lead to another address; this one is the listener's own"


def check(scene: Scene) -> Iterator[Found]:
    """Of each upstream the first endpoint that goes round, or else the first that is an own listener."""
    if not scene.hops:
        return
    round_again = going_round(scene)
    for upstream, hops in scene.hops.items():
        looping = next((hop for hop in hops if (upstream, hop[0]) in round_again), None)
        index, listener = looping or hops[0]
        path: Path = ("upstreams", upstream, "endpoints", index)
        other: Path = ("listeners", listener["id"])
        if looping is not None:
            whole = len(hops) == len(scene.upstreams[upstream]["endpoints"])
            yield Found("hop-to-self", "error", path, LOOP if whole else PART, LOOP_FIX, other)
        else:
            yield Found("hop-to-self", "note", path, SENTENCE, FIX, other)
