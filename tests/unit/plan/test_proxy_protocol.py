"""The PROXY protocol in configurations: what each form compiles to, what is warned of, what is explained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from glorieta.config import load_text
from glorieta.plan.compile import inspect
from glorieta.plan.diff import diff, diff_text
from glorieta.plan.explaining.document import document
from glorieta.plan.explaining.text import text
from glorieta.plan.explaining.view import View

if TYPE_CHECKING:
    from glorieta.plan import Plan


def written(proxies: str, protocol: str = "tcp", sent: str = "off") -> str:
    return (
        f'version: 1\nlisteners: {{mail: {{bind: ":25", protocol: {protocol}, to: a, proxy_protocol: {proxies}}}}}\n'
        f"upstreams: {{a: {{endpoints: [localhost:3000], proxy_protocol: {sent}}}}}\n"
    )


def compiled(configuration: str) -> tuple[Plan, list[str]]:
    plan, problems = inspect(load_text(configuration, "glorieta.yaml", Path("/etc/x")).edge, valid=True)
    return plan, [each.line() for each in problems]


@pytest.mark.parametrize("protocol", ["http", "tcp", "tls"])
@pytest.mark.parametrize(
    ("proxies", "trusted", "required"),
    [
        ("10.0.0.0/8", ["10.0.0.0/8"], True),
        ('[10.0.0.0/8, "fd00::/8"]', ["10.0.0.0/8", "fd00::/8"], True),
        ("{trusted: 10.0.0.7, required: off}", ["10.0.0.7"], False),
    ],
)
def test_every_form(proxies: str, trusted: list[str], required: bool, protocol: str) -> None:
    plan, problems = compiled(written(proxies, protocol))
    assert plan["listeners"][0]["proxy_protocol"] == {"trusted": trusted, "required": required}
    assert problems == []


@pytest.mark.parametrize("proxies", ["off", '"off"', "null"])
def test_off_is_nothing(proxies: str) -> None:
    plan, _ = compiled(written(proxies))
    assert (plan["listeners"][0]["proxy_protocol"], plan["upstreams"][0]["proxy_protocol"]) == (None, None)


def test_believing_everybody_is_warned_of() -> None:
    _, problems = compiled(written('[10.0.0.0/8, "0.0.0.0/0", "::/0"]'))
    assert len(problems) == 2
    assert all("each client can say that it is another" in each for each in problems)


def test_it_is_explained() -> None:
    view = View(compiled(written("10.0.0.0/8", sent="v2"))[0])
    told = text(view)
    assert "PROXY headers from 10.0.0.0/8; all others are refused" in told
    assert "told of clients by PROXY v2" in told
    found = document(view)
    assert found["listeners"][0]["proxy_protocol"] == {"trusted": ["10.0.0.0/8"], "required": True}
    assert found["upstreams"][0]["proxy_protocol"] == "v2"


def test_a_change_is_told() -> None:
    old, new = compiled(written("off"))[0], compiled(written("10.0.0.7", sent="v1"))[0]
    told = diff_text(diff(old, new))
    assert "proxy_protocol: off → PROXY headers from 10.0.0.7; all others are refused" in told
    assert "proxy_protocol: off → v1" in told
