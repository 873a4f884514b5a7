"""Each claim of the demo fails when it should."""

import pytest

from glorieta.demo.checks import Check, verify
from glorieta.demo.ledger import Ledger, Outcome

NAMES = ["service1-a", "service1-b"]


def good_run() -> Ledger:
    """A GET every tenth of a second; from 2 s on only `a` answers; one POST was cut."""
    ledger = Ledger(killed_at=2.0)
    for number in range(40):
        name = NAMES[number % 2] if number < 20 else NAMES[0]
        ledger.add(Outcome(number, "GET", f"/service1/{number}", number / 10, number / 10 + 0.01, 200, name))
    ledger.add(Outcome(40, "POST", "/service1/40", 1.99, 2.01, 502))
    return ledger


def failed(ledger: Ledger, planned: int = 41) -> list[str]:
    checks: list[Check] = verify(ledger, planned, NAMES, "service1-b", "/service1/")
    return [check.claim for check in checks if not check.passed]


def test_a_good_run_passes() -> None:
    assert failed(good_run()) == []


def test_a_lost_request_is_noticed() -> None:
    assert failed(good_run(), planned=42) == ["every request of the schedule has exactly one outcome"]


def test_a_request_counted_twice_is_noticed() -> None:
    ledger = good_run()
    ledger.add(ledger.outcomes[0])
    assert "every request of the schedule has exactly one outcome" in failed(ledger)


@pytest.mark.parametrize("status", [502, 503, 404, None])
def test_a_failed_get_is_noticed(status: int | None) -> None:
    ledger = good_run()
    ledger.add(Outcome(41, "GET", "/service1/41", 2.1, 2.2, status))
    assert failed(ledger, 42) == ["no idempotent request failed"]


def test_a_post_that_failed_elsewhere_is_noticed() -> None:
    ledger = good_run()
    ledger.add(Outcome(41, "POST", "/service2/41", 2.1, 2.2, 502))
    assert failed(ledger, 42) == ["a POST failed only where it had been sent to the killed instance"]


def test_an_instance_that_was_never_used_is_noticed() -> None:
    ledger = good_run()
    ledger.outcomes = [outcome for outcome in ledger.outcomes if outcome.service != "service1-b"]
    assert failed(ledger, 31) == ["before the kill both instances of service1 answered"]


def test_answers_of_the_dead_are_noticed() -> None:
    ledger = good_run()
    ledger.add(Outcome(41, "GET", "/service1/41", 3.5, 3.6, 200, "service1-b"))
    assert failed(ledger, 42) == ["after the kill the other instance answered"]


def test_a_run_without_a_kill_proves_nothing() -> None:
    ledger = good_run()
    ledger.killed_at = None
    assert "after the kill the other instance answered" in failed(ledger)
