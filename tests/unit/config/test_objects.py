"""Edges that are Python objects: found, called, and what goes wrong in them told like errors of a file."""

from __future__ import annotations

import os
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from glorieta.config import ConfigError, Edge, is_object, load_any, load_object
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
    """A working folder with a package."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text("")
    (tmp_path / "shop/names.py").write_text("ALL = ['a', 'b']\n")
    (tmp_path / "shop/edge.py").write_text(dedent(SHOP))
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ("Upstream(endpoint=['a:1'])", 'Upstream: unknown key "endpoint"; did you mean "endpoints"?'),
        ("Upstream(servers=['a:1'])", 'Upstream: unknown key "servers"; did you mean "endpoints"?'),
        ("Upstream(health={'paht': '/'})", 'Upstream.health: unknown key "paht"; did you mean "path"?'),
        ("Route(strip_prefx=True)", 'Route: unknown key "strip_prefx"; did you mean "strip_prefix"?'),
        ("Group(rout={})", 'Group: unknown key "rout"; did you mean "routes"?'),
        ("Listener(routes={'/a': {'tow': 'a'}})", 'Listener.routes."/a": unknown key "tow"; did you mean "to"?'),
        (
            "Listener(strip_prefix=True)",
            'Listener: unknown key "strip_prefix"; it belongs to routes: write it in a route',
        ),
        ("Edge(upstream={})", 'Edge: unknown key "upstream"; did you mean "upstreams"?'),
    ],
)
def test_the_nearest_right_word_is_one_of_the_model_that_was_made(folder: Path, made: str, expected: str) -> None:
    (folder / "word.py").write_text(f"from glorieta import Edge, Group, Listener, Route, Upstream\nedge = {made}\n")
    assert refusal("word:edge").startswith(f"word.py:2 {expected}")


def test_loading_needs_files(folder: Path) -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'path'"):
        Edge.load()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"takes files, not list; write Edge.load\('base.yaml', 'prod.yaml'\)"):
        Edge.load(["a.yaml"])  # type: ignore[arg-type]


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


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import sys\nsys.exit(0)", "2 ends the program, with exit code 0"),
        ("import sys\nsys.exit()", "2 ends the program, with exit code 0"),
        ("import sys\nsys.exit('no shops today')", "2 ends the program, with the words: no shops today"),
        ("import os\nos._exit(0)", "2 ends the program, with exit code 0"),
        ("import argparse\nargparse.ArgumentParser().parse_args(['--x'])", "2 ends the program, with exit code 2"),
        ("class Odd(BaseException): pass\nraise Odd('even')", "2 Odd: even"),
        ("open('/nowhere/at/all')", "1 FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'"),
        ("import pathlib\npathlib.Path(7)", "2 TypeError: "),
    ],
)
@pytest.mark.parametrize("within", ["module", "function"])
def test_code_that_ends_the_program_is_an_error_like_any_other(
    folder: Path, code: str, expected: str, within: str
) -> None:
    text = code if within == "module" else "def edge():\n" + "".join(f"    {line}\n" for line in code.splitlines())
    (folder / "ends.py").write_text(text)
    line, message = expected.split(" ", 1)
    place = f"ends.py:{int(line) + (within == 'function')}"
    assert refusal("ends.py:edge").startswith(f"{place} {message}")


def test_ctrl_c_is_no_mistake(folder: Path) -> None:
    (folder / "waits.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        build("waits.py:edge")


def test_a_process_that_the_code_starts_may_end_as_it_likes(folder: Path) -> None:
    (folder / "forks.py").write_text(
        "import os\n"
        "from glorieta import Edge\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(7)\n"
        "code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "edge = Edge(workers=code, listeners={'web': {'bind': ':80', 'respond': {'body': 'x'}}})\n"
    )
    leave = os._exit
    assert build("forks.py:edge").plan["workers"] == 7
    assert os._exit is leave
