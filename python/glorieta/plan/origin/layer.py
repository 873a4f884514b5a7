"""What lies beneath what: the defaults and filters that reach inwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...config.base import Noun, taken_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ...config.errors import Path

REACHING = "filters"
"""The field that holds for everything within its noun, too."""
DEFAULTS = "defaults"
"""The field whose own fields hold for everything within its noun."""


@dataclass(frozen=True)
class Layer:
    """A value of one layer: where it stands, and what says it for others."""

    value: Any
    path: Path
    via: str | None = None

    def inner(self, step: str | int, value: Any) -> Layer:
        return Layer(value, (*self.path, step), self.via)


@dataclass(frozen=True)
class Around:
    """The layers that reach from outside to here, the outermost first."""

    layers: tuple[Layer, ...] = ()

    def beneath(self, kind: type[Noun]) -> list[Layer]:
        """What lies beneath a noun of a kind: layers of the same one, or of those from which it inherits."""
        return [layer for layer in self.layers if issubclass(kind, type(layer.value))]

    def within(self, noun: Noun, path: Path) -> Around:
        """What reaches to everything within a noun."""
        return Around((*self.layers, *reaching(noun, path)))


def reaching(noun: Noun, path: Path) -> Iterator[Layer]:
    fields = type(noun).model_fields
    name = f"{str(path[0]).removesuffix('s')} {path[1]}" if len(path) > 1 else None
    if REACHING in fields:
        yield Layer(getattr(noun, REACHING), (*path, REACHING), name)
    if DEFAULTS in fields:
        defaults: Noun = getattr(noun, DEFAULTS)
        for each in type(defaults).model_fields:
            via = f"defaults of {name}" if name else f"{DEFAULTS}.{each}"
            yield Layer(getattr(defaults, each), (*path, DEFAULTS, each), via)


def said(kind: type[Noun], layers: Iterable[Layer]) -> dict[str, list[Layer]]:
    """For each field that somebody wrote, the layers whose values hold together: as `layered` lays them."""
    found: dict[str, list[Layer]] = {}
    for layer in layers:
        written = layer.value.model_fields_set & kind.model_fields.keys()
        for name in taken_back(kind, written):
            found.pop(name, None)
        for name in written:
            inner = layer.inner(name, getattr(layer.value, name))
            before = found.get(name)
            merges = before is not None and isinstance(before[-1].value, Noun) and isinstance(inner.value, Noun)
            found[name] = [*(before or []), inner] if merges else [inner]
    return found
