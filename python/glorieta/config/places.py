"""Where in a file each value stands: asked only when something is wrong, so it costs nothing before."""

from __future__ import annotations

from dataclasses import dataclass, field

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from .errors import Path, Place

MERGE = "<<"
"""The key that puts other mappings' keys into this one (from YAML 1.1; anchors are of little use without it)."""

Entry = tuple[Node, Node]
"""A key and its value."""


@dataclass
class Places:
    """The places of one file, or of none."""

    file: str = ""
    root: Node | None = None
    _entries: dict[int, dict[str, Entry]] = field(default_factory=dict, repr=False)

    def find(self, path: Path, *, key: bool = False) -> Place | None:
        """The place of a value, or of what comes nearest to it from outside; `key`: the place of its key."""
        if self.root is None:
            return None
        node, name = self.walk(path)[:2]
        if name is not None and (key or is_block(node)):
            node = name
        return self.place(node)

    def node(self, path: Path) -> Node | None:
        """The node at exactly this path."""
        if self.root is None:
            return None
        node, _, depth = self.walk(path)
        return node if depth == len(path) else None

    def written(self, path: Path) -> Path:
        """The path without what only a short form stands for: `bind`, where `bind.0` is written as one text."""
        if self.root is None:
            return path
        node, _, depth = self.walk(path)
        rest = path[depth:]
        return path[:depth] if rest and isinstance(rest[0], int) and isinstance(node, ScalarNode) else path

    def walk(self, path: Path) -> tuple[Node, Node | None, int]:
        """The innermost node on a path, its key, and how many steps led there."""
        assert self.root is not None
        node, name = self.root, None
        for depth, step in enumerate(path):
            if isinstance(node, MappingNode):
                entry = self.entries(node).get(str(step))
                if entry is None:
                    return node, name, depth
                name, node = entry
            elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
                name, node = None, node.value[step]
            else:
                return node, name, depth
        return node, name, len(path)

    def entries(self, node: MappingNode) -> dict[str, Entry]:
        """A mapping's entries by key, those of merged mappings included."""
        found = self._entries.get(id(node))
        if found is None:
            found = self._entries[id(node)] = {}
            for key, value in node.value:
                if isinstance(key, ScalarNode) and key.value == MERGE:
                    for source in value.value if isinstance(value, SequenceNode) else [value]:
                        if isinstance(source, MappingNode) and source is not node:
                            found.update({**self.entries(source), **found})
            found.update({key.value: (key, value) for key, value in node.value if isinstance(key, ScalarNode)})
        return found

    def place(self, node: Node) -> Place:
        return Place(self.file, node.start_mark.line + 1, node.start_mark.column + 1)


def is_block(node: Node) -> bool:
    """Whether a value begins on a later line than its key."""
    return isinstance(node, MappingNode | SequenceNode) and not node.flow_style
