"""`admit`: a team's file cannot reach beyond what the platform admits, whatever it says; and what it may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.plan import build
from harness.configuring import cases, put_files, told_of

PLATFORM = """\
### glorieta.yaml
version: 1
include: "teams/{team}.yaml"
listeners:
  web: {bind: ":80", admit: {orders: shop.example/orders/*, billing: shop.example/invoices/*, none: []}, to: shared}
  api: {bind: ":81", to: shared}
upstreams: {shared: {endpoints: [c:1]}}
### teams/orders.yaml
groups: {g: {at: web, match: shop.example/orders/*, to: u}}
upstreams: {u: {endpoints: [o:1]}}
"""


@pytest.mark.parametrize(("text", "expected"), cases(Path(__file__).parent / "admission.txt"))
def test_a_team_cannot_reach_beyond_what_is_admitted(
    text: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told_of(put_files(tmp_path, PLATFORM + text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "groups: {g: {at: web, match: shop.example/invoices/*, to: u}}",
        "team: billing\nversion: 1\ngroups: {g: {at: web, match: shop.example/invoices, to: u}}",
        "team: ${env:GLORIETA_NONE:-billing}\ngroups: {g: {at: web, match: SHOP.example./invoices/*, to: u}}",
        "groups: {g: {at: web, match: {host: shop.example, path: '~/invoices/[0-9]+'}, to: u}}",
        "groups: {g: {at: web, match: 'shop.example/invoices/{id}', to: billing/u}}",
        "groups: {g: {at: web, match: shop.example/invoices/*, routes: {OPTIONS /invoices/*: u, /invoices/old: shared}}}",
        "groups: {g: {at: web, match: shop.example/invoices/*, routes: {/invoices/theirs: orders/u, /invoices/own: u}}}",
        "x-a: &a {at: web, match: shop.example/invoices/*, to: u}\ngroups: {g: {<<: *a}}",
        "include: ../more/*.yaml\n### more/x.yaml\nteam: billing\ngroups: {g: {at: web, match: shop.example/invoices/*, to: u}}",
        "include: '../more/{team}.yaml'\n### more/billing.yaml\ngroups: {g: {at: web, match: shop.example/invoices/*, to: u}}",
        "include: {files: ../more/x.yaml, team: billing}\n### more/x.yaml\n"
        "groups: {g: {at: web, match: shop.example/invoices/*, to: u}}",
        "### over.yaml\ninclude: {files: more/made.py:edge, team: billing}\n### more/made.py\nfrom glorieta import Edge\n"
        "edge = Edge(groups={'g': {'at': 'web', 'match': 'shop.example/invoices/*', 'to': 'u'}})\n",
    ],
)  # fmt: skip
def test_what_is_admitted_may_be_taken(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    platform = PLATFORM.replace(", none: []", "")
    built = build(
        put_files(tmp_path, f"{platform}### teams/billing.yaml\nupstreams: {{u: {{endpoints: [b:1]}}}}\n{text}")
    )
    assert built.warnings == ()
    assert "billing/g" in [group["id"] for group in built.plan["groups"]]


def test_a_whole_host_has_its_options_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = PLATFORM.replace("shop.example/invoices/*, none: []", '["*.billing.example", /invoices/*]')
    build(put_files(tmp_path, text + (
        "### teams/billing.yaml\nupstreams: {u: {endpoints: [b:1]}}\n"
        "groups: {g: {at: web, match: a.billing.example, routes: {OPTIONS *: u}}}\n"
    )))  # fmt: skip


def test_without_admit_a_file_may_say_itself_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    built = build(put_files(tmp_path, (
        "### glorieta.yaml\nversion: 1\ninclude: [more/*.yaml, more/made.py:edge]\n"
        "listeners: {web: {bind: ':80', routes: {/a: orders/u, /b: billing/u}}}\n"
        "### more/a.yaml\nteam: orders\nupstreams: {u: {endpoints: [o:1]}}\n"
        "### more/made.py\nfrom glorieta import Edge\n"
        "edge = Edge(team='billing', upstreams={'u': {'endpoints': ['b:1']}})\n"
    )))  # fmt: skip
    assert [upstream["id"] for upstream in built.plan["upstreams"]] == ["orders/u", "billing/u"]


def test_admit_of_an_overlay_or_of_python_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = put_files(tmp_path, (
        "### glorieta.yaml\nversion: 1\ninclude: teams/*.yaml\nlisteners: {web: {bind: ':80', to: orders/u}}\n"
        "### teams/orders.yaml\nteam: orders\nupstreams: {u: {endpoints: [o:1]}}\n"
        "### over.yaml\nlisteners: {web: {admit: {orders: /a/*}}}\n"
        "### whole.py\nfrom glorieta import Edge\nedge = Edge.load('glorieta.yaml')\n"
        "edge.listeners['web'].admit['orders'] = ['/a/*']\n"
    ))  # fmt: skip
    expected = [
        "teams/orders.yaml:1:7 team: a file cannot say itself whose it is where a listener has admit "
        '(the other: glorieta.yaml:2:10 include); write include: "teams/{team}.yaml"'
    ]
    assert told_of(files[:1]) == []
    assert told_of(files) == expected
    assert told_of(["whole.py:edge"]) == expected
