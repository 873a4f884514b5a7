"""What of an edge somebody wrote, as data.

In Python things are also put into mappings and fields that were left to their defaults
(`edge.upstreams["orders"] = Upstream(…)`): these count as written, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from .base import Noun
from .checking import unplaced
from .edge import Edge
from .errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


def checked_again(edge: Edge) -> Edge:
    """The same, checked as a whole: a mapping takes any value in Python."""
    try:
        checked = Edge.model_validate(edge)
    except ValidationError as error:
        raise ConfigError(unplaced(error, edge.origin.places.file if edge.origin else "Edge")) from None
    mark_written(checked)
    return checked.settled(edge.origin)


def written_data(edge: Edge) -> dict[str, Any]:
    """What was written, in the long form, as a file's data would be."""
    return checked_again(edge).model_dump(mode="json", exclude_unset=True)


def mark_written(noun: Noun) -> bool:
    """Marks what was put into fields that nobody has written themselves; whether anything is written here."""
    written = noun.model_fields_set
    for name in type(noun).model_fields:
        value = getattr(noun, name)
        if holds_written(value) and name not in written:
            written.add(name)
    return bool(written)


def holds_written(value: Any) -> bool:
    if isinstance(value, Noun):
        return mark_written(value)
    if isinstance(value, dict):
        return any_written(value.values()) or bool(value)
    return any_written(value) or bool(value) if isinstance(value, list) else False


def any_written(values: Iterable[Any]) -> bool:
    """Whether one is; all are looked at."""
    return sum(map(holds_written, values)) > 0
