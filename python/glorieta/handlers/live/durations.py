"""Durations as the configuration writes them: `"150ms"`, never a bare number."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from ...config.units import parse_duration

Duration = str | timedelta
"""`"150ms"`, `"1m30s"`, or a `timedelta`."""


@lru_cache(maxsize=1024)
def seconds(value: Duration) -> float:
    """Its seconds. `ValueError`: it is no duration, with the fix; `TypeError`: a bare number, which means nothing."""
    if not isinstance(value, str | timedelta):
        raise TypeError(f'{value!r} is not a duration; write it with its unit, such as "150ms" or "2s"')
    return parse_duration(value).total_seconds()
