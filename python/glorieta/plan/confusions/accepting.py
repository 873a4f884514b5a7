"""`accept`: which of the confusions that were found somebody means, and which `accept` silences nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...config.errors import SEVERITIES
from .walk import is_sure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...config.edge import Edge
    from ...config.errors import Path
    from ..compiling import Compiling
    from .found import Found

SECTIONS = ("listeners", "groups", "upstreams")


def settle(compiling: Compiling, found: Iterable[Found]) -> list[Found]:
    """The same with their places and reasons, the worst first and what is meant last; what nobody means is told, and
    so is an `accept` without use."""
    settled: list[Found] = []
    used: set[Path] = set()
    for each in found:
        holder = next((path for path in around(each) if each.code in accepted(compiling.edge, path)), None)
        reason = None
        if holder is not None:
            reason = accepted(compiling.edge, holder)[each.code]
            used.add((*holder, "accept", each.code))
        place = compiling.places.find(each.path)
        also = compiling.places.find(each.also, key=True) if each.also is not None else None
        settled.append(replace(each, place=place, also_place=also, accepted=reason))
        if reason is None:
            # One line has no place for a full stop before the fix.
            sentence = each.sentence.removesuffix(".")
            compiling.confuse(each.severity, each.path, sentence, each.fix, also=each.also, code=each.code)
    if is_sure(compiling):
        tell_unused(compiling, used)
    return sorted(settled, key=lambda each: (each.accepted is not None, SEVERITIES.index(each.severity)))


def around(found: Found) -> Iterator[Path]:
    """The objects on which it may be accepted, from the innermost: a group's or listener's route, they, everything."""
    path = found.path
    if path[0] in SECTIONS:
        if len(path) >= 4 and path[2] == "routes":
            yield path[:4]
        yield path[:2]
    yield ()


def accepted(edge: Edge, path: Path) -> dict[str, str]:
    if not path:
        return edge.accept
    noun = getattr(edge, str(path[0])).get(path[1])
    if noun is not None and len(path) == 4:
        noun = noun.routes.get(path[3])
    return noun.accept if noun is not None else {}


def tell_unused(compiling: Compiling, used: set[Path]) -> None:
    """An `accept` of a team stands under all its objects: it is of use if it is to one of them."""
    places = compiling.places
    said = list(all_accepts(compiling.edge))
    useful = {places.find(path, key=True) for path in used}
    for path in said:
        place = places.find(path, key=True)
        if path in used or (place is not None and place in useful):
            continue
        if place is not None:
            useful.add(place)
        compiling.warn(path, f"accepts {path[-1]}, which is not found here", "remove it")


def all_accepts(edge: Edge) -> Iterator[Path]:
    for code in edge.accept:
        yield ("accept", code)
    for section in SECTIONS:
        for name, noun in getattr(edge, section).items():
            for code in noun.accept:
                yield (section, name, "accept", code)
            for key, route in getattr(noun, "routes", {}).items():
                if route.accept:
                    for code in route.accept:
                        yield (section, name, "routes", key, "accept", code)
