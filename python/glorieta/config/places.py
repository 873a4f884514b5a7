"""Where in which file each value stands: asked only when something is wrong, so it costs nothing before.

A configuration of several files is one tree of YAML nodes: made ones at the top, and below them what the files say,
grafted. Only where a graft begins it is noted which file goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from .errors import Path, Place, Problem, Severity, Wrong
from .values import Expanded, Outside
from .veil import veiled, veiled_within

if TYPE_CHECKING:
    from collections.abc import Callable

MERGE = "<<"
"""The key that puts other mappings' keys into this one (from YAML 1.1; anchors are of little use without it)."""

Entry = tuple[Node, Node]
"""A key and its value."""


@dataclass(frozen=True)
class Inclusion:
    """Where a file is included, and what would include it as a team's."""

    path: Path
    place: Place | None
    as_teams: Callable[[str], str]
    """The entry that says whose file it is, for a team."""


@dataclass(frozen=True)
class Source:
    """A file, or a Python object, that says a part of a configuration."""

    file: str
    """Its name as a person at the working folder would write it."""
    folder: FilePath
    """Where relative paths in it start."""
    team: str | None = None
    inclusion: Inclusion | None = field(default=None, compare=False)
    """None: a command names it."""


@dataclass(frozen=True)
class Found:
    """How far a path leads into the tree."""

    node: Node
    name: Node | None
    """The key of the node; none in a list and at the top."""
    depth: int
    """How many steps led there."""
    source: Source


