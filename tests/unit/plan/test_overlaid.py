"""A slip in an overlay is told with the overlay's file, line and column, and one in the base with the base's."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.plan import build
from harness.configuring import cases, put_files, told_of

BASE = """\
### base.yaml
version: 1
listeners:
  web:
    bind: ":80"
    filters: {max_body: 1MiB, headers: {request: {set: {x-a: "1"}}}}
    routes:
      /a: a
      /b:
        to: a
        strip_prefix: /b
        match: {headers: {x-v: "1"}}
      /c: {redirect: "https://x.example/"}
groups:
  g:
    match: shop.example/g/*
    to: a
upstreams:
  a:
    endpoints: [a:1]
    health:
      path: /healthz
    outlier: off
    balance: random
log: access.log
tests:
  GET http://shop.example/g/1: {forwards: a}
"""


@pytest.mark.parametrize(("text", "expected"), cases(Path(__file__).parent / "overlaid.txt"))
def test_a_slip_in_an_overlay_is_told_with_its_place(
    text: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    base, overlay = put_files(tmp_path, f"{BASE}### over.yaml\n{text}")
    assert told_of([base]) == []
    told = told_of([base, overlay])
    assert told == expected
    assert all("over.yaml:" in line for line in told)


@pytest.mark.parametrize(
    ("base", "overlay", "expected"),
    [
        (
            "{web: {respond: 404}}",
            "{web: {limits: {head: 1KiB}}}",
            'base.yaml:2:13 listeners.web: does not say where to listen; write bind: ":8080"',
        ),
        (
            "{web: {bind: ':80', respond: {status: 99}}}",
            "{web: {respond: {body: x}}}",
            "base.yaml:2:50 listeners.web.respond.status: 99 is out of bounds; write 200 to 599",
        ),
        (
            "{web: {bind: ':80', routes: {/a: {}}}}",
            "{web: {routes: {/a: {deadline: 5s}}}}",
            'base.yaml:2:41 listeners.web.routes."/a": has no target; write to: UPSTREAM, split:, handler:, asgi:, gather:, redirect:, respond: or files:',
        ),
    ],
)
def test_a_slip_in_the_base_stays_the_bases(
    base: str, overlay: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"### base.yaml\nversion: 1\nlisteners: {base}\n### over.yaml\nlisteners: {overlay}\n"
    assert told_of(put_files(tmp_path, text)) == [expected]


def test_what_is_not_there_may_be_taken_away_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    base = BASE.replace('x-a: "1"', 'x-a: "1", x-key: "${env:GLORIETA_NONE}"')
    over = "listeners: {web: {role: null, filters: {headers: {request: {set: {x-key: null}}}}}}\nx-a: null\n"
    build(put_files(tmp_path, f"{base}### over.yaml\n{over}"))


def test_the_last_of_several_overlays_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "### over1.yaml\nupstreams: {a: {panic: 10%}}\n### over2.yaml\nupstreams: {a: {endpoints: null}}\n"
    assert told_of(put_files(tmp_path, BASE + text)) == [
        "over2.yaml:1:13 upstreams.a: has no endpoints; write endpoints: [host:port]"
    ]


COUNT = 'open("runs", "a").write("x")'
INCLUDED = "include: [code_of.py:edge]"
HANDLED = "listeners: {web: {bind: ':80', handler: code_of.py:router}}"
SLIP = 'over.yaml:1:12 defaults: unknown key "rout"; did you mean "route"?'


@pytest.mark.parametrize(
    ("base", "code", "expected"),
    [
        (INCLUDED, f"from glorieta import Edge\ndef edge():\n    {COUNT}\n    return Edge()", None),
        (INCLUDED, f"def edge():\n    {COUNT}\n    1 / 0", "code_of.py:3 ZeroDivisionError: division by zero"),
        (INCLUDED, f"{COUNT}\n1 / 0", "code_of.py:2 ZeroDivisionError: division by zero"),
        (HANDLED, f"from glorieta.handlers import Router\nrouter = Router()\n{COUNT}", "its router has no routes"),
        (HANDLED, f"{COUNT}\n1 / 0", "code_of.py:2 listeners.web.handler: ZeroDivisionError: division by zero"),
        (
            HANDLED,
            f"{COUNT}\nfrom glorieta.handlers import Router\nrouter = Router()\n@router.get('x')\ndef x(): ...",
            'the path "x" does not begin with a slash; write "/x"',
        ),
    ],
)
def test_code_runs_once_though_the_base_is_looked_at_again(
    base: str, code: str, expected: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code_of.py").write_text(code)
    files = f"### base.yaml\nversion: 1\n{base}\n### over.yaml\ndefaults: {{rout: {{deadline: 5s}}}}\n"
    told = told_of(put_files(tmp_path, files))
    assert SLIP in told
    assert expected is None or any(expected in each for each in told), told
    assert (tmp_path / "runs").read_text() == "x"


def test_code_runs_again_for_whoever_asks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code_of.py").write_text(f"{COUNT}\n1 / 0")
    files = put_files(tmp_path, f"### base.yaml\nversion: 1\n{INCLUDED}\n### over.yaml\ndrain: 5s\n")
    assert told_of(files) == told_of(files) != []
    assert (tmp_path / "runs").read_text() == "xx"
