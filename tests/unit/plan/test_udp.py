"""UDP listeners in configurations: what they compile to, what is refused, explained and told of a change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from glorieta.config import ConfigError, load_text
from glorieta.plan.compile import inspect
from glorieta.plan.diff import diff, diff_text
from glorieta.plan.explaining.document import document
from glorieta.plan.explaining.text import text
from glorieta.plan.explaining.view import View

if TYPE_CHECKING:
    from glorieta.plan import Plan


def dns(listener: str = "", upstream: str = "endpoints: [x:53, y:53]", others: str = "", upstreams: str = "") -> str:
    more = f", {listener}" if listener else ""
    return (
        f'version: 1\nlisteners: {{dns: {{bind: ":53", protocol: udp, to: a{more}}}{others}}}\n'
        f"upstreams: {{a: {{{upstream}}}{upstreams}}}\n"
    )


def compiled(configuration: str) -> tuple[Plan, list[str]]:
    plan, problems = inspect(load_text(configuration, "glorieta.yaml", Path("/etc/x")).edge, valid=True)
    return plan, [each.line() for each in problems]


def told(configuration: str) -> list[str]:
    try:
        return compiled(configuration)[1]
    except ConfigError as error:
        return [each.line() for each in error.problems]


def test_what_is_left_out() -> None:
    plan, problems = compiled(dns())
    assert problems == []
    listener = plan["listeners"][0]
    assert (listener["tcp"], listener["passthrough"], listener["routes"]) == (None, None, [])
    assert listener["udp"] == {
        "route": "dns",
        "upstream": "a",
        "session_ms": 60_000,
        "responses": None,
        "amplification": 0,
        "allow": [],
        "deny": [],
    }
    assert listener["roles"] == ["load-balancer"]


@pytest.mark.parametrize(("written", "responses"), [("0", 0), ("1", 1), ("off", None), ("null", None)])
def test_responses(written: str, responses: int | None) -> None:
    plan, _ = compiled(dns(f"responses: {written}"))
    assert plan["listeners"][0]["udp"] is not None
    assert plan["listeners"][0]["udp"]["responses"] == responses


@pytest.mark.parametrize(
    ("configuration", "sentence"),
    [
        (dns("routes: {/a: a}"), 'l4-reads-http: "routes" on a udp listener'),
        (dns("tls: {certificate: a.crt, key: a.key}"), "TLS needs connections, and datagrams have none"),
        (dns("names: {a.example: a}"), "names are for protocol: tls"),
        (dns("proxy_protocol: 10.0.0.1"), "a PROXY header stands before a connection"),
        (dns("timeouts: {idle: 5s}"), '"idle" on a udp listener: datagrams have no connections; write session'),
        (dns("timeouts: {connect: 5s}"), '"connect" on a udp listener'),
        (dns("timeouts: {handshake: 5s}"), '"handshake" on a udp listener'),
        (dns("limits: {head: 1KiB}"), 'l4-reads-http: "head" on a udp listener'),
        (dns("filters: {max_body: 1KiB}"), 'l4-reads-http: "max_body" on a udp listener'),
        (dns(upstream='endpoints: ["https://x:53"]'), "is spoken to by TLS, and udp listeners lead to it"),
        (dns(upstream="endpoints: [x:53], proxy_protocol: v2"), "a PROXY header stands before a connection"),
        (dns(upstream='endpoints: ["unix:/run/a.sock"]'), "a Unix socket takes no datagrams here"),
        (dns(upstream="endpoints: [x:53, y:53], balance: {hash: header.x-user}"), "hash of"),
        (dns().replace('":53"', '"unix:/run/a.sock"'), "unix: is for connections"),
        (dns().replace('":53"', '"systemd:dns"'), "systemd: is for connections"),
        (dns().replace(", to: a", ""), "has no upstream; write to: UPSTREAM"),
        (dns().replace("udp", "tcp").replace("to: a", "to: a, responses: 1"), '"responses" is for protocol: udp'),
        (dns().replace("udp", "http").replace("to: a", "to: a, responses: 1"), '"responses" is for protocol: udp'),
        (dns("limits: {amplification: 3}").replace("udp", "tcp"), '"amplification" is for protocol: udp'),
        (dns("timeouts: {session: 3s}").replace("udp", "tcp"), '"session" on a tcp listener: sessions are of'),
        (dns("timeouts: {session: 3s}").replace("udp", "http"), '"session" of a listener is for udp'),
        (dns(others=', other: {bind: ":53", protocol: udp, to: a}'), "is listened to already"),
    ],
)
def test_what_makes_no_sense_is_refused(configuration: str, sentence: str) -> None:
    lines = told(configuration)
    assert any(sentence in each for each in lines), lines


def test_tcp_and_udp_have_ports_of_their_own() -> None:
    assert told(dns(others=', stream: {bind: ":53", protocol: tcp, to: a}')) == []


def test_loops_are_found_within_one_transport() -> None:
    itself = told(dns(upstream="endpoints: [127.0.0.1:53]"))
    assert any("hop-to-self" in each for each in itself), itself
    # The port of the same number that is for connections is another.
    web = ', web: {bind: ":8080", to: b}'
    assert told(dns(others=web, upstreams=", b: {endpoints: [127.0.0.1:53]}")) == []
    assert told(dns(upstream="endpoints: [127.0.0.1:8080]", others=web, upstreams=", b: {endpoints: [z:1]}")) == []


def test_it_is_explained() -> None:
    view = View(compiled(dns("responses: 1, timeouts: {session: 2s}, limits: {amplification: 8}"))[0])
    shown = text(view)
    assert "load balancer (layer 4)" in shown
    sentence = "every datagram, in sessions that end with 1 answer to each or 2s of silence"
    assert sentence in " ".join(shown.split())
    assert "answered with at most 8 times its bytes" in " ".join(shown.split())
    listener = document(view)["listeners"][0]
    assert (listener["protocol"], listener["layer"], listener["to"]) == ("udp", 4, "a")


def test_a_change_is_told() -> None:
    old, new = compiled(dns("responses: 1"))[0], compiled(dns("timeouts: {session: 5s}"))[0]
    lines = diff_text(diff(old, new))
    assert "udp.session: 1m → 5s" in lines
    assert "udp.responses: 1 → " in lines
