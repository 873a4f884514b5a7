"""Changes to headers, which are merged header by header rather than field by field: as `plan.filters` merges them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .layer import Layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...config.errors import Path


@dataclass(frozen=True)
class Changed:
    """What happens to one header, each with the layer that says so."""

    remove: Layer | None = None
    set: tuple[str, Layer] | None = None
    add: tuple[tuple[str, Layer], ...] = ()


@dataclass
class Changes:
    """What happens to all headers, by their names in small letters."""

    by_name: dict[str, Changed] = field(default_factory=dict)

    def over(self, layer: Layer) -> None:
        noun = layer.value
        for index, name in enumerate(noun.remove):
            self.by_name[name.lower()] = Changed(remove=layer.inner("remove", None).inner(index, name))
        for name, value in noun.set.items():
            before = self.by_name.get(name.lower(), Changed())
            self.by_name[name.lower()] = Changed(before.remove, (name, layer.inner("set", None).inner(name, value)))
        for name, values in noun.add.items():
            before = self.by_name.get(name.lower(), Changed())
            own = layer.inner("add", None).inner(name, values)
            more = tuple((name, own.inner(index, value)) for index, value in enumerate(values))
            self.by_name[name.lower()] = replace(before, add=(*before.add, *more))


def changes_of(layers: Sequence[Layer], path: Path) -> Iterator[tuple[Path, Layer, bool]]:
    """The changes that hold, as fields of one noun."""
    changes = Changes()
    for layer in layers:
        changes.over(layer)
    values = list(changes.by_name.values())
    # A header that is set needs no removing first.
    removed = [each.remove for each in values if each.remove is not None and each.set is None]
    fields: dict[str, list[tuple[Path, Layer]]] = {
        "set": [((name,), layer) for name, layer in (each.set for each in values if each.set is not None)],
        "add": [((name, index), layer) for each in values for index, (name, layer) in enumerate(each.add)],
        "remove": [((index,), layer) for index, layer in enumerate(removed)],
    }
    for field_name, found in fields.items():
        for inner, layer in found:
            yield (*path, field_name, *inner), layer, True
        if not found:
            yield (*path, field_name), layers[-1].inner(field_name, [] if field_name == "remove" else {}), False
