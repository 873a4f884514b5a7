"""What the models refuse, each with its place and the fix; everything at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from glorieta.config import ConfigError, Edge, Upstream, load_text
from harness.configuring import cases, errors, routes, top


@pytest.mark.parametrize(("text", "expected"), cases(Path(__file__).parent / "wrong.txt"))
def test_what_is_wrong_is_told_with_its_place(text: str, expected: list[str]) -> None:
    assert errors(text) == expected


def test_everything_is_told_at_once() -> None:
    text = routes(
        "/a/*: {to: b, strip_prefx: true}\n/b: {to: a, timeouts: {idle: 5}}\n/c: {to: a, redirect: /x}\nGET /c: c\n"
    )
    text += "  c: {endpoints: [localhost, a:1, a:1], health: {path: /x, every: 5}}\n"
    text = text.replace(
        "upstreams: {a: {endpoints: [localhost:3000]}}\n", "upstreams:\n  a: {endpoints: localhost:3000}\n"
    )
    assert [line.split(" ", 2)[:2] for line in errors(text)] == [
        ["glorieta.yaml:6:18", 'listeners.web.routes."/a/*".to:'],
        ["glorieta.yaml:6:21", 'listeners.web.routes."/a/*":'],
        ["glorieta.yaml:7:36", 'listeners.web.routes."/b".timeouts.idle:'],
        ["glorieta.yaml:8:7", 'listeners.web.routes."/c":'],
        ["glorieta.yaml:12:19", "upstreams.c.endpoints.0.address:"],
        ["glorieta.yaml:12:67", "upstreams.c.health.every:"],
    ]


def test_what_was_wrong_has_no_consequences() -> None:
    """One mistake, one error: nothing is said of what it makes impossible to know."""
    for text in (
        routes("n: {match: {host: 'a:80', path: /x}, to: a}\nm: {match: {path: /x}, to: a}"),
        routes('/x: {redirect: "${no.word}"}'),
        "version: 1\nlisteners: {web: {bind: 80, to: a}}\nupstreams: {a: {endpoints: [a:1]}}",
        "version: 1\nlisteners: {web: {bind: ':80', to: a}}\nupstreams: {a: x}",
        "version: 1\nlisteners: []\nupstreams: {a: {endpoints: [a:1]}}\ngroups: {g: {at: web, to: a}}",
    ):
        assert len(errors(text)) == 1, text


def test_free_keys_are_nobodys_business_but_headers_are() -> None:
    text = routes("/a: {to: a, x-note: [1], filters: {headers: {request: {set: {x-a: b}}}}}\nx-later: {whatever: 1}")
    edge = load_text(text + "x-anchors: {a: &a 1}\n").edge
    assert list(edge.listeners["web"].routes) == ["/a"]
    headers = edge.listeners["web"].routes["/a"].filters.headers
    assert headers is not None
    assert headers.request is not None
    assert headers.request.set == {"x-a": "b"}


def test_off_and_on_mean_the_same_quoted_or_not() -> None:
    for off in ("off", '"off"', "false"):
        edge = load_text(top(f"admin: {off}\nlog: {off}\nwatch: {off}")).edge
        assert (edge.admin, edge.log.to, edge.watch) == (None, "off", False)
    for on in ("on", '"on"', "true"):
        assert load_text(top(f"watch: {on}")).edge.watch is True


def test_an_empty_key_is_one_that_nobody_wrote() -> None:
    edge = load_text(top("groups:\nlog:\n  to:\n")).edge
    assert (edge.groups, edge.log.to) == ({}, "stdout")


def test_errors_of_python_objects_are_pydantics() -> None:
    with pytest.raises(ValidationError, match="has no port; write a:80"):
        Upstream(endpoints=["a"])
    with pytest.raises(ConfigError) as caught:
        Edge.load("/nowhere/glorieta.yaml")
    assert str(caught.value).startswith("/nowhere/glorieta.yaml cannot be read: No such file or directory")
