"""What is wrong only because of an overlay, told with the place of the overlay.

A mapping that two files say stands where the first of them has it. If a route of the base has no target because the
overlay took it, the base is as right as ever: whoever reads the error has to look into the overlay.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..config.checking import Partial
from ..config.errors import ConfigError, sort_problems

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..config.errors import Path, Problem
    from ..config.places import Places


def with_overlays(error: ConfigError, base: Iterable[Problem]) -> ConfigError:
    """The same errors; those that the base does not have by itself name what the overlays say."""
    origin = error.partial.edge.origin if isinstance(error.partial, Partial) else None
    if origin is None:
        return error
    own = {(problem.path, problem.message) for problem in base}
    problems = [
        problem if (problem.path, problem.message) in own else with_overlay(problem, origin.places)
        for problem in error.problems
    ]
    return ConfigError(sort_problems(problems, origin.places.order()), error.partial, error.files, error.globs)


def with_overlay(problem: Problem, places: Places) -> Problem:
    """At the overlay's place, if that says what is wrong; else with it as the other place."""
    path = nearest(problem.path, places)
    place = places.overlaid.get(path)
    if place is None or is_overlays(problem, places):
        return problem
    if path == problem.path:
        return replace(problem, place=place, file=place.file)
    return problem if problem.also is not None else replace(problem, also=path, also_place=place)


def nearest(path: Path, places: Places) -> Path:
    """The innermost on the way to a path that overlays say."""
    return next((path[:size] for size in range(len(path), 0, -1) if path[:size] in places.overlaid), ())


def is_overlays(problem: Problem, places: Places) -> bool:
    """Whether an overlay's place is told already."""
    files = {place.file for place in places.overlaid.values() if place}
    return any(place is not None and place.file in files for place in (problem.place, problem.also_place))
