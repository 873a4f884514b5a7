"""What belongs to the process: the admin address, the log, and what whoever compiles decides."""

from __future__ import annotations

from typing import Any

import pytest

from glorieta.config import Edge
from glorieta.plan import build_edge, compile
from harness.configuring import compiled, top


def test_the_defaults_are_those_of_the_documentation() -> None:
    plan = compiled(top(""))
    assert plan["admin"] == {"address": "127.0.0.1:9900", "required": False, "socket": None, "hosts": []}
    assert plan["access_log"] == {"to": "stdout", "format": "json", "queue": 8192}
    assert (plan["workers"], plan["drain_ms"], plan["server_name"]) == (None, 45_000, None)
    upstream = plan["upstreams"][0]
    assert upstream["pool"] == {
        "max_connections": 1024,
        "idle_ms": 60_000,
        "max_age_ms": 3_600_000,
        "max_streams": 100,
    }
    assert upstream["version"] == "h1"
    assert upstream["queue"] == {"max": 1024, "timeout_ms": 3000}
    assert upstream["retry_budget"] == {"percent": 20, "window_ms": 10_000, "floor_per_second": 10, "backoff_ms": 25}
    assert upstream["outlier"] == {
        "consecutive": 5,
        "success_percent": 80,
        "window_ms": 10_000,
        "minimum_requests": 20,
        "ejection_ms": 30_000,
        "max_ejection_ms": 300_000,
        "max_percent": 50,
    }
    assert (upstream["health"], upstream["panic_percent"], upstream["balance"]) == (None, 50, "peak_ewma")


def test_a_check_has_the_documented_pace() -> None:
    plan = compiled(top("defaults: {upstream: {health: /healthz}}"))
    assert plan["upstreams"][0]["health"] == {
        "kind": {"http": {"path": "/healthz", "host": None, "status_from": 200, "status_to": 299}},
        "every_ms": 2000,
        "timeout_ms": 1000,
        "fall": 2,
        "rise": 1,
    }


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("admin: off", {"address": None, "required": False, "socket": None}),
        ("admin: ':9901'", {"address": "*:9901", "required": True, "socket": "/run/found.sock"}),
        ("admin: {address: off}", {"address": None, "required": False, "socket": "/run/found.sock"}),
        ("admin: {socket: off}", {"address": "127.0.0.1:9900", "required": False, "socket": None}),
        ("admin: 'unix:/run/a.sock'", {"address": "127.0.0.1:9900", "required": False, "socket": "/run/a.sock"}),
        ("admin: {socket: auto}", {"address": "127.0.0.1:9900", "required": False, "socket": "/run/found.sock"}),
    ],
)
def test_the_admin_address(written: str, expected: dict[str, Any]) -> None:
    plan = compiled(top(written), admin_socket="/run/found.sock")
    assert plan["admin"] == {**expected, "hosts": []}


def test_switches_are_switched_off_together() -> None:
    off = compiled(top("defaults: {listener: {forwarded: off, request_id: off}, upstream: {outlier: off}}"))
    assert set(off["listeners"][0]["forwarded"].values()) == {False}
    assert set(off["listeners"][0]["request_id"].values()) == {False}
    assert off["upstreams"][0]["outlier"] is None
    text = top("defaults: {listener: {forwarded: off}, upstream: {outlier: off}}")
    text = text.replace("to: a", "to: a, forwarded: {via: on}").replace("3000]", "3000], outlier: on")
    own = compiled(text)
    assert own["listeners"][0]["forwarded"] == {"x_forwarded": False, "forwarded": False, "via": True}
    assert own["upstreams"][0]["outlier"] == compiled(top(""))["upstreams"][0]["outlier"]


@pytest.mark.parametrize(
    ("written", "to", "form"),
    [
        ("", "stdout", "human"),
        ("log: stderr", "stderr", "human"),
        ("log: {format: json}", "stdout", "json"),
        ("log: /var/log/a.log", {"file": "/var/log/a.log"}, "json"),
        ("log: off", "off", "json"),
        ("log: {format: '${status}'}", "stdout", {"template": "${status}"}),
    ],
)
def test_a_log_for_a_terminal_is_for_a_person(written: str, to: Any, form: Any) -> None:
    log = compiled(top(written), terminal=True)["access_log"]
    assert (log["to"], log["format"]) == (to, form)


def test_an_edge_made_in_python_compiles() -> None:
    edge = Edge(listeners={"web": {"bind": ":80", "to": "a"}}, upstreams={"a": {"endpoints": ["a:1"]}})
    built = build_edge(edge, terminal=True, admin_socket="/run/x.sock")
    assert built.plan == compile(edge, terminal=True, admin_socket="/run/x.sock")
    assert built.plan["admin"]["socket"] == "/run/x.sock"
    assert built.files == ()
    assert edge.origin is None


def test_compiling_changes_nothing() -> None:
    edge = Edge(listeners={"web": {"bind": ":80", "to": "a"}}, upstreams={"a": {"endpoints": ["a:1"]}})
    before = edge.dump()
    assert compile(edge) == compile(edge)
    assert edge.dump() == before


@pytest.mark.parametrize(
    ("default", "own", "kind", "balance"),
    [
        ("{health: /x}", "", "http", "peak_ewma"),
        ("{health: /x}", "health: tcp", "tcp", "peak_ewma"),
        ("{health: tcp}", "health: /x", "http", "peak_ewma"),
        ("{health: {tcp: on, every: 9s}}", "health: {path: /x}", "http", "peak_ewma"),
        ("{health: /x}", "health: off", None, "peak_ewma"),
        ("{balance: {hash: host}}", "", None, {"hash": "host"}),
        ("{balance: {hash: host}}", "balance: random", None, "random"),
        ("{balance: random}", "balance: {hash: path}", None, {"hash": "path"}),
    ],
)
def test_what_an_upstream_says_takes_the_place_of_the_default(default: str, own: str, kind: Any, balance: Any) -> None:
    text = top(f"defaults: {{upstream: {default}}}").replace("[localhost:3000]", f"[localhost:3000], {own}")
    upstream = compiled(text)["upstreams"][0]
    check = upstream["health"]
    found = None if check is None else check["kind"] if isinstance(check["kind"], str) else next(iter(check["kind"]))
    assert (found, upstream["balance"]) == (kind, balance)
