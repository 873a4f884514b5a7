"""Places in the NGINX files for the values of the imported `Edge`, so that `explain` points to what was written.

The YAML has been loaded, so there is a tree of its nodes; each is moved to where its directive stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from yaml import MappingNode, Node, SequenceNode

from ...config.places import Places, Source

if TYPE_CHECKING:
    from ...config.errors import Place

Steps = tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """A spot as YAML's nodes have it; it counts from 0."""

    line: int
    column: int


def relocated(places: Places, directives: dict[Steps, Place], file: str) -> Places:
    """The same tree, each of its nodes where the directive stands that it comes from."""
    found = Places(file, places.root, FilePath(file).absolute().parent, [file])
    if places.root is not None:
        move(found, places.root, (), directives, None)
    return found


def move(places: Places, node: Node, steps: Steps, directives: dict[Steps, Place], around: Place | None) -> None:
    """What no directive says, such as what NGINX does without being told, has no place."""
    place = directives.get(steps, around)
    put(places, node, place)
    if isinstance(node, MappingNode):
        for key, value in node.value:
            inner = (*steps, str(key.value))
            put(places, key, directives.get(inner, place))
            move(places, value, inner, directives, place)
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            move(places, value, (*steps, str(index)), directives, place)


def put(places: Places, node: Node, place: Place | None) -> None:
    node.start_mark = None
    if place is not None:
        node.start_mark = Mark(place.line - 1, place.column - 1)
        places.graft(node, Source(place.file, FilePath(place.file).absolute().parent))
