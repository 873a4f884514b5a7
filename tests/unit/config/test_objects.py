"""Edges that are Python objects: found, called, and what goes wrong in them told like errors of a file."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from glorieta.config import ConfigError, is_object, load_any, load_object
from glorieta.plan import build

if TYPE_CHECKING:
    from pathlib import Path

SHOP = """
from glorieta import Edge, Listener, Route, Upstream
from . import names

def service(name):
    return Upstream(endpoints=[f"{name}:80"])

edge = Edge(
    listeners={"web": Listener(bind=":8080", routes={f"/{name}/*": Route(to=name) for name in names.ALL})},
    upstreams={name: service(name) for name in names.ALL},
)

def make():
    return edge

number = 7
broken = lambda: 1 / 0
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a package; what is imported from it is forgotten afterwards."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text("")
    (tmp_path / "shop/names.py").write_text("ALL = ['a', 'b']\n")
    (tmp_path / "shop/edge.py").write_text(dedent(SHOP))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path  # type: ignore[misc]
    for name in set(sys.modules) - before:
        del sys.modules[name]


def refusal(reference: str) -> str:
    with pytest.raises(ConfigError) as caught:
        build(reference)
    return "\n".join(problem.line() for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("shop.edge:edge", True),
        ("shop/edge.py:edge", True),
        ("edge:make.it", True),
        ("glorieta.yaml", False),
        ("conf/x:y", False),
        ("a b:c", False),
        ("C:", False),
    ],
)
def test_references_are_told_from_files(reference: str, expected: bool) -> None:
    assert is_object(reference) is expected


@pytest.mark.parametrize("reference", ["shop.edge:edge", "shop.edge:make"])
def test_an_edge_is_found(folder: Path, reference: str) -> None:
    built = build(reference)
    assert [route["id"] for route in built.plan["listeners"][0]["routes"]] == ["web/a/*", "web/b/*"]
    assert built.files == tuple(folder / "shop" / name for name in ("__init__.py", "edge.py", "names.py"))


def test_an_edge_is_found_by_its_file(folder: Path) -> None:
    (folder / "alone.py").write_text(
        "from glorieta import Edge\n"
        "edge = Edge(listeners={'web': {'bind': ':80', 'files': './public'}})\n"
        "edge.log.to = './access.log'\n"
    )
    built = build("alone.py:edge")
    assert built.plan["listeners"][0]["routes"][0]["target"]["files"]["root"] == str(folder / "public")
    assert built.plan["access_log"]["to"] == {"file": str(folder / "access.log")}
    assert built.files == (folder / "alone.py",)
    assert load_any("alone.py:edge").edge.listeners["web"].bind == [":80"]


def test_a_loaded_edge_may_be_changed(folder: Path) -> None:
    (folder / "base.yaml").write_text(
        "version: 1\nlisteners: {web: {bind: ':80', to: orders}}\nupstreams: {orders: {endpoints: [a:1]}}\n"
    )
    (folder / "changed.py").write_text(
        "from glorieta import Edge, Upstream\n"
        "edge = Edge.load('base.yaml')\n"
        "edge.upstreams['orders'] = Upstream(endpoints=['b:1', 'b:2'])\n"
        "edge.listeners['web'].routes['/x'] = 'orders'\n"
    )
    plan = build("changed:edge").plan
    assert [each["address"] for each in plan["upstreams"][0]["endpoints"]] == ["b:1", "b:2"]
    assert [route["id"] for route in plan["listeners"][0]["routes"]] == ["web/x", "web/*"]


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("shop.edge:edg", 'shop.edge:edg shop.edge has no "edg"; did you mean "edge"?'),
        ("shop.edge:number", "shop.edge:number is int, not an Edge; write edge = Edge(…)"),
        ("shop.edge:broken", "shop/edge.py:17 ZeroDivisionError: division by zero"),
        ("none.py:edge", "none.py cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_found_is_told(folder: Path, reference: str, expected: str) -> None:
    assert refusal(reference) == expected


def test_a_module_that_is_missing_is_told(folder: Path) -> None:
    assert refusal("nowhere.edge:edge") == (
        f'nowhere.edge there is no module "nowhere"; it was looked for in {folder} and among the installed packages'
    )
    (folder / "needs.py").write_text("import sys\n\nimport nothing_of_that_name\n")
    assert refusal("needs:edge") == "needs.py:3 ModuleNotFoundError: No module named 'nothing_of_that_name'"


def test_mistakes_in_a_module_have_file_and_line(folder: Path) -> None:
    (folder / "syntax.py").write_text("x = 1\nedge = = 2\n")
    assert refusal("syntax:edge") == "syntax.py:2 SyntaxError: invalid syntax"
    (folder / "model.py").write_text(
        "from glorieta import Upstream\n\nu = Upstream(\n    endpoints=['a'], balance='rnd')\n"
    )
    assert refusal("model:edge").splitlines() == [
        'model.py:3 Upstream.balance.algorithm: "rnd" is not one of the words for this; did you mean "random"?',
        'model.py:3 Upstream.endpoints.0.address: "a" has no port; write a:80',
    ]


def test_what_a_mapping_took_is_checked_when_compiled(folder: Path) -> None:
    (folder / "late.py").write_text(
        "from glorieta import Edge\n"
        "edge = Edge(listeners={'web': {'bind': ':80', 'to': 'a'}})\n"
        "edge.upstreams['a'] = 5\n"
    )
    assert refusal("late:edge") == "late:edge Edge.upstreams.a: a mapping is expected here, not 5"
    (folder / "unknown.py").write_text(
        "from glorieta import Edge\nedge = Edge(listeners={'web': {'bind': ':80', 'to': 'a'}})\n"
    )
    assert refusal("unknown:edge").startswith('unknown:edge listeners.web.to: there is no upstream "a"')


def test_the_files_of_a_broken_module_are_known(folder: Path) -> None:
    (folder / "shop/names.py").write_text("ALL = [\n")
    with pytest.raises(ConfigError) as caught:
        load_object("shop.edge:edge")
    assert folder / "shop/__init__.py" in caught.value.files
