"""Confusions of roles: each with one configuration that has it and its nearest innocent one; and `accept`."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.config import ConfigError, load_text
from glorieta.config.accept import CODES, LATER
from glorieta.plan import Built, build, explain
from glorieta.plan.build import finish
from glorieta.plan.compiling import Surroundings
from glorieta.plan.confusions import TABLE

ROOT = Path(__file__).parents[3]
HEAD = "version: 1\n"
WEB = "listeners: {web: {bind: ':80', to: a}}\n"

CASES = [
    (
        "sticky",
        "W upstreams.a.balance 3:63",
        WEB + "upstreams: {a: {endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: {hash: cookie.cart}}}",
        WEB + "upstreams: {a: {endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: {hash: path}}}",
    ),
    (
        "sticky",
        "W upstreams.a.balance 3:47",
        WEB + "upstreams: {a: {endpoints: [name:1], balance: {hash: client.ip}}}",
        WEB + "upstreams: {a: {endpoints: [10.0.0.1:1], balance: {hash: client.ip}}}",
    ),
    (
        "sticky",
        "N upstreams.a.balance 3:63",
        WEB + "upstreams: {a: {endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: {hash: header.x-user}}}",
        WEB + "upstreams: {a: {endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: {hash: query.page}}}",
    ),
    (
        "balances-one",
        "N listeners.web.role 2:45",
        "listeners: {web: {bind: ':80', to: a, role: load-balancer}}\nupstreams: {a: {endpoints: [10.0.0.1:1]}}",
        "listeners: {web: {bind: ':80', to: a, role: load-balancer}}\nupstreams: {a: {endpoints: [name:1]}}",
    ),
    (
        "balances-one",
        "N groups.g.role 3:27",
        "listeners: {web: {bind: ':80'}}\ngroups: {g: {to: a, role: load-balancer}}\nupstreams: {a: {endpoints: [10.0.0.1:1]}}",
        "listeners: {web: {bind: ':80'}}\ngroups: {g: {to: a, role: reverse-proxy}}\nupstreams: {a: {endpoints: [10.0.0.1:1]}}",
    ),
    (
        "balances-one",
        "N listeners.db.role 2:59",
        "listeners: {db: {bind: ':80', protocol: tcp, to: a, role: load-balancer}}\nupstreams: {a: {endpoints: [10.0.0.1:1]}}",
        "listeners: {db: {bind: ':80', protocol: tcp, to: a}}\nupstreams: {a: {endpoints: [10.0.0.1:1]}}",
    ),
    (
        "unequal-endpoints",
        "W upstreams.a.endpoints 3:28",
        "listeners: {db: {bind: ':80', protocol: tcp, to: a}}\nupstreams: {a: {endpoints: [10.0.0.1:5432, 10.0.0.2:5432]}}",
        "listeners: {db: {bind: ':80', protocol: tcp, to: a}}\n"
        "upstreams: {a: {endpoints: [10.0.0.1:5432, 10.0.0.2:5432], balance: first_available}}",
    ),
    (
        "unequal-endpoints",
        "W upstreams.a.endpoints.1 3:41",
        "listeners: {web: {bind: ':80', routes: {/a: a, /b: b}}}\n"
        "upstreams: {a: {endpoints: [10.0.0.1:1, 10.0.0.2:1]}, b: {endpoints: [10.0.0.2:1]}}",
        "listeners: {web: {bind: ':80', routes: {/a: a, /b: b}}}\n"
        "upstreams: {a: {endpoints: [10.0.0.1:1, 10.0.0.2:1]}, b: {endpoints: [10.0.0.2:2]}}",
    ),
    (
        "hop-to-self",
        "N upstreams.a.endpoints.0 3:29",
        "listeners: {web: {bind: ':80', to: a}, inner: {bind: '127.0.0.1:81', respond: 200}}\n"
        "upstreams: {a: {endpoints: [localhost:81]}}",
        "listeners: {web: {bind: ':80', to: a}, inner: {bind: '10.0.0.1:81', respond: 200}}\n"
        "upstreams: {a: {endpoints: [localhost:81]}}",
    ),
    (
        "hop-to-self",
        "N upstreams.a.endpoints.0 3:29",
        "listeners: {web: {bind: ':80', to: a}, inner: {bind: 'unix:/run/x.sock', respond: 200}}\n"
        "upstreams: {a: {endpoints: [unix:/run/x.sock]}}",
        "listeners: {web: {bind: ':80', to: a}, inner: {bind: 'unix:/run/y.sock', respond: 200}}\n"
        "upstreams: {a: {endpoints: [unix:/run/x.sock]}}",
    ),
    (
        "hop-to-self",
        "E upstreams.a.endpoints.0 3:29",
        "listeners: {web: {bind: ':80', routes: {/a/*: {to: a, retries: 0}}}}\nupstreams: {a: {endpoints: [127.0.0.1:80]}}",
        "listeners: {web: {bind: ':80', routes: {/a/*: {to: a, retries: 0}}}}\nupstreams: {a: {endpoints: [127.0.0.1:81]}}",
    ),
    (
        "hop-to-self",
        "E upstreams.a.endpoints.0 3:29",
        "listeners: {one: {bind: ':80', protocol: tcp, to: a}, two: {bind: ':81', protocol: tcp, to: b}}\n"
        "upstreams: {a: {endpoints: [localhost:81]}, b: {endpoints: ['[::1]:80']}}",
        "listeners: {one: {bind: ':80', protocol: tcp, to: a}, two: {bind: ':81', protocol: tcp, to: b}}\n"
        "upstreams: {a: {endpoints: [localhost:82]}, b: {endpoints: ['[::1]:83']}}",
    ),
    (
        "hop-to-self",
        "N upstreams.a.endpoints.0 3:29",
        "listeners: {web: {bind: ':80', routes: {/a/*: {to: a, strip_prefix: true, retries: 0}, /b: {respond: 200}}}}\n"
        "upstreams: {a: {endpoints: [127.0.0.1:80]}}",
        "listeners: {web: {bind: ':80', routes: {/a/*: {to: a, strip_prefix: true, retries: 0}, /b: {respond: 200}}}}\n"
        "upstreams: {a: {endpoints: [127.0.0.2:80]}}",
    ),
    (
        "retries-multiply",
        "W listeners.web.routes./* 2:45",
        "listeners: {web: {bind: ':80', routes: {/*: {to: a, retries: 2}}}, inner: {bind: ':81', to: b}}\n"
        "upstreams: {a: {endpoints: [localhost:81]}, b: {endpoints: [10.0.0.1:1]}}",
        "listeners: {web: {bind: ':80', routes: {/*: {to: a, retries: 0}}}, inner: {bind: ':81', to: b}}\n"
        "upstreams: {a: {endpoints: [localhost:81]}, b: {endpoints: [10.0.0.1:1]}}",
    ),
    (
        "office-is-one",
        "W upstreams.b.balance 3:95",
        "listeners: {front: {bind: ':80', protocol: tcp, to: a}, web: {bind: ':81', to: b}}\n"
        "upstreams: {a: {endpoints: [localhost:81]}, b: {endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: {hash: client.ip}}}",
        "listeners: {front: {bind: ':80', protocol: tcp, to: a}, web: {bind: ':81', to: b}}\n"
        "upstreams: {a: {endpoints: [10.0.0.9:81]}, b: {endpoints: [10.0.0.1:1, 10.0.0.2:1], balance: {hash: client.ip}}}",
    ),
    (
        "l4-reads-http",
        "E listeners.db.routes 2:46",
        "listeners: {db: {bind: ':80', protocol: tcp, routes: {/a: a}}}\nupstreams: {a: {endpoints: [10.0.0.1:1]}}",
        "listeners: {db: {bind: ':80', protocol: http, routes: {/a: a}}}\nupstreams: {a: {endpoints: [10.0.0.1:1]}}",
    ),
    (
        "reverse-as-forward",
        "E upstreams.a.endpoints.0.address 3:29",
        WEB + "upstreams: {a: {endpoints: ['${header.x-server}:80']}}",
        WEB + "upstreams: {a: {endpoints: ['server:80']}}",
    ),
]


def built(text: str) -> Built:
    return finish(load_text(HEAD + text, "edge.yaml"), Surroundings())


def told(text: str) -> list[tuple[str, str]]:
    """Code, and letter, path and place of each confusion."""
    try:
        found = [(each.code, each.severity, each.path_text, each.place) for each in built(text).confusions]
    except ConfigError as error:
        found = [(each.code or "", each.severity, ".".join(map(str, each.path)), each.place) for each in error.problems]
    return [
        (code, f"{severity[0].upper()} {path.replace(chr(34), '')} {place.line}:{place.column}")
        for code, severity, path, place in found
        if place is not None
    ]


@pytest.mark.parametrize(("code", "where", "confused", "innocent"), CASES)
def test_each_is_found_where_it_is_and_only_there(code: str, where: str, confused: str, innocent: str) -> None:
    assert (code, where) in told(confused)
    assert code not in [each for each, _ in told(innocent)]


def test_every_code_has_a_case_and_a_row() -> None:
    assert {code for code, *_ in CASES} == set(CODES) == {row.code for row in TABLE}
    assert not set(CODES) & set(LATER)


def test_errors_and_warnings_are_checked_and_notes_are_explained() -> None:
    found = built(CASES[0][2])
    assert [(each.severity, each.code) for each in found.warnings] == [("warning", "sticky")]
    assert "warning: sticky: One client stays" in found.warnings[0].line()
    assert found.warnings[0].as_json()["code"] == "sticky"
    noted = built(CASES[2][2])
    assert noted.warnings == ()
    assert "  N sticky  upstreams.a.balance (edge.yaml:3:63)" in explain(noted).text()


ACCEPTING = [
    ("", "upstreams: {a: {endpoints: [name:1], balance: {hash: cookie.a}, accept: {sticky: why}}}"),
    ("accept: {sticky: why}\n", "upstreams: {a: {endpoints: [name:1], balance: {hash: cookie.a}}}"),
]


@pytest.mark.parametrize(("before", "upstreams"), ACCEPTING)
def test_what_is_meant_is_silent_and_listed(before: str, upstreams: str) -> None:
    found = built(before + WEB + upstreams)
    assert found.warnings == ()
    assert [(each.code, each.accepted) for each in found.confusions] == [("sticky", "why")]
    text = explain(found).text()
    assert "accepted: why" in text
    assert "Fix:" not in text


def test_a_loop_that_somebody_means_is_let_be() -> None:
    text = "accept: {hop-to-self: a test of limits}\n" + CASES[10][2]
    assert [(each.code, each.accepted) for each in built(text).confusions] == [("hop-to-self", "a test of limits")]


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ("{stick: why}", 'there is no confusion "stick"; did you mean "sticky"?'),
        ("{sticky: ''}", "a reason is missing; say why it is meant, and until when"),
        ("{side-door: why}", "not built yet in this version; it comes with Gateway"),
    ],
)
def test_what_cannot_be_accepted(accept: str, said: str) -> None:
    with pytest.raises(ConfigError, match="accept") as refused:
        built(f"accept: {accept}\n{WEB}upstreams: {{a: {{endpoints: [name:1]}}}}")
    assert said in str(refused.value)


def test_an_accept_without_use_is_told() -> None:
    found = built(WEB + "upstreams: {a: {endpoints: [name:1], accept: {sticky: why}}}")
    [warning] = found.warnings
    assert (
        warning.line()
        == "edge.yaml:3:47 upstreams.a.accept.sticky: warning: accepts sticky, which is not found here; remove it"
    )


def test_a_teams_accept_is_of_use_if_it_is_to_one_of_its_objects(tmp_path: Path) -> None:
    (tmp_path / "glorieta.yaml").write_text(
        HEAD + "include: team.yaml\nlisteners: {web: {bind: ':80', admit: {t: '*'}}}\n"
    )
    (tmp_path / "team.yaml").write_text(
        "team: t\naccept: {sticky: why}\ngroups: {g: {match: a.example, routes: {/a: a, /b: b}}}\n"
        "upstreams: {a: {endpoints: [name:1], balance: {hash: cookie.a}}, b: {endpoints: [name:2]}}\n"
    )
    found = build(tmp_path / "glorieta.yaml")
    assert [(each.code, each.accepted) for each in found.confusions] == [("sticky", "why")]
    assert found.warnings == ()


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*/glorieta.yaml")), ids=lambda path: path.parent.name)
def test_no_example_is_confused(path: Path) -> None:
    assert [each.code for each in build(path).confusions if each.accepted is None] == []
