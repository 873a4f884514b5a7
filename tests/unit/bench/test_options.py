"""What may be chosen, and when a run is whole enough to be published."""

from __future__ import annotations

import pytest
from bench import options, peers
from bench.__main__ import why_unfit
from bench.machine import Cores, choose_cores, first_field
from bench.ports import free_ports
from bench.processes import Failure
from bench.rows import ROWS, Table
from bench.running import differing, wrong_duties
from bench.samples import Results, Sample


def test_everything_by_default() -> None:
    chosen = options.parse([])
    assert chosen.complete
    assert (chosen.rounds, chosen.rows) == (5, ROWS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rounds", "4"], ["--seconds", "1"], ["--rows", "http-64"], ["--only", "glorieta,nginx"],
        ["--tables", "equal"], ["--parts", "cpu"], ["--quick"],
    ],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_whatever_is_left_out_keeps_the_published_results(arguments: list[str]) -> None:
    assert not options.parse(arguments).complete


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rows", "http-65"], "no row 'http-65'"),
        (["--only", "apache"], "no contender 'apache'"),
        (["--tables", "full"], "'full' is not a valid Table"),
        (["--rounds", "0"], "at least 1"),
    ],
)
def test_wrong_words_are_named(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options.parse(arguments)
    assert message in capsys.readouterr().err


def test_the_proxy_has_a_core_of_its_own() -> None:
    assert choose_cores({0, 1}) == Cores(proxy=1, load=0)
    assert choose_cores({2, 3, 7}) == Cores(proxy=7, load=2)
    with pytest.raises(Failure, match="two cores"):
        choose_cores({0})


def test_a_field_of_the_processor() -> None:
    text = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu hypervisor\n"
    assert first_field(text, "model name") == "Some CPU"
    assert first_field(text, "bogomips") is None


@pytest.mark.parametrize(
    ("seen", "table", "wrong"),
    [
        ("for=127.0.0.1 id=abc\n", Table.EQUAL, None),
        ("for= id=abc\n", Table.EQUAL, "X-Forwarded-For is missing"),
        ("for=127.0.0.1 id=\n", Table.EQUAL, "X-Request-ID is missing"),
        ("for= id=\n", Table.BARE, None),
        ("for= id=abc\n", Table.BARE, "X-Request-ID is there"),
    ],
)
def test_duties_are_checked_by_what_the_backend_saw(seen: str, table: Table, wrong: str | None) -> None:
    assert wrong_duties(seen, table) == wrong


def test_answers_must_be_the_same_byte_for_byte() -> None:
    assert differing({"a": (200, "{}"), "b": (200, "{}")}) is None
    assert differing({"a": (200, "{}"), "b": (200, "{ }")}) == "b answers '{ }', a '{}'"
    assert differing({"a": (200, "{}"), "b": (404, "{}")}) == "b answers 404"


def test_only_who_is_needed_takes_part() -> None:
    def names(*arguments: str) -> set[str]:
        return {contender.name for contender in options.parse(arguments).needed}

    assert names("--rows", "handler", "--parts", "cpu") == {"glorieta-handlers", "granian"}
    assert names("--rows", "calls,chain", "--parts", "cpu") == {"glorieta-handlers", "fastify", "aiohttp", "chain"}
    assert names("--rows", "l4-new", "--parts", "cpu") == {"glorieta", "nginx", "haproxy", "envoy"}
    assert names("--rows", "handler", "--tables", "equal", "--parts", "cpu") == set()
    assert names("--rows", "handler", "--tables", "equal", "--parts", "memory") == {
        "glorieta", "nginx", "haproxy", "envoy", "caddy",
    }  # fmt: skip
    assert names() == set(peers.NAMES)


def test_every_peer_that_a_goal_names_is_a_contender_that_can_take_part() -> None:
    for row in ROWS:
        assert all(peers.named(name).takes_part(row) for name in row.names)


def test_free_ports_differ() -> None:
    assert len(set(free_ports(20))) == 20


def test_only_a_whole_and_quiet_run_is_published() -> None:
    def results(foreign: float) -> Results:
        return Results([Sample(1, Table.EQUAL, "http-64", "nginx", 1, 1.0, 1.0, 0.0, 1, foreign, None)])

    whole = options.parse([])
    assert why_unfit(whole, results(0.02), []) is None
    assert why_unfit(whole, results(0.30), []) == "other programs used 30% of the proxy's core"
    assert why_unfit(whole, results(0.02), ["Envoy: it is not installed"]) == "something was left out"
    assert why_unfit(options.parse(["--quick"]), results(0.02), []) == "something was left out"
