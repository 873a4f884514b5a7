"""Numbers of a Plan in words for a person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..config.units import format_duration, format_size

if TYPE_CHECKING:
    from collections.abc import Callable

UNITS: dict[str, Callable[[int], str]] = {
    "_ms": lambda value: format_duration(timedelta(milliseconds=value)),
    "bytes": format_size,
    "_percent": lambda value: f"{value}%",
    "percent": lambda value: f"{value}%",
    "body_rate": lambda value: f"{format_size(value)}/s" if value else "off",
    "floor_per_second": lambda value: f"{value}/s",
    "new_connections_per_client": lambda value: f"{value}/s" if value else "any number",
    "new_connections": lambda value: f"{value}/s" if value else "any number",
    "connections_per_client": lambda value: str(value) if value else "any number",
}
"""How numbers read, by the end of their field's name."""


def number_text(field: str, value: int) -> str:
    """A number as a person would write it, with the unit that its field's name says."""
    return next((write(value) for suffix, write in UNITS.items() if field.endswith(suffix)), str(value))


def time_text(milliseconds: int) -> str:
    return format_duration(timedelta(milliseconds=milliseconds))
