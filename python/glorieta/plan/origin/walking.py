"""Walks an edge, noun by noun and field by field, with all layers of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...config.base import Noun
from ...config.filter import RequestHeaders, ResponseHeaders
from ...config.group import Group
from ...config.nouns import own_first
from .headers import changes_of
from .layer import Around, Layer, said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...config.edge import Edge
    from ...config.errors import Path

Found = tuple["Path", Layer, bool]
"""A path, the layer that says what holds there, and whether somebody wrote it."""


class Walk:
    """One walk; `listeners`: at which listener each group is; `is_unread`: whether a value was left out because it is
    not at hand."""

    def __init__(self, edge: Edge, listeners: Mapping[str, str], is_unread: Callable[[Path], bool]) -> None:
        self.edge = edge
        self.listeners = listeners
        self.is_unread = is_unread
        self.inside: dict[str, Around] = {}
        """What reaches to everything within a listener."""

    def values(self) -> Iterator[Found]:
        yield from self.noun(type(self.edge), [Layer(self.edge, ())], (), Around())

    def noun(self, kind: type[Noun], layers: Sequence[Layer], path: Path, around: Around) -> Iterator[Found]:
        if issubclass(kind, RequestHeaders | ResponseHeaders):
            yield from changes_of(layers, path)
            return
        found = said(kind, layers)
        top = layers[-1]
        within = around.within(top.value, path) if top.path == path else around
        if path[:1] == ("listeners",) and len(path) == 2:
            self.inside[str(path[1])] = within
        # Mappings come last, so that what belongs to this noun itself stands together.
        for name in sorted(own_first(kind), key=lambda each: isinstance(getattr(top.value, each), dict)):
            stack = found.get(name)
            layer = stack[-1] if stack else top.inner(name, getattr(top.value, name))
            if not stack and self.is_unread(layer.path):
                yield (*path, name), layer, True
                continue
            if not stack and is_beside(kind, name, found):
                continue
            yield from self.field(stack or [], layer, (*path, name), around, within)

    def field(
        self, stack: Sequence[Layer], layer: Layer, path: Path, around: Around, within: Around
    ) -> Iterator[Found]:
        """The values of one field; `stack`: the layers that say it."""
        value = layer.value
        if isinstance(value, Noun):
            layers = [*around.beneath(type(value)), *(stack or [layer])]
            yield from self.noun(type(value), layers, path, around)
        elif isinstance(value, dict | list) and value:
            items = value.items() if isinstance(value, dict) else enumerate(value)
            for key, item in items:
                yield from self.item(layer.inner(key, item), (*path, key), within, bool(stack))
        else:
            yield path, layer, bool(stack)

    def item(self, layer: Layer, path: Path, around: Around, written: bool) -> Iterator[Found]:
        """One of several in a mapping or a list."""
        value = layer.value
        if isinstance(value, Noun):
            if isinstance(value, Group):
                around = self.inside.get(self.listeners.get(str(path[-1]), ""), around)
            yield from self.noun(type(value), [*around.beneath(type(value)), layer], path, around)
        elif isinstance(value, list) and value:
            for index, each in enumerate(value):
                yield (*path, index), layer.inner(index, each), written
        else:
            yield path, layer, written


def is_beside(kind: type[Noun], name: str, found: Mapping[str, Any]) -> bool:
    """Whether this is one of several alternatives and another one holds, or none that says anything."""
    sets = [each for each in kind.alternatives if name in each]
    default = kind.model_fields[name].get_default(call_default_factory=True)
    return any(not each.isdisjoint(found) or default in (None, []) for each in sets)