@dataclass
class Places:
    """The places of one configuration, or of none."""

    file: str = ""
    """The name of the file that comes first."""
    root: Node | None = None
    folder: FilePath = field(default_factory=FilePath.cwd)
    files: list[str] = field(default_factory=list)
    """The names of all files in the order in which their problems are told."""
    grafts: dict[int, tuple[Node, Source]] = field(default_factory=dict, repr=False)
    """Where another file's part begins, by node. The nodes are kept, so that no other gets the number of one."""
    overlaid: dict[Path, Place | None] = field(default_factory=dict, repr=False)
    """Everything that overlays say, mappings as well as what is in them, and where the last of them does."""
    removed: set[Path] = field(default_factory=set, repr=False)
    """What overlays have removed."""
    self_named: list[Problem] = field(default_factory=list, repr=False)
    """Files that say themselves whose they are: what is wrong with that where a listener admits teams."""
    _entries: dict[int, tuple[Node, dict[str, Entry]]] = field(default_factory=dict, repr=False)
    _outside: dict[int, tuple[Node, tuple[Expanded, ...]]] = field(default_factory=dict, repr=False)

    @property
    def home(self) -> Source:
        return Source(self.file, self.folder)

    def graft(self, node: Node, source: Source) -> Node:
        """From this node on, another file speaks."""
        self.grafts[id(node)] = node, source
        return node

    def source_of(self, node: Node, around: Source) -> Source:
        """The source of a node that stands in another one's part."""
        found = self.grafts.get(id(node))
        return found[1] if found else around

    def find(self, path: Path, *, key: bool = False) -> Place | None:
        """The place of a value, or of what comes nearest to it from outside; `key`: the place of its key."""
        if self.root is None:
            return None
        found = self.walk(path)
        node = found.name if found.name is not None and (key or is_block(found.node)) else found.node
        return place_in(found.source.file, node)

    def find_other(self, path: Path) -> Place | None:
        """The place of what something collides with, or where it was removed."""
        return self.overlaid.get(path) if path in self.removed else self.find(path, key=True)

    def source(self, path: Path) -> Source:
        """What says this: the innermost file on the way there."""
        return self.home if self.root is None else self.walk(path).source

    def node(self, path: Path) -> Node | None:
        """The node at exactly this path."""
        if self.root is None:
            return None
        found = self.walk(path)
        return found.node if found.depth == len(path) else None

    def written(self, path: Path) -> Path:
        """The path without what only a short form stands for: `bind`, where `bind.0` is written as one text."""
        if self.root is None:
            return path
        found = self.walk(path)
        rest = path[found.depth :]
        short = rest and isinstance(rest[0], int) and isinstance(found.node, ScalarNode) and found.node.start_mark
        return path[: found.depth] if short else path

    def problem(
        self,
        path: Path,
        message: str,
        fix: str | None = None,
        *,
        key: bool = False,
        also: Path | None = None,
        severity: Severity = "error",
        code: str | None = None,
    ) -> Problem:
        """A problem at a path, and where else, with their places. It says nothing of values from outside."""
        return Problem(
            self.written(path),
            self.veiled(message, path, also),
            self.veiled(fix, path, also) if fix else fix,
            self.find(path, key=key),
            self.source(path).file or None,
            self.written(also) if also is not None else None,
            self.find_other(also) if also is not None else None,
            severity=severity,
            code=code,
        )

    def veiled(self, sentence: str, *paths: Path | None) -> str:
        """A sentence about what stands at these paths, without values from outside."""
        for path in paths:
            if path is None or self.root is None:
                continue
            found = self.walk(path)
            texts = self.outside(found.node, found.source)
            if isinstance(found.node, ScalarNode):
                sentence = veiled(sentence, found.node.value, texts[0]) if texts else sentence
            else:
                sentence = veiled_within(sentence, texts)
        return sentence

    def outside(self, node: Node, source: Source) -> tuple[Expanded, ...]:
        """The texts in a node into which values from outside were put, with these values."""
        known = self._outside.get(id(node))
        if known is not None:
            return known[1]
        self._outside[id(node)] = node, ()
        found: tuple[Expanded, ...] = ()
        if isinstance(node, ScalarNode):
            found = expanded(node, source)
        elif isinstance(node, MappingNode):
            inner = [value for _, value in self.entries(node).values()]
            found = tuple(text for each in inner for text in self.outside(each, self.source_of(each, source)))
        elif isinstance(node, SequenceNode):
            found = tuple(text for each in node.value for text in self.outside(each, self.source_of(each, source)))
        self._outside[id(node)] = node, found
        return found

    def order(self) -> dict[str, int]:
        """The rank of each file's problems."""
        return {file: rank for rank, file in enumerate(self.files)}

    def walk(self, path: Path) -> Found:
        """The innermost node on a path."""
        assert self.root is not None
        node, name, depth = self.root, None, 0
        source = self.source_of(node, self.home)
        for depth, step in enumerate(path):
            if isinstance(node, MappingNode):
                entry = self.entries(node).get(str(step))
                if entry is None:
                    return Found(node, name, depth, source)
                name, node = entry
            elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
                name, node = None, node.value[step]
            else:
                return Found(node, name, depth, source)
            source = self.source_of(node, source)
        return Found(node, name, len(path), source)

    def entries(self, node: MappingNode) -> dict[str, Entry]:
        """A mapping's entries by key, those of merged mappings included."""
        known = self._entries.get(id(node))
        if known is not None:
            return known[1]
        found: dict[str, Entry] = {}
        self._entries[id(node)] = node, found
        for key, value in node.value:
            if isinstance(key, ScalarNode) and key.value == MERGE:
                for source in value.value if isinstance(value, SequenceNode) else [value]:
                    if isinstance(source, MappingNode) and source is not node:
                        found.update({**self.entries(source), **found})
        found.update({key.value: (key, value) for key, value in node.value if isinstance(key, ScalarNode)})
        return found


def expanded(node: ScalarNode, source: Source) -> tuple[Expanded, ...]:
    """The text of a node, read anew: it is asked for only when something is wrong."""
    if "$" not in node.value:
        return ()
    try:
        text = Outside(source.folder, set(), secrets=False).expand(node.value)
    except Wrong:
        return ()
    return (text,) if isinstance(text, Expanded) else ()


def place_in(file: str, node: Node) -> Place | None:
    """The place of a node; none, where it stands for something that no file says (Python does)."""
    mark = node.start_mark
    return Place(file, mark.line + 1, mark.column + 1) if mark is not None else None


def is_block(node: Node) -> bool:
    """Whether a value begins on a later line than its key."""
    return isinstance(node, MappingNode | SequenceNode) and not node.flow_style
