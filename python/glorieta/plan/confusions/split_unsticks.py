"""A split by chance among upstreams that are sticky: each request may meet another of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .found import Found
from .sticky import BY_CLIENT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scene import Scene

SENTENCE = "Each request may meet another variant, so what its endpoint keeps of a client is out of reach for the next."
FIX = "split by cookie, or by the word that is hashed"


def check(scene: Scene) -> Iterator[Found]:
    for route, path in scene.routes:
        split = route["target"].get("split")
        if split is None or split["by"] != "random":
            continue
        shared = [each["upstream"] for each in split["variants"] if each["weight"]]
        sticky = next((name for name in shared if is_sticky(scene, name)), None)
        if sticky is not None and len(shared) > 1:
            yield Found("split-unsticks", "warning", path, SENTENCE, FIX, ("upstreams", sticky, "balance"))


def is_sticky(scene: Scene, name: str) -> bool:
    balance = scene.upstreams[name]["balance"]
    word = balance["hash"] if isinstance(balance, dict) else ""
    return word in BY_CLIENT or word.partition(".")[0] in BY_CLIENT
