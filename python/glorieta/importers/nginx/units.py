"""NGINX's times, sizes and switches in glorieta's words."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from ...config.units import format_duration, format_size
from .unclear import Unclear

TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|M|y)?")
MILLISECONDS = {
    "ms": 1,
    "s": 1000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 7 * 86_400_000,
    "M": 30 * 86_400_000,
    "y": 365 * 86_400_000,
    "": 1000,
}
SIZE = re.compile(r"(\d+)([kKmMgG]?)")
BYTES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def duration(text: str) -> timedelta:
    """`60`, `60s`, `1h 30m`."""
    parts = TIME.findall(text.replace(" ", ""))
    if not parts or "".join(number + unit for number, unit in parts) != text.replace(" ", ""):
        raise Unclear(f'"{text}" is no time')
    total = sum((Decimal(number) * MILLISECONDS[unit] for number, unit in parts), Decimal(0))
    return timedelta(milliseconds=int(total))


def duration_text(text: str) -> str:
    return format_duration(duration(text))


def size(text: str) -> int:
    """`8k`, `10m`, `512`."""
    found = SIZE.fullmatch(text)
    if not found:
        raise Unclear(f'"{text}" is no size')
    return int(found[1]) * BYTES[found[2].lower()]


def size_text(text: str) -> str:
    return format_size(size(text))
