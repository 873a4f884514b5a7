"""Durations, sizes, rates and shares: what is read, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glorieta.config.errors import Wrong
from glorieta.config.units import (
    Bytes,
    format_duration,
    format_size,
    milliseconds,
    parse_duration,
    parse_frequency,
    parse_head_size,
    parse_percent,
    parse_rate,
    parse_size,
    parse_timeout,
)

TEN_YEARS = 3650 * 86_400_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", 0),
        ("250ms", 250),
        ("5s", 5000),
        ("1.5s", 1500),
        ("10m", 600_000),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
        ("1h30m", 5_400_000),
        (" 1m5s ", 65_000),
        (timedelta(seconds=3), 3000),
    ],
)
def test_durations_are_read(text: Any, expected: int) -> None:
    assert milliseconds(parse_duration(text)) == expected


@pytest.mark.parametrize(
    ("value", "message", "fix"),
    [
        ("5", '"5" has no unit', "write 5s or 5m"),
        (5, '"5" has no unit', "write 5s or 5m"),
        ("soon", '"soon" is not a duration', "write 250ms, 5s, 10m, 2h or 1h30m"),
        ("5 s", '"5 s" is not a duration', "write 250ms, 5s, 10m, 2h or 1h30m"),
        ("-5s", '"-5s" is not a duration', "write 250ms, 5s, 10m, 2h or 1h30m"),
        ("0.5ms", '"0.5ms" is finer than a millisecond', "write whole milliseconds"),
        ("4000d", '"4000d" is longer than ten years', None),
        (True, "a duration is expected here", "write 5s"),
        ([], "a duration is expected here", "write 5s"),
        (timedelta(seconds=-1), "-1 day, 23:59:59 is not a duration of whole milliseconds", None),
        (timedelta(microseconds=5), "0:00:00.000005 is not a duration of whole milliseconds", None),
    ],
)
def test_what_is_no_duration_says_what_to_write(value: Any, message: str, fix: str | None) -> None:
    with pytest.raises(Wrong) as caught:
        parse_duration(value)
    assert (caught.value.message, caught.value.fix) == (message, fix)


def test_a_timeout_of_nothing_is_refused() -> None:
    assert parse_timeout("1ms") == timedelta(milliseconds=1)
    with pytest.raises(Wrong, match="leaves no time at all"):
        parse_timeout("0s")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0B", 0), ("512B", 512), ("1kB", 1000), ("32KiB", 32768), ("10 MiB", 10 * 1024**2), ("1.5GB", 1_500_000_000)],
)
def test_sizes_are_read(text: str, expected: int) -> None:
    size = parse_size(text)
    assert size == expected
    assert parse_size(size) is size


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("10", '"10" has no unit'),
        (10, '"10" has no unit'),
        ("10MB/s", '"10MB/s" is not a size'),
        ("10 apples", '"10 apples" is not a size'),
        ("0.5B", '"0.5B" is not a whole number of bytes'),
        ("2000000000GiB", '"2000000000GiB" is larger than an exbibyte'),
        (None, "a size is expected here"),
    ],
)
def test_what_is_no_size_is_refused(value: Any, message: str) -> None:
    with pytest.raises(Wrong) as caught:
        parse_size(value)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("value", "expected"), [("500B/s", 500), ("1KiB /s", 1024), ("off", 0), (False, 0), (Bytes(7), 7)]
)
def test_rates_are_read(value: Any, expected: int) -> None:
    assert parse_rate(value) == expected


@pytest.mark.parametrize(("value", "fix"), [("5", "write 5B/s"), ("5KiB", "write 5KiB/s")])
def test_a_rate_is_per_second(value: str, fix: str) -> None:
    with pytest.raises(Wrong) as caught:
        parse_rate(value)
    assert caught.value.fix == fix


def test_a_rate_has_an_upper_bound() -> None:
    with pytest.raises(Wrong, match=r"more than 1GiB/s"):
        parse_rate("2GiB/s")


@pytest.mark.parametrize(("value", "expected"), [("10/s", 10), ("0 / s", 0), (7, 7)])
def test_frequencies_are_read(value: Any, expected: int) -> None:
    assert parse_frequency(value) == expected


@pytest.mark.parametrize(
    ("value", "fix"), [("10", "write 10/s"), ("10/m", "write 10/s"), ("-1/s", "write 10/s"), (-1, "write 10/s")]
)
def test_what_is_no_frequency_is_refused(value: Any, fix: str) -> None:
    with pytest.raises(Wrong) as caught:
        parse_frequency(value)
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    ("value", "expected"), [("50%", 50), ("50 %", 50), ("50", 50), (50, 50), ("0%", 0), ("100%", 100), ("off", 0)]
)
def test_shares_are_read(value: Any, expected: int) -> None:
    assert parse_percent(value) == expected


@pytest.mark.parametrize("value", ["101%", "-1%", "half", "5.5%", "", "٥٠%"])
def test_what_is_no_share_is_refused(value: str) -> None:
    with pytest.raises(Wrong, match="is not a share"):
        parse_percent(value)


@pytest.mark.parametrize(("value", "good"), [("255B", False), ("256B", True), ("16MiB", True), ("17MiB", False)])
def test_heads_have_bounds(value: str, good: bool) -> None:
    if good:
        assert parse_head_size(value) == parse_size(value)
        return
    with pytest.raises(Wrong, match="out of bounds; write 256B to 16MiB"):
        parse_head_size(value)


@given(st.integers(0, TEN_YEARS))
def test_a_duration_survives_being_written(number: int) -> None:
    duration = timedelta(milliseconds=number)
    assert parse_duration(format_duration(duration)) == duration


@given(st.integers(0, 1024**6))
def test_a_size_survives_being_written(number: int) -> None:
    assert parse_size(format_size(number)) == number


@given(st.text(max_size=12))
def test_any_text_is_read_or_refused_in_our_words(text: str) -> None:
    for parse in (parse_duration, parse_size, parse_rate, parse_percent, parse_frequency):
        with suppress(Wrong):
            assert parse(text) is not None
