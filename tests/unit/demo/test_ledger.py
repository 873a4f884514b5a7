"""The books of the demo's load: what counts as failed, cut or excused."""

from glorieta.demo.ledger import Ledger, Outcome


def outcome(number: int, method: str = "GET", path: str = "/service1/x", **values: object) -> Outcome:
    facts = {"due": number / 10, "finished": number / 10 + 0.05, "status": 200, "service": "service1-a"} | values
    return Outcome(number, method, path, **facts)  # type: ignore[arg-type]


def books(*outcomes: Outcome, killed_at: float | None = 1.0) -> Ledger:
    return Ledger(list(outcomes), killed_at)


def test_answers_are_counted_by_instance_and_span() -> None:
    ledger = books(outcome(1), outcome(2, service="service1-b"), outcome(20), outcome(3, status=502, service=None))
    assert ledger.by_service() == {"service1-a": 2, "service1-b": 1}
    assert ledger.by_service(until=1.0) == {"service1-a": 1, "service1-b": 1}
    assert ledger.by_service(since=1.0) == {"service1-a": 1}


def test_a_redirect_or_an_error_is_no_success() -> None:
    assert [outcome(1, status=status).succeeded for status in (200, 201, 302, 404, 502, None)] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_a_failed_get_is_never_excused() -> None:
    failed = outcome(11, status=502)
    ledger = books(failed)
    assert ledger.idempotent_failures() == [failed]
    assert ledger.cut("/service1/") == []
    assert ledger.unexplained("/service1/") == [failed]


def test_a_post_cut_by_the_kill_is_named() -> None:
    cut = outcome(12, "POST", status=502, service=None)
    ledger = books(cut)
    assert ledger.cut("/service1/") == [cut]
    assert ledger.unexplained("/service1/") == []


def test_the_kill_excuses_nothing_else() -> None:
    before = outcome(5, "POST", status=502)
    other_service = outcome(12, "POST", "/service2/x", status=502)
    other_status = outcome(13, "POST", status=503)
    unanswered = outcome(14, "POST", status=None, error="closed")
    ledger = books(before, other_service, other_status, unanswered)
    assert ledger.cut("/service1/") == []
    assert ledger.unexplained("/service1/") == [before, other_service, other_status, unanswered]


def test_without_a_kill_nothing_is_excused() -> None:
    assert books(outcome(12, "POST", status=502), killed_at=None).cut("/service1/") == []


def test_latency_counts_from_when_a_request_was_due() -> None:
    ledger = books(*(outcome(number, due=0.0, finished=number / 100) for number in range(1, 101)))
    assert ledger.quantile(0.5) == 0.51
    assert ledger.quantile(1.0) == 1.0
    assert books().quantile(0.99) == 0.0
