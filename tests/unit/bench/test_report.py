"""The page and the chart: what was missed is said, and what is to be distrusted too."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

from bench import figures
from bench.goals import verdicts
from bench.peers import TITLES
from bench.report import chart
from bench.report.markdown import Page
from bench.rows import HANDLER_ROWS, OURS_WITH_HANDLERS, PROXY_ROWS, ROWS, Table
from bench.samples import Delay, Footprint, Results, Sample

PAGE = Page(
    machine="A machine with 2 cores.",
    titles=TITLES,
    versions={"nginx": "1.2.3"},
    rows=PROXY_ROWS,
    tables=tuple(Table),
    rounds=5,
    seconds=3,
    left_out=(),
    tried={"http-1": "Fewer wake-ups saved nothing."},
)


def results(ours: float = 8.0) -> Results:
    """Every peer needs 10 µs and more in every row; ours `ours`."""
    costs = {"glorieta": ours, "nginx": 10.0, "haproxy": 11.0}
    samples = [
        Sample(number, table, row.id, name, 1000, 1.0, cost / 1000, 0.001, 1, 0.02, None)
        for number in range(1, 6)
        for table in (Table.EQUAL, Table.BARE)
        for row in PROXY_ROWS
        for name, cost in costs.items()
    ]
    delays = [
        Delay(1, name, 5000, 900, 0.1, p99, None)
        for name, p99 in (("backend", 0.001), ("nginx", 0.002), ("glorieta", 0.0015))
    ]
    footprints = [Footprint(1, "glorieta", 9_000_000, 1000.0), Footprint(1, "glorieta-python", 44_000_000, None)]
    return Results(samples, delays, footprints, {"nginx": (100, 100), "glorieta": (90, 100)})


def words(found: Results) -> dict[str, str]:
    return {verdict.id: verdict.word for verdict in verdicts(found, PROXY_ROWS)}


def test_goals_are_met_or_missed_row_by_row() -> None:
    assert words(results()) == {row.id: "met" for row in PROXY_ROWS if row.goals[0].most >= 0.8} | {
        row.id: "MISSED" for row in PROXY_ROWS if row.goals[0].most < 0.8
    } | {"delay": "met", "start": "met", "start-python": "met", "idle": "met"}


def test_latency_and_memory_can_be_missed() -> None:
    found = results()
    found.delays[-1] = replace(found.delays[-1], p99_seconds=0.0021)
    found.footprints = [Footprint(1, "glorieta", 10_100_000, 1600.0)]
    seen = words(found)
    assert (seen["delay"], seen["start"], seen["idle"]) == ("MISSED", "MISSED", "MISSED")
    assert seen["start-python"] == "not measured"


def test_what_was_not_to_be_measured_has_no_verdict() -> None:
    assert words(Results(results().samples)).keys() == {row.id for row in PROXY_ROWS}
    assert verdicts(Results(), PROXY_ROWS) == []


def test_the_page_names_ratio_spread_goal_and_best_peer() -> None:
    text = PAGE.write(results())
    assert "| HTTP keep-alive, 64 connections | 8.0 (1000) | 10.0 (1000) | 11.0 (1000) |" in text
    assert "**0.80** (0.80–0.80), NGINX | ≤ 0.90 | met |" in text
    assert "NGINX 1.2.3" in text


def test_what_was_missed_stands_with_what_was_tried() -> None:
    text = PAGE.write(results(ours=9.6))
    missed = text.split("## Missed, and what was tried")[1]
    assert "HTTP keep-alive, 1 connection**: 0.96 of NGINX, goal ≤ 0.95 of the best peer. Fewer wake-ups" in missed
    assert "Layer 4, 64 KiB answers, 64 connections**: 0.96 of NGINX" in missed
    assert "Nothing was tried yet." in missed


def test_without_a_miss_there_is_no_such_section() -> None:
    assert "what was tried" not in PAGE.write(results(ours=5.0))


def test_voids_missing_log_lines_and_foreign_work_are_said() -> None:
    found = results()
    found.samples[0] = replace(found.samples[0], void="errors: 3 read")
    text = replace(PAGE, left_out=["Envoy: it is not installed"]).write(found).split("## What to distrust")[1]
    assert "- Left out: Envoy: it is not installed." in text
    assert "- Void: glorieta, http-64, equal, round 1: errors: 3 read." in text
    assert "- glorieta wrote 90 access log lines for 100 requests: 10.0% are missing." in text
    assert "NGINX wrote" not in text
    assert "median 2.0% of the time" in text


def handled(ours: float) -> Results:
    """In handlers' rows every peer needs 10 µs and answers within 1 ms; ours needs `ours` µs and half as many ms."""
    return Results(
        [
            Sample(1, Table.HANDLERS, row.id, name, 1000, 1.0, cost / 1000, cost / 10_000, 1, 0.02, None)
            for row in HANDLER_ROWS
            for name in row.names
            for cost in (ours if name == OURS_WITH_HANDLERS else 10.0,)
        ]
    )


def test_handlers_have_a_verdict_for_each_goal() -> None:
    found = {verdict.id: verdict for verdict in verdicts(handled(2.0), ROWS)}
    assert found.keys() == {
        "handler", "calls", "calls-aiohttp", "gather", "asgi", "validated", "chain", "chain-1",
        "beside", "beside-latency", "beside-sleep", "beside-sleep-latency", "beside-compute",
    }  # fmt: skip
    assert (found["calls"].word, found["calls-aiohttp"].word) == ("met", "MISSED")
    assert found["calls-aiohttp"].reached == "0.20 of aiohttp"
    assert found["validated"].goal == "≤ 0.35 of FastAPI under Granian or FastAPI under uvicorn"
    assert found["chain-1"].goal == "≤ 0.20 of NGINX → aiohttp → Envoy, median latency"


def test_the_page_has_a_line_for_each_goal_of_handlers() -> None:
    text = replace(PAGE, rows=ROWS).write(handled(2.0))
    assert "| A trivial handler | CPU | 2.0 | 10.0, Granian (RSGI) | **0.20** (0.20–0.20) | ≤ 0.50 | met |" in text
    assert (
        "decoded and merged in a handler | CPU | 2.0 | 10.0, aiohttp | **0.20** (0.20–0.20) | ≤ 0.15 | **MISSED** |"
        in text
    )
    assert "| The same chain, 1 connection | median latency | 200.0 | 1000.0, NGINX → aiohttp → Envoy |" in text
    assert "Equal duties" not in text


def test_the_chart_is_well_formed_and_names_everything() -> None:
    comparisons = [figures.compare(results().samples, row, Table.EQUAL) for row in PROXY_ROWS]
    drawing = chart.draw(comparisons, TITLES)
    ElementTree.fromstring(drawing)
    for row in PROXY_ROWS:
        assert row.title in drawing
    assert drawing.count("0.80 · 8.0 µs") == len(PROXY_ROWS)
    assert "Envoy" not in drawing


def test_a_long_bar_is_cut() -> None:
    assert 'width="230"' in chart.bar("envoy", 10, 1, 0)
    assert 'width="690"' in chart.bar("envoy", 100, 10, 0)
    assert "⟩ 10.00 · 100.0 µs" in chart.bar("envoy", 100, 10, 0)
