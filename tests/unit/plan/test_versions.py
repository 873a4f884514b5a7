"""`version:` of upstreams, and what needs HTTP/2: gRPC's health service and gRPC-Web."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from glorieta.config import ConfigError
from harness.configuring import compiled, warnings

if TYPE_CHECKING:
    from glorieta.plan.model import Plan


def plan(upstream: str, listener: str = "bind: ':8080', to: a") -> Plan:
    return compiled(f"version: 1\nlisteners: {{web: {{{listener}}}}}\nupstreams: {{a: {{{upstream}}}}}\n")


@pytest.mark.parametrize("version", ["h1", "h2", "auto"])
def test_a_version_is_said(version: str) -> None:
    made = plan(f"endpoints: [b:80], version: {version}, pool: {{max_streams: 7}}")["upstreams"][0]
    assert (made["version"], made["pool"]["max_streams"]) == (version, 7)


@pytest.mark.parametrize(
    ("upstream", "text"),
    [
        ("endpoints: [b:80], version: h9", '"h9" is not one of the words for this'),
        ("endpoints: [b:80], version: 2", '"2" is not one of the words for this'),
        ("endpoints: [b:80], pool: {max_streams: 0}", "max_streams"),
        ("endpoints: [b:80], health: {grpc: on}", "gRPC is spoken by HTTP/2, and this upstream is not"),
        ("endpoints: [b:80], version: auto, health: {grpc: on}", "gRPC is spoken by HTTP/2"),
        ("endpoints: [b:80], version: h2, health: {grpc: 'a b'}", '"a b" is no service of gRPC'),
        ("endpoints: [b:80], version: h2, health: {grpc: on, tcp: on}", "grpc and tcp exclude each other"),
    ],
)
def test_what_cannot_be_is_said(upstream: str, text: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(text)):
        plan(upstream)


@pytest.mark.parametrize(
    ("health", "service"), [("grpc", ""), ("{grpc: on}", ""), ("{grpc: shop.Orders}", "shop.Orders")]
)
def test_health_by_grpc(health: str, service: str) -> None:
    made = plan(f"endpoints: [b:80], version: h2, health: {health}")["upstreams"][0]["health"]
    assert made is not None and made["kind"] == {"grpc": {"service": service}}


def test_bytes_that_pass_unread_need_to_know_what_they_are() -> None:
    listener = "bind: ':8080', protocol: tcp, to: a"
    with pytest.raises(ConfigError, match="version: auto of upstream"):
        plan("endpoints: ['https://b:443'], version: auto", listener)
    assert plan("endpoints: ['https://b:443'], version: h2", listener)


def test_calls_of_browsers_that_lead_to_http_1_1_are_warned_of() -> None:
    text = "version: 1\nlisteners: {web: {bind: ':8080', to: a, filters: {grpc_web: on}}}\n"
    said = warnings(f"{text}upstreams: {{a: {{endpoints: [b:80]}}}}\n")
    assert any('makes calls of gRPC for "a", which is spoken to by HTTP/1.1' in each for each in said), said
    assert warnings(f"{text}upstreams: {{a: {{endpoints: [b:80], version: h2}}}}\n") == []


def test_grpc_web_is_inherited_and_switched_off() -> None:
    listener = "bind: ':8080', filters: {grpc_web: on}, routes: {/a: a, /b: {to: a, filters: {grpc_web: off}}}"
    routes = plan("endpoints: [b:80], version: h2", listener)["listeners"][0]["routes"]
    assert {route["name"]: route["filters"] for route in routes} == {"/a": [{"grpc_web": {}}], "/b": []}
