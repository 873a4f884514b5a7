"""From YAML text to plain data, by YAML 1.2's rules and within bounds.

libyaml's `compose` gives nodes with their places at the speed of C. What they mean is decided here:
only `true` and `false` are booleans (`off`, `on`, `yes` are texts), numbers stay texts until a field asks
for one, a key may stand only once, tags mean nothing, and aliases may not blow a small file up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from .errors import ConfigError, Path, Place, Problem, Wrong
from .misread import explain_misread
from .numbers import plain
from .places import MERGE, Places, place_in
from .values import Expanded, Outside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path as FilePath

try:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]
except ImportError as error:
    raise ImportError("PyYAML was installed without libyaml; install a wheel of it: pip install -U pyyaml") from error

LARGEST_TEXT = 32 * 1024 * 1024
MOST_VALUES = 2_000_000
"""Values after aliases are followed; 10,000 routes are about 60,000."""
DEEPEST = 64

TAG = "tag:yaml.org,2002:"
TEXT, NULL, TRUE, FALSE = f"{TAG}str", f"{TAG}null", f"{TAG}bool/true", f"{TAG}bool/false"
PLAIN = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), NULL),
    **dict.fromkeys(("true", "True", "TRUE"), TRUE),
    **dict.fromkeys(("false", "False", "FALSE"), FALSE),
}
"""The plain scalars of YAML 1.2's core schema that are not texts here."""
CONSTANTS = {NULL: None, TRUE: True, FALSE: False}
KNOWN_TAGS = frozenset({f"{TAG}{name}" for name in ("str", "map", "seq", "null", "int", "float")})


class Parser(CParser):
    """libyaml's parser with our reading of plain scalars."""

    def resolve(self, kind: type[Node], value: str | None, implicit: Any) -> str:
        if kind is ScalarNode:
            return PLAIN.get(value or "", TEXT) if implicit[0] else TEXT
        return f"{TAG}map" if kind is MappingNode else f"{TAG}seq"

    def descend_resolver(self, parent: Node | None, index: Any) -> None:
        """Nothing depends on where a scalar stands."""

    def ascend_resolver(self) -> None:
        """As `descend_resolver`."""


@dataclass
class Document:
    """What one text says."""

    data: Any
    places: Places
    problems: list[Problem] = field(default_factory=list)
    files: set[FilePath] = field(default_factory=set)
    """Files whose text was put in (`${file:…}`)."""
    unread: dict[Path, Problem] = field(default_factory=dict)
    """Values that could not be read, by path, and why; nothing stands for them in the data."""
    unknown: list[tuple[Path, Expanded]] = field(default_factory=list)
    """Values that are not at hand, where they need not be."""
    outside: bool = False
    """Whether something in it comes from outside, so that the same text may say another thing the next time."""

    @property
    def is_lasting(self) -> bool:
        """Whether the same text always says the same, and all of it is right."""
        return not (self.outside or self.problems or self.unread)


def read_document(text: str, file: str, folder: FilePath, *, secrets: bool = True) -> Document:
    """Reads YAML; whatever is wrong is among the problems. `secrets`: whether every outside value must be at hand."""
    places = Places(file, folder=folder)
    if len(text) > LARGEST_TEXT:
        problem = Problem((), f"is larger than {LARGEST_TEXT // 1024**2} MiB; configurations are not", file=file)
        return Document(None, places, [problem])
    try:
        places.root = read_nodes(text, file)
    except ConfigError as error:
        return Document(None, places, error.problems)
    if places.root is None:
        return Document({}, places)
    outside = Outside(folder, set(), secrets)
    reader = Reader(places, outside)
    data = reader.read(places.root)
    return Document(data, places, reader.problems, outside.read, reader.unread, reader.unknown, outside.used)


def read_nodes(text: str, file: str) -> Node | None:
    """The tree of a text; none, where it says nothing."""
    try:
        root: Node | None = Parser(text).get_single_node()
    except yaml.YAMLError as error:
        raise ConfigError([explain_misread(error, text, file)]) from None
    return root


