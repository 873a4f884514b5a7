"""Teams: their names, their defaults and what the platform admits, down to the Plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from glorieta.config import ConfigError, Edge, Group, Listener, Route, Upstream
from glorieta.plan import build, compile
from harness.configuring import put_files

if TYPE_CHECKING:
    from glorieta.plan import Built

TEAMS = """\
### glorieta.yaml
version: 1
include: teams/{team}.yaml
defaults: {upstream: {health: {path: /healthz, fall: 4}}}
listeners:
  web: {bind: ":80", admit: {orders: "shop.example/orders/*", billing: "*"}, to: common}
upstreams:
  common: {endpoints: [common:1]}
  shared: {endpoints: [platform:1]}
### teams/orders.yaml
team: orders
x-route: &slow {deadline: 9s}
defaults:
  route: {retries: 3, timeouts: {connect: 1s}}
  upstream: {health: {every: 7s}}
accept: {sticky: carts live in memory}
groups:
  public:
    match: shop.example/orders/*
    defaults: {route: {timeouts: {idle: 2s}}}
    accept: {balances-one: meant}
    routes:
      /orders/own/*: shared
      /orders/platform: {to: common, <<: *slow}
      /orders/theirs: billing/invoices
      /orders/files/*: {files: ./public}
upstreams:
  shared: {endpoints: [orders:1], accept: {sticky: otherwise}}
  unix: {endpoints: ["unix:run/o.sock"], health: tcp}
### teams/billing.yaml
team: billing
include: more/b2.yaml
groups: {public: {match: billing.example, to: invoices}}
### teams/more/b2.yaml
upstreams: {invoices: {endpoints: [b:1]}}
tests: {GET http://billing.example/: {forwards: invoices}, by name: {request: GET http://billing.example/, status: 404}}
"""


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Built:
    monkeypatch.chdir(tmp_path)
    return build(put_files(tmp_path, TEAMS))


def test_names_mean_the_own_first_then_the_platforms(built: Built) -> None:
    targets = {
        route["id"]: route["target"]["proxy"]["upstream"]
        for route in built.plan["listeners"][0]["routes"]
        if "proxy" in route["target"]
    }
    assert targets == {
        "web/*": "common",
        "orders/public/orders/own/*": "orders/shared",
        "orders/public/orders/platform": "common",
        "orders/public/orders/theirs": "billing/invoices",
        "billing/public/*": "billing/invoices",
    }
    assert [group["id"] for group in built.plan["groups"]] == ["web", "billing/public", "orders/public"]


def test_defaults_of_a_team_lie_between_the_platforms_and_its_own(built: Built) -> None:
    upstreams = {upstream["id"]: upstream["health"] for upstream in built.plan["upstreams"]}
    assert {name: (check["kind"], check["every_ms"], check["fall"]) for name, check in upstreams.items() if check} == {
        "common": (HEALTHZ, 2000, 4),
        "shared": (HEALTHZ, 2000, 4),
        "orders/shared": (HEALTHZ, 7000, 4),
        "orders/unix": ("tcp", 7000, 4),
        "billing/invoices": (HEALTHZ, 2000, 4),
    }
    routes = {route["id"]: route for route in built.plan["listeners"][0]["routes"]}
    own = routes["orders/public/orders/own/*"]["target"]["proxy"]
    assert (own["retries"], own["timeouts"]["connect_ms"], own["timeouts"]["idle_ms"]) == (3, 1000, 2000)
    assert routes["orders/public/orders/platform"]["deadline_ms"] == 9000
    assert routes["billing/public/*"]["target"]["proxy"]["retries"] == 1


HEALTHZ = {"http": {"path": "/healthz", "host": None, "status_from": 200, "status_to": 299}}


def test_relative_paths_start_at_their_own_file(built: Built, tmp_path: Path) -> None:
    routes = {route["id"]: route for route in built.plan["listeners"][0]["routes"]}
    assert routes["orders/public/orders/files/*"]["target"]["files"]["root"] == str(tmp_path / "teams/public")
    socket = next(upstream for upstream in built.plan["upstreams"] if upstream["id"] == "orders/unix")
    assert socket["endpoints"][0]["address"] == f"unix:{tmp_path}/teams/run/o.sock"


def test_what_a_team_accepts_holds_for_its_own(built: Built) -> None:
    edge = built.edge
    assert edge.groups["orders/public"].accept == {"sticky": "carts live in memory", "balances-one": "meant"}
    assert edge.upstreams["orders/shared"].accept == {"sticky": "otherwise"}
    assert edge.upstreams["orders/unix"].accept == {"sticky": "carts live in memory"}
    assert edge.upstreams["common"].accept == {}
    assert edge.accept == {}


def test_the_whole_knows_its_files(built: Built, tmp_path: Path) -> None:
    assert [str(path.relative_to(tmp_path)) for path in built.files] == [
        "glorieta.yaml",
        "teams/billing.yaml",
        "teams/more/b2.yaml",
        "teams/orders.yaml",
    ]
    assert built.globs == (str(tmp_path / "teams/*.yaml"),)
    assert (built.edge.include, built.edge.team) == ([], None)
    assert list(built.edge.tests) == ["GET http://billing.example/", "billing/by name"]
    origin = built.edge.origin
    assert origin is not None
    source = origin.places.source(("upstreams", "billing/invoices", "endpoints"))
    assert (source.file, source.team) == ("teams/more/b2.yaml", "billing")
    assert origin.places.source(("listeners", "web")).team is None
    place = origin.places.find(("upstreams", "orders/shared", "health", "every"))
    assert str(place) == "teams/orders.yaml:5:30"
    assert str(origin.places.find(("groups", "orders/public"), key=True)) == "teams/orders.yaml:8:3"


def test_one_file_cannot_hold_several_teams(built: Built) -> None:
    with pytest.raises(ConfigError, match="one file cannot hold several namespaces"):
        built.edge.dump()


def test_python_is_included_like_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put_files(tmp_path, TEAMS)
    (tmp_path / "glorieta.yaml").write_text(
        (tmp_path / "glorieta.yaml")
        .read_text()
        .replace("teams/{team}.yaml", "{files: teams/made.py:edge, team: billing}")
    )
    (tmp_path / "teams/made.py").write_text(
        "from glorieta import Edge, Group, Route, Upstream\n"
        "edge = Edge(team='billing')\n"
        "edge.groups['public'] = Group(match='billing.example')\n"
        "for name in ('a', 'b'):\n"
        "    edge.upstreams[name] = Upstream(endpoints=[f'{name}:1'], health='off')\n"
        "    edge.groups['public'].routes[f'/{name}/*'] = name if name == 'a' else Route(to=name)\n"
        "edge.groups['public'].routes['/files'] = Route(files='./public')\n"
    )
    built = build("glorieta.yaml")
    routes = {route["id"]: route["target"] for route in built.plan["listeners"][0]["routes"]}
    assert routes["billing/public/a/*"]["proxy"]["upstream"] == "billing/a"
    assert routes["billing/public/b/*"]["proxy"]["upstream"] == "billing/b"
    assert routes["billing/public/files"]["files"]["root"] == str(tmp_path / "teams/public")
    assert [upstream["health"] for upstream in built.plan["upstreams"][2:]] == [None, None]
    assert tmp_path / "teams/made.py" in built.files
    (tmp_path / "teams/made.py").write_text("from glorieta import Edge\nedge = Edge(team='billing')\nx = 1 / 0\n")
    with pytest.raises(ConfigError) as caught:
        build("glorieta.yaml")
    assert [problem.line() for problem in caught.value.problems] == [
        "teams/made.py:3 ZeroDivisionError: division by zero"
    ]
    (tmp_path / "teams/made.py").write_text(
        "from glorieta import Edge\nedge = Edge(team='billing', groups={'g': {'match': '/x', 'to': 'y'}})\n"
    )
    with pytest.raises(ConfigError) as caught:
        build("glorieta.yaml")
    assert [problem.line() for problem in caught.value.problems] == [
        'teams/made.py:edge groups."billing/g".to: there is no upstream "y"; known are common, shared'
    ]


def test_an_edge_in_python_includes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put_files(tmp_path, TEAMS)
    (tmp_path / "whole.py").write_text(
        "from glorieta import Edge, Listener\n"
        "edge = Edge(include=[{'files': 'teams/billing.yaml', 'team': 'billing'}])\n"
        "edge.listeners['web'] = Listener(bind=':80', admit={'billing': 'billing.example'})\n"
    )
    assert [upstream["id"] for upstream in build("whole.py:edge").plan["upstreams"]] == ["billing/invoices"]
    (tmp_path / "over.yaml").write_text("upstreams: {billing/invoices: {endpoints: [b:9]}}\n")
    plan = build(["whole.py:edge", "over.yaml"]).plan
    assert plan["upstreams"][0]["endpoints"][0]["address"] == "b:9"
    with pytest.raises(ConfigError, match="is read when an edge is loaded"):
        compile(Edge(include=["teams/billing.yaml"], listeners={"web": {"bind": ":80", "respond": 404}}))


def test_a_teams_edge_is_a_part(tmp_path: Path) -> None:
    edge = Edge(team="orders", upstreams={"a": Upstream(endpoints=["a:1"], outlier="off")})
    assert edge.dump().startswith("version: 1\nteam: orders\nupstreams:\n")
    with pytest.raises(ConfigError, match="a team's edge is a part"):
        compile(edge)


def test_what_python_puts_in_later_counts_as_written() -> None:
    edge = Edge()
    edge.listeners["web"] = Listener(bind=":80")
    edge.listeners["web"].routes["/a/*"] = Route(to="a")
    edge.listeners["web"].routes["/b/*"] = "a"  # type: ignore[assignment]
    edge.upstreams["a"] = Upstream(endpoints=["a:1"], health="off")
    edge.groups["g"] = Group(match="/g/*", to="a")
    edge.defaults.route.timeouts.connect = "7s"  # type: ignore[assignment]
    edge.log.to = "off"
    assert edge.dump() == (
        "version: 1\n"
        "log: off\n"
        "defaults:\n"
        "  route:\n"
        "    timeouts: {connect: 7s}\n"
        "listeners:\n"
        "  web:\n"
        "    bind: :80\n"
        "    routes: {/a/*: a, /b/*: a}\n"
        "groups:\n"
        "  g:\n"
        "    match: {path: /g/*}\n"
        "    to: a\n"
        "upstreams:\n"
        "  a:\n"
        "    endpoints: [a:1]\n"
        "    health: off\n"
    )
    plan = compile(edge)
    assert plan["listeners"][0]["routes"][0]["target"]["proxy"]["timeouts"]["connect_ms"] == 7000
    assert plan["upstreams"][0]["health"] is None


@pytest.mark.parametrize(
    ("pattern", "files", "expected"),
    [
        ("teams/{team}.yaml", ["teams/orders.yaml", "teams/x/billing.yaml"], {"orders/orders"}),
        ("{team}/*.yaml", ["orders/a.yaml", "orders/b.yaml", "billing/c.yaml"], {"orders/a", "orders/b", "billing/c"}),
        ("teams/{team}/**/*.yaml", ["teams/orders/a.yaml", "teams/orders/x/y/b.yaml"], {"orders/a", "orders/b"}),
        ("te*/team-{team}.yaml", ["teams/team-orders.yaml", "tests/team-billing.yaml"], {"orders/team-orders", "billing/team-billing"}),
        ("../edge/{team}.yaml", ["orders.yaml"], {"orders/orders"}),
    ],
)  # fmt: skip
def test_a_path_says_whose_a_file_is(
    pattern: str, files: list[str], expected: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder's own name means nothing, whatever it has in it.
    folder = tmp_path / "{team} [x]*/edge"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(f"upstreams: {{{Path(file).stem}: {{endpoints: [a:1]}}}}\n")
    (folder / "glorieta.yaml").write_text(
        f"version: 1\ninclude: '{pattern}'\nlisteners: {{web: {{bind: ':80', admit: {{none: []}}, respond: 404}}}}\n"
    )
    assert {upstream["id"] for upstream in build("glorieta.yaml").plan["upstreams"]} == expected


def test_a_path_says_whose_an_edge_in_python_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put_files(tmp_path, (
        "### glorieta.yaml\nversion: 1\ninclude: '{team}/made.py:edge'\n"
        "listeners: {web: {bind: ':80', routes: {/a: orders/u, /b: billing/u}}}\n"
        "### orders/made.py\nfrom glorieta import Edge\nedge = Edge(upstreams={'u': {'endpoints': ['o:1']}})\n"
        "### billing/made.py\nfrom glorieta import Edge\nedge = Edge(upstreams={'u': {'endpoints': ['b:1']}})\n"
    ))  # fmt: skip
    addresses = {each["id"]: each["endpoints"][0]["address"] for each in build("glorieta.yaml").plan["upstreams"]}
    assert addresses == {"orders/u": "o:1", "billing/u": "b:1"}


def test_edges_of_one_name_in_several_folders_are_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put_files(tmp_path, (
        "### glorieta.yaml\nversion: 1\ninclude: [a/a.yaml, b/b.yaml]\n"
        "listeners: {web: {bind: ':80', routes: {/a: a, /b: b}}}\n"
        "### a/a.yaml\ninclude: made.py:edge\n### b/b.yaml\ninclude: made.py:edge\n"
        "### a/made.py\nfrom glorieta import Edge\nedge = Edge(upstreams={'a': {'endpoints': ['a:1']}})\n"
        "### b/made.py\nfrom glorieta import Edge\nedge = Edge(upstreams={'b': {'endpoints': ['b:1']}})\n"
    ))  # fmt: skip
    assert [upstream["id"] for upstream in build("glorieta.yaml").plan["upstreams"]] == ["a", "b"]
