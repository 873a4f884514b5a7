"""When certificates are ordered and renewed, and when issuers are left alone: without clock and dice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glorieta.control.acme import schedule
from glorieta.control.acme.schedule import DAY, HOUR, MINUTE, Held, Window

NINETY = Held(begins=0.0, ends=90 * DAY)
SIX = Held(begins=0.0, ends=6 * DAY)
MOMENTS = st.floats(0, 2e9)
CHANCES = st.floats(0, 1)


@pytest.mark.parametrize(
    ("held", "renew_before", "chance", "expected"),
    [
        (NINETY, None, 0.0, 60 * DAY),
        (NINETY, None, 1.0, 59 * DAY),
        (SIX, None, 0.0, 4 * DAY),
        (SIX, None, 1.0, 4 * DAY - 6 * DAY / 30),
        (NINETY, 30 * DAY, 0.0, 60 * DAY),
        (NINETY, 10 * DAY, 0.0, 80 * DAY),
        # Never sooner than half of its life, never later than is safe.
        (NINETY, 100 * DAY, 0.0, 45 * DAY),
        (SIX, 30 * DAY, 1.0, 3 * DAY),
        (NINETY, 0.0, 0.0, 85.5 * DAY),
    ],
)
def test_usual_renewal(held: Held, renew_before: float | None, chance: float, expected: float) -> None:
    assert schedule.usual_renewal(held, renew_before, chance) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("window", "chance", "expected"),
    [
        (Window(60 * DAY, 62 * DAY), 0.0, 60 * DAY),
        (Window(60 * DAY, 62 * DAY), 0.5, 61 * DAY),
        # It is to be replaced now: an issuer has signed what it should not have.
        (Window(-3 * DAY, -2 * DAY), 1.0, -2 * DAY),
        # An issuer's error lets nothing expire.
        (Window(400 * DAY, 401 * DAY), 0.0, 85.5 * DAY),
    ],
)
def test_renewal_as_the_issuer_wishes(window: Window, chance: float, expected: float) -> None:
    assert schedule.asked_renewal(NINETY, window, chance) == pytest.approx(expected)


def test_a_window_that_ends_before_it_begins_means_nothing() -> None:
    assert not Window(2.0, 1.0).is_sane
    assert Window(1.0, 2.0).is_sane


@pytest.mark.parametrize(
    ("retry_after", "expected"),
    [(None, 6 * HOUR), (HOUR, HOUR), (0.0, 5 * MINUTE), (1e9, DAY)],
)
def test_how_often_an_issuer_is_asked_when_to_renew(retry_after: float | None, expected: float) -> None:
    assert schedule.next_ask(1000.0, retry_after) == 1000.0 + expected


@pytest.mark.parametrize(
    ("failures", "expected"),
    [(0, 0), (1, 5 * MINUTE), (2, 10 * MINUTE), (3, 20 * MINUTE), (7, 320 * MINUTE), (8, 6 * HOUR), (10_000, 6 * HOUR)],
)
def test_pauses_double_and_are_bounded(failures: int, expected: float) -> None:
    assert schedule.pause(failures, 0.0) == expected
    assert expected <= schedule.pause(failures, 1.0) <= expected * 1.1


def test_an_issuer_that_asks_for_patience_gets_it_within_bounds() -> None:
    assert schedule.after_failure(0.0, 1, 2 * HOUR, 0.0) == 2 * HOUR
    assert schedule.after_failure(0.0, 1, 1.0, 0.0) == 5 * MINUTE
    assert schedule.after_failure(0.0, 1, 1e9, 0.0) == DAY


@pytest.mark.parametrize(
    ("held", "renew_at", "not_before", "expected"),
    [
        (None, None, 0.0, 0.0),
        (None, None, 500.0, 500.0),
        (NINETY, 60 * DAY, 0.0, 60 * DAY),
        (NINETY, 60 * DAY, 61 * DAY, 61 * DAY),
        (Held(0.0, 90 * DAY, is_complete=False), 60 * DAY, 0.0, 0.0),
        (Held(0.0, 90 * DAY, is_complete=False), 60 * DAY, 500.0, 500.0),
    ],
)
def test_due(held: Held | None, renew_at: float | None, not_before: float, expected: float) -> None:
    assert schedule.due(held, renew_at, not_before) == expected


def test_what_is_tried_again_in_an_hour_is_bounded_together() -> None:
    now = 10 * HOUR
    most, often = schedule.MOST_RETRIES, schedule.MOST_OFTEN
    assert schedule.allowed([now - 60.0] * (most - 1), now, 1) == now
    assert schedule.allowed([now - 60.0] * most, now, 1) == now - 60.0 + HOUR
    assert schedule.allowed([now - 2 * HOUR] * 100, now, 1) == now
    # What has failed often has less of it, what has never failed all that it wants.
    assert schedule.allowed([now - 60.0] * often, now, schedule.OFTEN) == now - 60.0 + HOUR
    assert schedule.allowed([now - 60.0] * often, now, schedule.OFTEN - 1) == now
    assert schedule.allowed([now - 60.0] * (most + often), now, 0) == now


@pytest.mark.parametrize(("now", "expected"), [(0.0, False), (74 * DAY, False), (76 * DAY, True), (91 * DAY, True)])
def test_what_expires_soon(now: float, expected: bool) -> None:
    assert NINETY.expires_soon(now) is expected


@given(begins=MOMENTS, life=st.floats(60, 4e8), before=st.none() | st.floats(0, 1e9), chance=CHANCES)
def test_a_renewal_is_always_within_the_second_half_of_a_life(
    begins: float, life: float, before: float | None, chance: float
) -> None:
    held = Held(begins, begins + life)
    moment = schedule.usual_renewal(held, before, chance)
    assert begins + life * 0.5 - 1 <= moment <= begins + life * 0.95 + 1


@given(start=st.floats(-4e9, 4e9), length=st.floats(1, 4e9), chance=CHANCES)
def test_no_wish_of_an_issuer_lets_a_certificate_expire(start: float, length: float, chance: float) -> None:
    assert schedule.asked_renewal(NINETY, Window(start, start + length), chance) < NINETY.ends


@given(chances=st.lists(CHANCES, min_size=60, max_size=60))
def test_one_name_that_always_fails_stays_below_what_issuers_allow(chances: list[float]) -> None:
    """Let's Encrypt: five failures per name and hour."""
    now, moments = 0.0, []
    for failures, chance in enumerate(chances, 1):
        moments.append(now)
        now = schedule.after_failure(now, failures, None, chance)
    busiest = max(sum(first <= each < first + HOUR for each in moments) for first in moments)
    assert busiest <= 4
    assert sum(each < DAY for each in moments) <= 12
