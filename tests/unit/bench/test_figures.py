"""Medians, ratios of the same round, the best peer, and what does not count."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bench import figures
from bench.figures import Spread
from bench.rows import ROWS, Figure, Goal, Table
from bench.samples import Delay, Footprint, Sample

ROW = ROWS[0]


def sample(number: int, contender: str, microseconds: float, void: str | None = None) -> Sample:
    return Sample(
        number, Table.EQUAL, ROW.id, contender, 1000, 2.0, microseconds / 1000, microseconds / 2e6, 1, 0.01, void
    )


def rounds(contender: str, *costs: float) -> list[Sample]:
    return [sample(number, contender, cost) for number, cost in enumerate(costs, 1)]


def values(spread: Spread | None) -> tuple[float, float, float, int]:
    assert spread is not None
    return spread.middle, spread.least, spread.most, spread.count


def near(middle: float, least: float, most: float, count: int) -> object:
    return pytest.approx((middle, least, most, count))


def test_cost_and_rate() -> None:
    one = sample(1, "nginx", 20)
    assert one.microseconds == pytest.approx(20)
    assert one.rate == pytest.approx(500)


def test_the_best_peer_has_the_least_median_and_ours_is_none() -> None:
    found = figures.compare(
        [*rounds("glorieta", 9, 9, 9), *rounds("nginx", 20, 20, 5), *rounds("haproxy", 15, 18, 90)],
        ROW,
        Table.EQUAL,
    )
    assert found.best.peer == "haproxy"
    assert values(found.costs["haproxy"]) == near(18, 15, 90, 3)


def test_ratios_are_taken_within_rounds() -> None:
    """Both are twice as slow in the second round: the ratio is the same, though the medians' spread is wide."""
    found = figures.compare([*rounds("glorieta", 9, 18, 9), *rounds("nginx", 10, 20, 10)], ROW, Table.EQUAL)
    assert values(found.best.ratio) == near(0.9, 0.9, 0.9, 3)
    assert found.best.met is True


@pytest.mark.parametrize(("ours", "met"), [(8.9, True), (9.0, True), (9.1, False)])
def test_a_goal_is_met_by_the_median(ours: float, met: bool) -> None:
    found = figures.compare([*rounds("glorieta", 1, ours, 99), *rounds("nginx", 10, 10, 10)], ROW, Table.EQUAL)
    assert ROW.goals == (Goal(0.90),)
    assert found.best.met is met


def test_a_goal_is_against_the_best_of_the_peers_that_it_names() -> None:
    goals = (Goal(0.5, ("haproxy", "envoy")), Goal(0.5, ("nginx",), Figure.LATENCY))
    row = replace(ROW, goals=goals)
    samples = [*rounds("glorieta", 9), *rounds("nginx", 10), *rounds("haproxy", 20), *rounds("envoy", 18)]
    samples[1] = replace(samples[1], median_seconds=9e-6)
    cpu, latency = figures.compare(samples, row, Table.EQUAL).against
    assert (cpu.peer, values(cpu.ratio), cpu.met) == ("envoy", near(0.5, 0.5, 0.5, 1), True)
    assert (latency.peer, values(latency.ratio), latency.met) == ("nginx", near(0.5, 0.5, 0.5, 1), True)


def test_void_samples_count_nowhere_and_are_named() -> None:
    samples = [*rounds("glorieta", 9, 9), sample(1, "nginx", 1, void="errors: 3 read"), sample(2, "nginx", 10)]
    found = figures.compare(samples, ROW, Table.EQUAL)
    assert values(found.best.ratio) == near(0.9, 0.9, 0.9, 1)
    assert found.voids == {"glorieta": [], "nginx": ["errors: 3 read"]}


@pytest.mark.parametrize("missing", ["glorieta", "nginx"])
def test_without_ours_or_a_peer_there_is_no_verdict(missing: str) -> None:
    samples = [one for name in ("glorieta", "nginx") if name != missing for one in rounds(name, 10)]
    found = figures.compare(samples, ROW, Table.EQUAL)
    assert found.best.ratio is None
    assert found.best.met is None


def test_other_rows_and_tables_do_not_mix() -> None:
    bare = Sample(1, Table.BARE, ROW.id, "nginx", 1, 1.0, 1.0, 0.0, 1, 0.0, None)
    other = Sample(1, Table.EQUAL, ROWS[1].id, "nginx", 1, 1.0, 1.0, 0.0, 1, 0.0, None)
    assert figures.compare([bare, other], ROW, Table.EQUAL).costs == {}


def test_added_delay_is_the_difference_in_the_same_round() -> None:
    delays = [
        Delay(1, "backend", 1000, 900, 0.1, 0.5, None),
        Delay(1, "nginx", 1000, 900, 0.2, 0.8, None),
        Delay(2, "backend", 1000, 900, 0.1, 0.1, None),
        Delay(2, "nginx", 1000, 900, 0.2, 0.4, None),
        Delay(3, "nginx", 1000, 900, 0.2, 9.0, None),
        Delay(2, "envoy", 1000, 900, 0.2, 9.0, "2 of 10 requests failed"),
    ]
    added = figures.added_delays(delays, "backend")
    assert added.keys() == {"nginx"}
    assert values(added["nginx"]) == near(0.3, 0.3, 0.3, 2)


def test_footprints_without_a_figure_or_void_are_left_out() -> None:
    measured = [
        Footprint(1, "nginx", 10, 500.0),
        Footprint(2, "nginx", 10, 700.0),
        Footprint(1, "glorieta-python", 40, None),
        Footprint(1, "envoy", 60, 9.0, void="4 of 5000 idle connections were closed"),
    ]
    idle = figures.footprints(measured, lambda footprint: footprint.idle_bytes)
    assert idle == {"nginx": Spread(600.0, 500.0, 700.0, 2)}
