"""All values of an edge with their origins."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, Any

from yaml import MappingNode, ScalarNode, SequenceNode

from ...config.document import NULL
from ...config.errors import did_you_mean, path_text
from ...config.places import Places, place_in
from ...config.written import checked_again
from .value import Value
from .walking import Walk

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from yaml import Node

    from ...config.edge import Edge
    from ...config.errors import Path
    from ..model import Plan
    from .layer import Layer

OUTSIDE = re.compile(r"\$\{(env|file):")
SWITCH = {True: ("on", "true"), False: ("off", "false")}
OBJECTS = ("listeners", "groups", "upstreams", "tests")
WITHIN = "routes"
PYTHON = "Python"
"""Where something was said that no file says."""
WIDEST_VALUE = 44


@dataclass(frozen=True)
class Origins:
    """Values with their origins."""

    values: tuple[Value, ...]

    def at(self, prefix: str) -> Origins:
        """Only what stands at this path, and below it."""
        wanted = bare(prefix)
        return Origins(tuple(each for each in self.values if starts(each.path, wanted)))

    def nearest(self, prefix: str) -> str | None:
        """A fix for a path at which there is nothing."""
        wanted = bare(prefix)
        known = {bare(path_text(each.path[:depth])) for each in self.values for depth in range(1, len(each.path) + 1)}
        parent, _, name = wanted.rpartition(".")
        siblings = {each.removeprefix(f"{parent}.") for each in known if each.rpartition(".")[0] == parent}
        return did_you_mean(name, siblings) or did_you_mean(wanted, known)

    def text(self) -> str:
        """One line a value, a block for each object; what nobody wrote and says nothing is left out."""
        shown = [each for each in self.values if not each.says_nothing]
        blocks = [list(block) for _, block in groupby(shown, key=lambda each: object_of(each.path))]
        return "\n\n".join("\n".join(aligned(block)) for block in blocks)

    def as_json(self) -> dict[str, Any]:
        return {"values": [each.as_json() for each in self.values]}


def origins(edge: Edge, plan: Plan, overlays: Collection[str] = ()) -> Origins:
    """Where each value of an edge was said; `plan`: what was compiled from it. `overlays`: the names of files that were
    laid over others."""
    places = edge.origin.places if edge.origin else Places(PYTHON)
    if places.root is None:
        edge = checked_again(edge)
    listeners = {group["id"]: group["listener"] for group in plan["groups"]}
    finding = Finding(edge, places, overlays)
    values = list(finding.values(listeners))
    # What several layers say together is a list all the same.
    short = finding.short - {(*each.path[:-1], 0) for each in values if each.path[-1:] == (1,)}
    return Origins(tuple(replace(each, path=each.path[:-1]) if each.path in short else each for each in values))


@dataclass
class Finding:
    """Gives what a walk finds its place and its text."""

    edge: Edge
    places: Places
    overlays: Collection[str]
    short: set[Path] = field(default_factory=set)
    """Paths with a `0` that nobody wrote."""

    @cached_property
    def data(self) -> dict[str, Any]:
        return self.edge.model_dump(mode="json")

    def values(self, listeners: dict[str, str]) -> Iterator[Value]:
        for path, layer, written in Walk(self.edge, listeners, self.is_unread).values():
            if written:
                yield self.said(path, layer)
            elif path[::2] == ("groups", "at"):
                yield Value(path, listeners.get(str(path[1])))
            else:
                yield Value(path, self.dumped(layer))

    def said(self, path: Path, layer: Layer) -> Value:
        """What somebody wrote."""
        if self.places.root is None:
            return Value(path, self.dumped(layer), None, self.places.file, layer.via)
        found = self.places.walk(layer.path)
        node, file, rest = found.node, found.source.file, layer.path[found.depth :]
        # A mapping of a file that does not have the key: somebody put it in in Python.
        is_here = not (rest and isinstance(node, MappingNode) and isinstance(rest[0], str))
        place = place_in(file, node) if is_here else None
        value = self.dumped(layer)
        if place is not None and isinstance(node, ScalarNode):
            value = as_person_wrote(value, node.value)
        elif self.is_unread(layer.path) and value in (None, "", [], {}):
            value = as_written(node)
        said_in = file if is_here else PYTHON
        if self.is_short(path, layer):
            self.short.add(path)
        return Value(path, value, place, said_in, layer.via, file in self.overlays and is_here)

    def is_unread(self, path: Path) -> bool:
        """Whether a value is written that nobody took: what it says is not at hand."""
        node = self.places.node(path)
        return node is not None and node.start_mark is not None and node.tag != NULL

    def is_short(self, path: Path, layer: Layer) -> bool:
        """Whether this is the `0` of a list that was written as one text."""
        is_first = path[-1:] == (0,) == layer.path[-1:]
        return is_first and len(layer.path) == len(self.places.written(layer.path)) + 1

    def dumped(self, layer: Layer) -> Any:
        """A value as data. What a default says is in the data of the noun whose default it is."""
        value: Any = self.data
        for step in layer.path:
            if isinstance(value, dict):
                value = value[str(step)]
            elif isinstance(value, list) and isinstance(step, int):
                value = value[step]
            else:
                return layer.value
        return value


def as_person_wrote(value: Any, text: str) -> Any:
    """The text for a value, where it says the same: Python may have changed it since. References stay references."""
    if OUTSIDE.search(text):
        return text
    words = SWITCH[value] if isinstance(value, bool) else (str(value),)
    return text if text in words else value


def as_written(node: Node) -> Any:
    """What a node says, with nothing put in."""
    if isinstance(node, MappingNode):
        return {str(key.value): as_written(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [as_written(each) for each in node.value]
    return node.value


def bare(path: str) -> str:
    return path.replace('"', "").removesuffix(".")


def starts(path: Path, wanted: str) -> bool:
    text = ".".join(map(str, path)).replace('"', "")
    return text == wanted or text.startswith(f"{wanted}.")


def object_of(path: Path) -> Path:
    """The object to which a value belongs."""
    if path[0] not in OBJECTS:
        return path[:1] if len(path) > 1 else ()
    return path[:4] if path[2:3] == (WITHIN,) else path[:2]


def aligned(values: Iterable[Value]) -> Iterator[str]:
    rows = [(path_text(each.path), each.text(), each.origin()) for each in values]
    first = max(len(path) for path, _, _ in rows)
    second = min(WIDEST_VALUE, max(len(text) for _, text, _ in rows))
    for path, text, origin in rows:
        yield f"{path:<{first}}  {text:<{second}}  {origin}"
