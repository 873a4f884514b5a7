"""What the engine finds wrong with a Plan, as problems of the configuration that the Plan was made from.

The engine names places in the Plan: `routes.ID`, `upstreams.ID`, `listeners.ID` and perhaps a field. Only where it
has found something is the way back looked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.errors import Problem, sort_problems
from ..config.group import Group
from ..config.places import Places
from ..config.target import TARGETS
from .match import ANY_PATH
from .routes import route_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ..config.edge import Edge
    from ..config.errors import Path
    from ..config.listener import Listener

SETTINGS: dict[str, Path] = {"access_log": ("log",), "admin": ("admin",), "workers": ("workers",)}
"""Fields of the Plan and where they are written."""
FIELDS: dict[str, Path] = {"allow": ("filters", "allow"), "deny": ("filters", "deny")}


def located(edge: Edge, found: Iterable[tuple[str, str]]) -> list[Problem]:
    """Problems from pairs of the engine's path and sentence."""
    places = edge.origin.places if edge.origin else Places()
    problems = [places.problem(path_of(edge, path), message, key=True) for path, message in found]
    return sort_problems(problems, places.order())


def path_of(edge: Edge, path: str) -> Path:
    """The nearest place in the configuration; everything, where the engine names none."""
    kind, _, rest = path.partition(".")
    match kind:
        case "routes":
            return next((where for id, where in all_routes(edge) if id == rest), ())
        case "upstreams":
            return named("upstreams", edge.upstreams, rest)
        case "listeners":
            return named("listeners", edge.listeners, rest)
        case _ if kind in SETTINGS:
            return (*SETTINGS[kind], *((rest,) if rest else ()))
    return ()


def named(section: str, nouns: Mapping[str, object], rest: str) -> Path:
    """A name (which may have dots) and perhaps a field."""
    for name in sorted(nouns, key=len, reverse=True):
        if rest == name:
            return (section, name)
        if rest.startswith(f"{name}."):
            field = rest.removeprefix(f"{name}.")
            return (section, name, *FIELDS.get(field, (field,)))
    return (section,)


def all_routes(edge: Edge) -> Iterator[tuple[str, Path]]:
    """Every route's id and place."""
    sections: tuple[tuple[str, Mapping[str, Listener | Group]], ...] = (
        ("listeners", edge.listeners),
        ("groups", edge.groups),
    )
    for section, nouns in sections:
        for name, noun in nouns.items():
            for key in noun.routes:
                yield route_id(name, key), (section, name, "routes", key)
            kind = next((each for each in TARGETS if getattr(noun, each) is not None), None)
            if kind is not None:
                match = noun.match if isinstance(noun, Group) else None
                yield route_id(name, (match and match.path) or ANY_PATH), (section, name, kind)
