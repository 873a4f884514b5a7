"""`-f base.yaml -f prod.yaml`: a file laid over a whole configuration, which changes what is there and adds no objects.

A name that the base does not have would be an object that nobody asked for, made by a slip of the pen. What an
environment has besides stands in a file that its overlay includes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import NamesOnly, is_free
from .composing import OF_THE_FILE
from .edge import Edge
from .errors import Path, Problem, did_you_mean
from .layers import Entries, Layers, Said
from .places import place_in
from .shapes import Shape

if TYPE_CHECKING:
    from yaml import Node

    from .unit import Reading, Unit

OBJECTS = {"listeners": "listener", "groups": "group", "upstreams": "upstream"}


class Overlay(Layers):
    """Lays files over a whole."""

    removes = True
    upper_frame = False

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading.places)
        self.reading = reading

    def over(self, whole: Said, unit: Unit) -> Said:
        if unit.source.team is not None:
            message, fix = "a team's file is included, not laid over others", "leave team out, and write names in full"
            self.reading.problems.append(unit.places.problem(("team",), message, fix))
            return whole
        changes = {key: value for key, value in unit.data.items() if key not in OF_THE_FILE and not is_free(key)}
        return self.lay(Shape(Edge), whole, Said(changes, unit.node, unit.source))

    def refuses(self, path: Path, entries: Entries, entry: tuple[Node, Said]) -> bool:
        """Objects that the whole does not have."""
        name = str(path[-1])
        kind = object_at(path)
        if kind is None or name in entries or is_free(name):
            return False
        if not self.reading.incomplete:
            key, said = entry
            message = f'there is no {kind} "{name}" to change in what this is laid over'
            theirs = next((each for each in entries if each.endswith(f"/{name}")), None)
            fix = f'did you mean "{theirs}"?' if theirs else did_you_mean(name, entries)
            fix = fix or "a file that this one includes may add it"
            place = place_in(said.source.file, key)
            self.reading.problems.append(Problem(path[:-1], message, fix, place, said.source.file))
        return True

    def lay_one(self, shape: Shape, entries: Entries, key: str, entry: tuple[Node, Said], path: Path) -> None:
        """As below; and where this layer says it is kept, for what is wrong only because of that."""
        name, said = entry
        self.places.overlaid[path] = place_in(said.source.file, name)
        super().lay_one(shape, entries, key, entry, path)

    def remove(self, shape: Shape, entries: Entries, key: str, entry: tuple[Node, Said], path: Path) -> None:
        """Takes away what the whole has. What it does not have is a slip of the pen."""
        if entries.pop(key, None) is not None:
            self.places.removed.add(path)
        elif shape.noun is not None:
            if key not in shape.noun.model_fields:
                entries[key] = entry  # It is refused as the unknown key that it is.
        elif not (is_nobodys(shape, key) or self.reading.incomplete or self.is_unread(path)):
            message = f'there is no "{key}" to remove in what this is laid over'
            place, file = self.places.overlaid[path], entry[1].source.file
            self.reading.problems.append(Problem(path[:-1], message, did_you_mean(key, entries), place, file))

    def is_unread(self, path: Path) -> bool:
        """Whether a file does say this, in a way that could not be read."""
        return any(each.path[: len(path)] == path for each in self.reading.unread)


def is_nobodys(shape: Shape, key: str) -> bool:
    """Whether a key of this mapping means nothing; in others, such as headers, `x-…` is a name like any."""
    return is_free(key) and (shape.noun is not None or NamesOnly in shape.short)


def object_at(path: Path) -> str | None:
    """The kind of object that stands at a path; none, where it is a value."""
    if len(path) == 2:
        return OBJECTS.get(str(path[0]))
    return "route" if len(path) == 4 and path[0] in OBJECTS and path[2] == "routes" else None
