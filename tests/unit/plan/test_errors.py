"""What only compiling can tell: names that lead nowhere, routes that collide, contracts that are broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.configuring import cases, errors, routes, warnings


@pytest.mark.parametrize(("text", "expected"), cases(Path(__file__).parent / "wrong.txt"))
def test_what_is_wrong_is_told_with_its_place(text: str, expected: list[str]) -> None:
    assert errors(text) == expected


@pytest.mark.parametrize(("text", "expected"), cases(Path(__file__).parent / "suspicious.txt"))
def test_what_is_suspicious_is_a_warning(text: str, expected: list[str]) -> None:
    assert errors(text) == []
    assert warnings(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        routes('"~/a.*": a') + "groups: {g: {respond: 404}}\n",
        routes('"~/a/?x": a\n/a/*: a'),
        routes('"~/a/x|/b": a\n/a/*: a'),
        routes('"~(?i)/a/x": a\n/a/*: a'),
        routes("GET ~/a: a\nPOST /*: a"),
        routes("GET ~/a: a\nn: {match: {path: /*, headers: {x: present}}, to: a}"),
        routes("n: {match: {host: [a.example, b.example], path: ~/a}, to: a}\nm: {match: a.example/*, to: a}\n/*: a"),
        routes("n: {match: a.example~/a, to: a}\n/*: a").replace("a.example~/a", "{host: a.example, path: ~/a}"),
        routes("DELETE ~/a: a\nGET /*: a\nPOST /*: a"),
    ],
)
def test_an_expression_that_may_match_is_no_warning(text: str) -> None:
    assert errors(text) == []
    assert warnings(text) == []


@pytest.mark.parametrize(
    "text",
    [
        routes("/a/{x}: a\nGET /a/{y}: a\n/a/{x}/*: a\n/a/*: a\n/a/x: a"),
        routes("n: {match: {path: /a, host: a.example}, to: a}\nm: {match: {path: /a, host: b.example}, to: a}\n/a: a"),
        routes("n: {match: {path: /a, headers: {x: a}}, to: a}\nm: {match: {path: /a, headers: {x: b}}, to: a}"),
        routes("n: {match: {path: /a, query: {x: present}}, to: a}\n/a: a"),
        routes('"~/a.*": {to: a, priority: 1}\n"~/b.*": a'),
        routes("GET ~/a.*: a\nPOST ~/b.*: a"),
        routes('"~/a.*": a\nall: {match: h.example, to: a}') + "groups: {g: {respond: 404}}\n",
        routes("n: {match: {host: a.example, path: ~/a.*}, to: a}\nm: {match: {host: b.example, path: ~/b.*}, to: a}"),
        "version: 1\nlisteners:\n  a: {bind: [':0', ':0', '127.0.0.1:80', '[::1]:80'], to: u}\n"
        "  b: {bind: '10.0.0.1:80', to: u}\nupstreams: {u: {endpoints: [x:1]}}",
    ],
)
def test_the_nearest_innocent_ones_are_right(text: str) -> None:
    assert errors(text) == []