class Reader:
    """Turns nodes into data; a node that several aliases mean is read once."""

    def __init__(self, places: Places, outside: Outside) -> None:
        self.places = places
        self.outside = outside
        self.problems: list[Problem] = []
        self.unread: dict[Path, Problem] = {}
        self.unknown: list[tuple[Path, Expanded]] = []
        self.path: list[str | int] = []
        self.made: dict[int, tuple[Any, int]] = {}
        """Data and number of values, by node."""
        self.open: set[int] = set()

    def read(self, node: Node) -> Any:
        data, count = self.value(node)
        if count > MOST_VALUES:
            self.problem(node, f"aliases make more than {MOST_VALUES} values of this file")
            return {}
        return data

    def value(self, node: Node) -> tuple[Any, int]:
        """Data, and how many values it has with aliases followed."""
        if isinstance(node, ScalarNode):
            return self.scalar(node), 1
        made = self.made.get(id(node))
        if made is not None:
            return made
        if id(node) in self.open:
            self.skip(node, "an alias stands within what it means")
            return None, 1
        if len(self.path) > DEEPEST:
            self.skip(node, f"is nested deeper than {DEEPEST}")
            return None, 1
        self.open.add(id(node))
        read: Callable[[Any], tuple[Any, int]] = self.mapping if isinstance(node, MappingNode) else self.sequence
        self.check_tag(node)
        made = self.made[id(node)] = read(node)
        self.open.discard(id(node))
        return made

    def scalar(self, node: ScalarNode) -> Any:
        if node.tag in CONSTANTS:
            return CONSTANTS[node.tag]
        if node.tag != TEXT:
            self.check_tag(node)
        if "$" not in node.value:
            return node.value if node.style else plain(node.value)
        try:
            text = self.outside.expand(node.value)
        except Wrong as wrong:
            self.skip(node, wrong.message, wrong.fix)
            return None
        if isinstance(text, Expanded) and text.missing:
            self.unknown.append((tuple(self.path), text))
        return text

    def sequence(self, node: SequenceNode) -> tuple[list[Any], int]:
        items, total = [], 1
        for index, child in enumerate(node.value):
            self.path.append(index)
            item, count = self.value(child)
            self.path.pop()
            items.append(item)
            total += count
        return items, total

    def mapping(self, node: MappingNode) -> tuple[dict[str, Any], int]:
        data: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        total = 1
        for key_node, child in node.value:
            if not isinstance(key_node, ScalarNode):
                self.problem(key_node, "a key is a text", misread_key(key_node))
                continue
            key = key_node.value
            self.path.append(key)
            if key in data:
                self.duplicate(node, key, key_node)
            value, count = self.value(child)
            total += count
            if key == MERGE and not key_node.style:
                merged += self.merge(value, key_node)
            elif key not in data:
                data[key] = value
            self.path.pop()
        for source in merged:
            data = {**source, **data}
        return data, total

    def merge(self, value: Any, node: Node) -> list[dict[str, Any]]:
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self.problem(node, "<< puts mappings in here, and this is none", "write <<: *anchor")
        return [source for source in sources if isinstance(source, dict)]

    def duplicate(self, node: MappingNode, key: str, second: Node) -> None:
        first = next(each for each, _ in node.value if isinstance(each, ScalarNode) and each.value == key)
        path: Path = tuple(self.path)
        place, also_place = self.place(second), self.place(first)
        self.problems.append(Problem(path, "stands here a second time", place=place, also=path, also_place=also_place))

    def check_tag(self, node: Node) -> None:
        if node.tag not in KNOWN_TAGS and node.tag not in CONSTANTS:
            tag = node.tag.removeprefix(TAG)
            self.problem(node, f'"{tag}" is a YAML tag; tags mean nothing here', "quote a text that begins with !")

    def skip(self, node: Node, message: str, fix: str | None = None) -> None:
        """Notes a problem of a value that cannot be read."""
        self.problem(node, message, fix)
        self.unread[tuple(self.path)] = self.problems[-1]

    def problem(self, node: Node, message: str, fix: str | None = None) -> None:
        self.problems.append(Problem(tuple(self.path), message, fix, self.place(node)))

    def place(self, node: Node) -> Place | None:
        return place_in(self.places.file, node)


def misread_key(node: Node) -> str | None:
    if isinstance(node, MappingNode) and node.flow_style:
        return 'YAML reads { } as a mapping; put the key in quotes: "{…}"'
    return "put it in quotes"
