"""What a change of Plans costs, case by case: as the engine takes things over, and in which words that is said."""

from __future__ import annotations

from typing import Any

import pytest

from glorieta.config import load_text
from glorieta.plan import Plan, at_next_start, compile, lost, lost_text

BEFORE = """\
version: 1
listeners:
  web:
    bind: [":8080", ":8081"]
    routes:
      /shop/*: {to: shop, strip_prefix: true}
      /status: {respond: fine}
  mail: {bind: ":1025", protocol: tcp, to: smtp}
upstreams:
  shop: {endpoints: [localhost:3001, localhost:3002], balance: {hash: cookie.cart}}
  smtp: {endpoints: [localhost:25], health: {tcp: on}}
"""


def plan(text: str) -> Plan:
    return compile(load_text(text).edge)


def changed(*pairs: tuple[str, str]) -> Plan:
    text = BEFORE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return plan(text)


def lines(new: Plan, view: dict[str, Any] | None = None) -> list[str]:
    return [each.line() for each in lost(plan(BEFORE), new, view)]


NOTHING = {
    "the same": [],
    "a deadline": [("strip_prefix: true}", "strip_prefix: true, deadline: 5s}")],
    "another answer": [("respond: fine", "respond: good")],
    "another prefix": [("strip_prefix: true", "strip_prefix: false")],
    "one more route": [("/status:", "/more: {respond: more}\n      /status:")],
    "one more address": [('":8081"]', '":8081", ":8082"]')],
    "one more upstream": [("  smtp:", "  more: {endpoints: [localhost:4]}\n  smtp:"), ("to: smtp", "to: smtp")],
    "a health check": [("{tcp: on}", "{tcp: on, every: 9s}")],
    "no health check": [(", health: {tcp: on}", ", health: off")],
    "outliers": [("{tcp: on}", "{tcp: on}, outlier: {consecutive: 9}")],
    "a smaller pool": [("{tcp: on}", "{tcp: on}, pool: {max_connections: 3}")],
    "fewer streams": [("{tcp: on}", "{tcp: on}, pool: {max_streams: 3}")],
    "from latencies to turns": [("{tcp: on}", "{tcp: on}, balance: round_robin")],
    "limits of a listener": [(':1025",', ':1025", limits: {connections: 7},')],
    "http instead of tcp": [("protocol: tcp, ", "")],
    "the log": [("version: 1", "version: 1\nlog: {to: /var/log/x.log}")],
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_costs_nothing(case: str) -> None:
    losses = lost(plan(BEFORE), changed(*NOTHING[case]))
    assert losses == []
    assert lost_text(losses) == "nothing is lost"


COSTS: dict[str, tuple[list[tuple[str, str]], list[str]]] = {
    "an address goes": (
        [('[":8080", ":8081"]', '":8080"')],
        ["listener web  accepts no more at :8081: idle connections are closed, what is under way has 45s"],
    ),
    "a listener goes, with another drain": (
        [('  mail: {bind: ":1025", protocol: tcp, to: smtp}\n', ""), ("version: 1", "version: 1\ndrain: 5s"),
         ("respond: fine", "to: smtp")],
        ["listener mail  accepts no more at :1025: idle connections are closed, what is under way has 5s"],
    ),
    "a listener is renamed": (
        [("  mail:", "  post:")],
        ["listener mail  is post now: its connections stay, its counts begin anew"],
    ),
    "an address changes hands": (
        [('":8081"]', '":8082"]'), ("  mail:", '  extra: {bind: ":8081", respond: extra}\n  mail:')],
        ["listener web  is extra now: its connections stay, its counts begin anew"],
    ),
    "http becomes tcp": (
        [("""    bind: [":8080", ":8081"]
    routes:
      /shop/*: {to: shop, strip_prefix: true}
      /status: {respond: fine}
""", '    bind: [":8080", ":8081"]\n    protocol: tcp\n    to: shop\n'), ("hash: cookie.cart", "hash: client.ip")],
        ["listener web  speaks tcp now: the next request of a kept-alive connection is answered with 503",
         "upstream shop  clients leave the endpoints that the hash of cookie.cart has bound them to",
         "metrics  the counts of /shop/* at web, /status at web end"],
    ),
    "a route goes": ([("      /status: {respond: fine}\n", "")], ["metrics  the counts of /status at web end"]),
    "an upstream is renamed": (
        [("smtp", "post")],
        ["upstream smtp  its pooled connections, health, ejections and latencies go; "
         "renamed to post? State goes by name"],
    ),
    "an upstream goes": (
        [("to: smtp", "to: other"), ("  smtp: {endpoints: [localhost:25]", "  other: {endpoints: [localhost:26]")],
        ["upstream smtp  its pooled connections, health, ejections and latencies go"],
    ),
    "an endpoint goes": (
        [("[localhost:25]", "[localhost:26, localhost:27]")],
        ["upstream smtp  − localhost:25: requests under way finish; its pooled connections, health and latency go"],
    ),
    "an endpoint is written in another way": (
        [("localhost:25", "127.0.0.1:25")],
        ["upstream smtp  − localhost:25: requests under way finish; its pooled connections, health and latency go"],
    ),
    "an endpoint goes, by which clients are bound": (
        [("[localhost:3001, localhost:3002]", "[localhost:3001]")],
        ["upstream shop  − localhost:3002: requests under way finish; its pooled connections, health and latency go",
         "upstream shop  clients of the endpoints that go or weigh less move to others (hash of cookie.cart)"],
    ),
    "an endpoint comes, to which some are bound": (
        [("localhost:3002]", "localhost:3002, localhost:3003]")],
        ["upstream shop  some clients move to other endpoints (hash of cookie.cart)"],
    ),
    "clients are bound by something else": (
        [("cookie.cart", "client.ip")],
        ["upstream shop  clients leave the endpoints that the hash of cookie.cart has bound them to"],
    ),
    "another retry budget": (
        [("{tcp: on}", "{tcp: on}, retry_budget: {share: 7%}")],
        ["upstream smtp  its retry budget begins anew"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", COSTS)
def test_what_is_lost(case: str) -> None:
    pairs, expected = COSTS[case]
    assert lines(changed(*pairs)) == expected


def view(connections: int, *pooled: int) -> dict[str, Any]:
    endpoints = [{"name": "localhost:25", "connections": each} for each in pooled]
    return {
        "listeners": [{"id": "web", "connections": 9}, {"id": "mail", "connections": connections}],
        "upstreams": [{"id": "smtp", "endpoints": endpoints}, {"id": "shop", "endpoints": []}],
    }


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "no connections are open now"), (1, "1 connection is open now"), (4, "4 connections are open now")],
)
def test_how_many_connections_is_known_where_one_runs(count: int, words: str) -> None:
    without = changed(('  mail: {bind: ":1025", protocol: tcp, to: smtp}\n', ""), ("respond: fine", "to: smtp"))
    (loss,) = lost(plan(BEFORE), without, view(count))
    assert loss.text.endswith(f"has 45s; {words}")
    assert loss.as_json() == {"kind": "listener", "id": "mail", "text": loss.text, "connections": count}


def test_connections_of_all_addresses_of_a_name_are_counted() -> None:
    (loss,) = lost(plan(BEFORE), changed(("[localhost:25]", "[localhost:26]")), view(0, 2, 3))
    assert loss.connections == 5
    assert loss.text.endswith("; 5 connections are open now")


def test_an_address_of_several_says_that_the_count_is_of_all() -> None:
    (loss,) = lost(plan(BEFORE), changed(('[":8080", ":8081"]', '":8080"')), view(0))
    assert loss.text.endswith("; 9 connections are open at all its addresses now")


def test_many_counts_are_not_all_named() -> None:
    many = "".join(f"      /r{number}: {{respond: x}}\n" for number in range(20))
    old = plan(BEFORE.replace("      /status", f"{many}      /status"))
    (loss,) = lost(old, plan(BEFORE))
    assert loss.text == "the counts of /r0 at web, /r1 at web, /r2 at web and 17 more end"
    assert lost_text([loss]) == f"lost\n  metrics  {loss.text}"


def test_what_waits_for_a_restart() -> None:
    assert at_next_start(plan(BEFORE), plan(BEFORE)) == []
    assert at_next_start(plan(BEFORE), changed(("version: 1", "version: 1\nworkers: 2"))) == [
        "workers: none → 2 at the next start"
    ]


def test_handlers_lose_what_they_keep_in_memory_with_their_code() -> None:
    def having(*generations: str) -> Plan:
        handlers: Any = [{"id": str(number), "generation": each} for number, each in enumerate(generations)]
        return {**plan(BEFORE), "handlers": handlers} if handlers else plan(BEFORE)

    text = "handlers  other processes take over: what they keep in memory goes, what is under way has 1m"
    told = [[each.line() for each in lost(having("a"), having(*after))] for after in (["a"], ["a", "a"], ["b"], [])]
    assert told == [[], [], [text], [text]]
    assert lost(having(), having("a")) == []
