"""Durations, sizes, rates and shares: numbers carry their unit, because `5` means nothing.

In Python a duration may also be a `datetime.timedelta`.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

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
MOST_BYTES = 1024**6
LEAST_HEAD, MOST_HEAD = 256, 16 * 1024**2
MOST_RATE = 1024**3
NUMBER = r"\d+(?:\.\d+)?"
DURATION = re.compile(rf"(?:{NUMBER}(?:ms|[smhd]))+")
DURATION_PART = re.compile(rf"({NUMBER})(ms|[smhd])")
SIZE = re.compile(rf"({NUMBER})\s*([A-Za-z]+)")


def parse_duration(value: Any) -> timedelta:
    """`250ms`, `5s`, `1h30m`; never a bare number."""
    if isinstance(value, timedelta):
        if value < timedelta(0) or value % timedelta(milliseconds=1):
            raise Wrong(f"{value} is not a duration of whole milliseconds")
        return value
    return duration_of(scalar_text(value, "a duration", "5s"))


@lru_cache(maxsize=1024)
def duration_of(text: str) -> timedelta:
    """The same few durations are written again and again."""
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


def parse_timeout(value: Any) -> timedelta:
    """A duration that is not nothing."""
    duration = parse_duration(value)
    if not duration:
        raise Wrong(f'"{value}" leaves no time at all', "write a longer duration, or leave it out for the default")
    return duration


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


class Bytes(int):
    """A number of bytes that has been read; a plain `int` has no unit."""

    __slots__ = ()


def parse_size(value: Any) -> Bytes:
    """`512B`, `32KiB`, `10MiB`, `1.5GB`; never a bare number."""
    if isinstance(value, Bytes):
        return value
    return size_of(scalar_text(value, "a size", "10MiB"))


@lru_cache(maxsize=1024)
def size_of(text: str) -> Bytes:
    """As with durations, it is mostly the same few."""
    if re.fullmatch(NUMBER, text):
        raise Wrong(f'"{text}" has no unit', f"write {text}B, {text}KiB or {text}MiB")
    found = SIZE.fullmatch(text)
    if not found or found[2] not in BYTES:
        raise Wrong(f'"{text}" is not a size', "write 512B, 32KiB, 10MiB or 1GiB")
    total = Decimal(found[1]) * BYTES[found[2]]
    if total != int(total):
        raise Wrong(f'"{text}" is not a whole number of bytes')
    if total > MOST_BYTES:
        raise Wrong(f'"{text}" is larger than an exbibyte')
    return Bytes(total)


def format_size(value: int) -> str:
    """The shortest text that `parse_size` reads back to the same value."""
    for unit in ("GiB", "MiB", "KiB"):
        if value >= BYTES[unit] and value % BYTES[unit] == 0:
            return f"{value // BYTES[unit]}{unit}"
    return f"{value}B"


def parse_head_size(value: Any) -> Bytes:
    """The size of a head: neither too small for any, nor so large that it is no bound."""
    size = parse_size(value)
    if not LEAST_HEAD <= size <= MOST_HEAD:
        raise Wrong(
            f"{format_size(size)} is out of bounds", f"write {format_size(LEAST_HEAD)} to {format_size(MOST_HEAD)}"
        )
    return size


def parse_rate(value: Any) -> Bytes:
    """`500B/s`: a size for each second; `off` for none."""
    if isinstance(value, Bytes):
        return value
    if value is False or value == "off":
        return Bytes(0)
    text = scalar_text(value, "a rate", "500B/s")
    if not text.endswith("/s"):
        raise Wrong(f'"{text}" is not a rate', f"write {text if not text.isdigit() else text + 'B'}/s")
    rate = parse_size(text[:-2].rstrip())
    if rate > MOST_RATE:
        raise Wrong(f'"{text}" is more than {format_size(MOST_RATE)}/s')
    return rate


def parse_frequency(value: Any) -> int:
    """`10/s`: so many each second."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
        return value
    text = scalar_text(value, "a frequency", "10/s")
    found = re.fullmatch(r"(\d{1,9})\s*/\s*s", text)
    if not found:
        raise Wrong(f'"{text}" is not a frequency', f"write {text if text.isdigit() else 10}/s")
    return int(found[1])


def parse_percent(value: Any) -> int:
    """`50%`, or the same as a whole number; `off` for 0 %."""
    if value is False or value == "off":
        return 0
    text = scalar_text(value, "a share", "50%").removesuffix("%").strip()
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) > 100:
        raise Wrong(f'"{value}" is not a share', "write 0% to 100%")
    return int(text)


def scalar_text(value: Any, what: str, example: str) -> str:
    """The text of a YAML scalar; lists, mappings and booleans are none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Wrong(f"{what} is expected here", f"write {example}")
    return str(value).strip()


Duration = Annotated[
    timedelta,
    PlainValidator(parse_duration),
    PlainSerializer(format_duration, when_used="always"),
    WithJsonSchema(
        {
            "$comment": "duration",
            "type": "string",
            "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$",
            "examples": ["250ms", "5s", "1h30m"],
        }
    ),
]
Timeout = Annotated[Duration, PlainValidator(parse_timeout)]
Size = Annotated[
    int,
    PlainValidator(parse_size),
    PlainSerializer(format_size, when_used="always"),
    WithJsonSchema(
        {
            "$comment": "size",
            "type": "string",
            "pattern": r"^\d+(\.\d+)?\s*(B|[kKMG]B|[KMG]iB)$",
            "examples": ["512B", "32KiB", "10MiB"],
        }
    ),
]
HeadSize = Annotated[Size, PlainValidator(parse_head_size)]
Rate = Annotated[
    int,
    PlainValidator(parse_rate),
    PlainSerializer(lambda value: f"{format_size(value)}/s", when_used="always"),
    WithJsonSchema(
        {
            "$comment": "rate",
            "type": "string",
            "pattern": r"^(\d+(\.\d+)?\s*(B|[kKMG]B|[KMG]iB)/s|off)$",
            "examples": ["500B/s"],
        }
    ),
]
Frequency = Annotated[
    int,
    PlainValidator(parse_frequency),
    PlainSerializer(lambda value: f"{value}/s", when_used="always"),
    WithJsonSchema({"$comment": "frequency", "type": "string", "pattern": r"^\d+\s*/\s*s$", "examples": ["10/s"]}),
]
Percent = Annotated[
    int,
    PlainValidator(parse_percent),
    PlainSerializer(lambda value: f"{value}%", when_used="always"),
    WithJsonSchema(
        {
            "$comment": "share",
            "anyOf": [{"type": "string", "pattern": r"^(\d{1,3}%|off)$"}, {"type": "integer"}],
            "examples": ["50%"],
        }
    ),
]
