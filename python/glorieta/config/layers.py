"""One layer of a configuration laid over another, as data whose places stay known.

Mappings are merged, everything else is replaced; a layer that says one of several alternatives (`respond` where the
one below has `to`) takes back the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from yaml import MappingNode, Node, ScalarNode

from .base import is_off, taken_back

if TYPE_CHECKING:
    from .errors import Path
    from .places import Places, Source
    from .shapes import Shape

TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Said:
    """Data, the node that says it, and whose node that is."""

    data: Any
    node: Node
    source: Source


Entries = dict[str, tuple[Node, Said]]
"""A mapping's keys, each with its node and its value."""


class Layers:
    """Lays values over each other. Neither layer's data is changed."""

    removes = False
    """Whether a value of `null` removes what is below, rather than saying nothing."""
    upper_frame = True
    """Whether a merged mapping stands where the upper layer has it, rather than the lower."""

    def __init__(self, places: Places) -> None:
        self.places = places

    def lay(self, shape: Shape, below: Said, above: Said, path: Path = ()) -> Said:
        """What both layers together say."""
        upper = shape.expanded(above.data)
        if not (shape.merges and isinstance(upper, dict)):
            return above
        lower = shape.expanded(below.data)
        if lower is None or is_off(lower):
            lower, below = {}, Said({}, above.node, above.source)
        if not isinstance(lower, dict):
            return below  # It is wrong, and somebody has to be told.
        entries: Entries = {key: self.child(below, key, value) for key, value in lower.items()}
        if shape.noun is not None:
            said = [key for key, value in upper.items() if value is not None]
            for name in taken_back(shape.noun, said):
                entries.pop(name, None)
        for key, value in upper.items():
            self.lay_one(shape, entries, key, self.child(above, key, value), (*path, key))
        return self.mapping(above if self.upper_frame else below, entries)

    def lay_one(self, shape: Shape, entries: Entries, key: str, entry: tuple[Node, Said], path: Path) -> None:
        """One key of the upper layer."""
        if self.refuses(path, entries, entry):
            return
        name, said = entry
        if said.data is None:
            self.remove(shape, entries, key, entry, path)
            return
        before = entries.get(key)
        if before is None and not self.removes:
            entries[key] = entry
            return
        lower_name, below = before or (name, Said(None, said.node, said.source))
        made = self.lay(shape.inner(key), below, said, path)
        entries[key] = (lower_name if made is below or made.source is not said.source else name), made

    def remove(self, shape: Shape, entries: Entries, key: str, entry: tuple[Node, Said], path: Path) -> None:
        """A key of the upper layer without a value, which says nothing here."""

    def refuses(self, path: Path, entries: Entries, entry: tuple[Node, Said]) -> bool:
        """Whether a key of the upper layer may not be there."""
        return False

    def child(self, said: Said, key: str, value: Any) -> tuple[Node, Said]:
        """A key of a mapping, and its value; a short form stands for what it means."""
        node = said.node
        entry = self.places.entries(node).get(key) if isinstance(node, MappingNode) else None
        name, node = entry or (node, node)
        return named(key, name), Said(value, node, self.places.source_of(node, said.source))

    def mapping(self, frame: Said, entries: Entries) -> Said:
        """A mapping that no file has as a whole; it stands where its frame does."""
        for _, said in entries.values():
            self.places.graft(said.node, said.source)
        pairs = [(name, said.node) for name, said in entries.values()]
        block = isinstance(frame.node, MappingNode) and not frame.node.flow_style
        node = MappingNode(f"{TAG}map", pairs, frame.node.start_mark, frame.node.end_mark, flow_style=not block)
        self.places.graft(node, frame.source)
        return Said({key: said.data for key, (_, said) in entries.items()}, node, frame.source)


def named(key: str, node: Node) -> Node:
    """A key node of this name, at the place of the node that stands for it."""
    if isinstance(node, ScalarNode) and node.value == key:
        return node
    return ScalarNode(f"{TAG}str", key, node.start_mark, node.end_mark)


def nowhere() -> Node:
    """Stands for all that no file says."""
    return ScalarNode(f"{TAG}null", "", None, None)
