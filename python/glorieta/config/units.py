"""Durations, sizes, rates and shares: numbers carry their unit, because `5` means nothing.

In Python a duration may also be a `datetime.timedelta`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from .errors import Wrong

MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
BYTES = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
}
NUMBER = r"\d+(?:\.\d+)?"
DURATION = re.compile(rf"(?:{NUMBER}(?:ms|[smhd]))+")
DURATION_PART = re.compile(rf"({NUMBER})(ms|[smhd])")
SIZE = re.compile(rf"({NUMBER})\s*([A-Za-z]+)")


def parse_duration(value: Any) -> timedelta:
    """`250ms`, `5s`, `1h30m`; never a bare number."""
    if isinstance(value, timedelta):
        return value
    text = scalar_text(value, "a duration", "5s")
    if re.fullmatch(NUMBER, text):
        raise Wrong(f'"{text}" has no unit', f"write {text}s or {text}m")
    if not DURATION.fullmatch(text):
        raise Wrong(f'"{text}" is not a duration', "write 250ms, 5s, 10m, 2h or 1h30m")
    total = sum((Decimal(number) * MILLISECONDS[unit] for number, unit in DURATION_PART.findall(text)), Decimal(0))
    if total > 3650 * MILLISECONDS["d"]:
        raise Wrong(f'"{text}" is longer than ten years')
    if total != int(total):
        raise Wrong(f'"{text}" is finer than a millisecond', "write whole milliseconds")
    return timedelta(milliseconds=int(total))


def format_duration(value: timedelta) -> str:
    """The shortest text that `parse_duration` reads back to the same value."""
    rest = milliseconds(value)
    if rest == 0:
        return "0s"
    for unit in ("d", "h", "m", "s"):
        if rest >= MILLISECONDS[unit] and rest % MILLISECONDS[unit] == 0:
            return f"{rest // MILLISECONDS[unit]}{unit}"
    if rest >= 60_000 and rest % 1000 == 0:
        return f"{rest // 60_000}m{rest % 60_000 // 1000}s"
    return f"{rest}ms"


def milliseconds(value: timedelta) -> int:
    return value // timedelta(milliseconds=1)


def parse_size(value: Any) -> int:
    """`512B`, `32KiB`, `10MiB`, `1.5GB`; never a bare number."""
    text = scalar_text(value, "a size", "10MiB")
    if re.fullmatch(NUMBER, text):
        raise Wrong(f'"{text}" has no unit', f"write {text}B, {text}KiB or {text}MiB")
    found = SIZE.fullmatch(text)
    if not found or found[2] not in BYTES:
        raise Wrong(f'"{text}" is not a size', "write 512B, 32KiB, 10MiB or 1GiB")
    total = Decimal(found[1]) * BYTES[found[2]]
    if total != int(total):
        raise Wrong(f'"{text}" is not a whole number of bytes')
    return int(total)


def format_size(value: int) -> str:
    for unit in ("GiB", "MiB", "KiB"):
        if value >= BYTES[unit] and value % BYTES[unit] == 0:
            return f"{value // BYTES[unit]}{unit}"
    return f"{value}B"


def parse_rate(value: Any) -> int:
    """`500B/s`: a size for each second."""
    text = scalar_text(value, "a rate", "500B/s")
    if not text.endswith("/s"):
        raise Wrong(f'"{text}" is not a rate', f"write {text if not text.isdigit() else text + 'B'}/s")
    return parse_size(text[:-2].rstrip())


def parse_percent(value: Any) -> int:
    """`50%`, or the same as a whole number."""
    text = scalar_text(value, "a share", "50%").removesuffix("%").strip()
    if not text.isdigit() or int(text) > 100:
        raise Wrong(f'"{value}" is not a share', "write 0% to 100%")
    return int(text)


def scalar_text(value: Any, what: str, example: str) -> str:
    """The text of a YAML scalar; lists, mappings and booleans are none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Wrong(f"{what} is expected here", f"write {example}")
    return str(value).strip()


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, when_used="always"),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$", "examples": ["250ms", "5s", "1h30m"]}),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, when_used="always"),
    WithJsonSchema(
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*(B|[kKMG]B|[KMG]iB)$", "examples": ["512B", "32KiB", "10MiB"]}
    ),
]
Rate = Annotated[
    int,
    BeforeValidator(parse_rate),
    PlainSerializer(lambda value: f"{format_size(value)}/s", when_used="always"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*(B|[kKMG]B|[KMG]iB)/s$", "examples": ["500B/s"]}),
]
Percent = Annotated[
    int,
    BeforeValidator(parse_percent),
    PlainSerializer(lambda value: f"{value}%", when_used="always"),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\d{1,3}%$"}, {"type": "integer"}], "examples": ["50%"]}),
]
