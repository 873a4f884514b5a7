"""The engine's end of a handler process is written down three times: for type checkers (`_engine.pyi`), for handlers,
which do not import the engine (`handlers/serving/carrier.py`), and in Rust. All say the same methods, one by one."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest

from glorieta import _engine, engine, handlers
from glorieta.handlers.transport import CallResponse, Fields, Start

PACKAGE = Path(handlers.__file__).parents[1]
Methods = dict[str, ast.FunctionDef]


class WithoutAliases(ast.NodeTransformer):
    """`Fields` stands for what it means."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.parse(str(Fields), mode="eval").body if node.id == "Fields" else node


def methods(file: str) -> Methods:
    """The methods of the class `Carrier` in a file."""
    tree = WithoutAliases().visit(ast.parse((PACKAGE / file).read_text()))
    (carrier,) = (each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == "Carrier")
    return {each.name: each for each in carrier.body if isinstance(each, ast.FunctionDef)}


def signature(method: ast.FunctionDef) -> str:
    result = ast.unparse(method.returns) if method.returns else "nothing said"
    return f"({ast.unparse(method.args)}) -> {result}"


STUB = methods("_engine.pyi")
PROTOCOL = methods("handlers/serving/carrier.py")


def test_both_have_the_methods_that_rust_has() -> None:
    built = {name for name in vars(engine.Carrier) if not name.startswith("_")}
    assert set(STUB) == built | {"__init__"}
    assert set(PROTOCOL) == built
    assert len(built) > 10


@pytest.mark.parametrize("name", PROTOCOL)
def test_each_takes_and_gives_the_same(name: str) -> None:
    assert signature(PROTOCOL[name]) == signature(STUB[name])


@pytest.mark.parametrize("name", PROTOCOL)
def test_rust_takes_them_by_the_same_names(name: str) -> None:
    built = list(inspect.signature(getattr(engine.Carrier, name)).parameters)
    assert built == [each.arg for each in STUB[name].args.args]


@pytest.mark.parametrize(("built", "known"), [(_engine.Start, Start), (_engine.CallResponse, CallResponse)])
def test_what_is_given_has_the_attributes_that_tests_give(built: type, known: Any) -> None:
    public = {name for name in vars(known) if not name.startswith("_")}
    assert {name for name in vars(built) if not name.startswith("_")} == public
    assert {field.name for field in dataclasses.fields(known)} <= public
