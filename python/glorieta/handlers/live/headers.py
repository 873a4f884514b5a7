"""Header fields that a handler sends to an upstream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..fields import checked_field

if TYPE_CHECKING:
    from ..transport import Fields

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""They belong to one connection (RFC 9110 §7.6.1), and connections are the engine's."""
OF_THE_ENGINE = frozenset({"content-length", "expect", "host"})
"""The engine writes them itself: it knows the length, and which name the upstream goes by."""

HeaderValues = Mapping[str, str | int | Iterable[str]] | Iterable[tuple[str, str]]
"""What a caller may give: a mapping, whose values may be lists, or pairs."""


def fields_of(given: HeaderValues) -> Fields:
    """Checked fields of a call. `ValueError`: a name or value that HTTP cannot carry, or one that is not the
    caller's to set."""
    fields: Fields = []
    for name, value in given.items() if isinstance(given, Mapping) else given:
        several = (str(value),) if isinstance(value, str | int) else value
        fields.extend(checked_field(name, one) for one in several)
    for name, _ in fields:
        if name in HOP_BY_HOP:
            raise ValueError(f"the header {name} belongs to one connection and cannot be sent on; leave it out")
        if name in OF_THE_ENGINE:
            raise ValueError(f"the header {name} is written by the engine; leave it out")
    return fields
