"""`glorieta openapi`: which document is printed, and what is said where there is none or more than one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from .conftest import Call

ROUTER = """\
from glorieta.handlers import Router

print("imported")
router = Router(title="{title}")


@router.get("/")
async def everything() -> list[str]:
    return []


@router.get("/items/{{number}}")
async def item(number: int) -> dict[str, int]:
    return {{"number": number}}
"""
CONFIGURATION = """\
version: 1
listeners:
  web:
    bind: "127.0.0.1:8080"
    routes: {routes}
"""


@pytest.fixture
def configure(folder: Path) -> Path:
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(ROUTER.format(title=name))
    (folder / "app.py").write_text("async def app(scope, receive, send): ...\n")
    return folder


def write(folder: Path, routes: str) -> None:
    (folder / "glorieta.yaml").write_text(CONFIGURATION.format(routes=routes))


def test_the_only_router_needs_no_name(call: Call, configure: Path) -> None:
    write(configure, "{/*: {handler: one.py:router}, /app/*: {asgi: app.py:app}}")
    result = call("openapi")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    validate(document)
    assert document["info"]["title"] == "one"
    assert list(document["paths"]) == ["/", "/items/{number}"]
    assert "servers" not in document


def test_what_a_route_strips_is_the_documents_server(call: Call, configure: Path) -> None:
    write(configure, "{/shop/*: {handler: one.py:router, strip_prefix: true}, /api/*: {handler: two.py:router}}")
    assert call("openapi").exit_code == 2, "the second router's paths lie outside of /api/*"
    both = (
        "{/shop/*: {handler: one.py:router, strip_prefix: true}, /old/*: {handler: one.py:router, strip_prefix: true}}"
    )
    write(configure, both)
    document = json.loads(call("openapi").stdout)
    validate(document)
    assert document["servers"] == [{"url": "/old"}, {"url": "/shop"}]
    assert "/items/{number}" in document["paths"]


def test_of_several_one_must_be_named(call: Call, configure: Path) -> None:
    write(configure, "{/one/*: {handler: one.py:router, strip_prefix: true}, /*: {handler: two.py:router}}")
    result = call("openapi")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "glorieta: there are several routers; name one of one.py:router, two.py:router"
    )
    assert json.loads(call("openapi", "two.py:router").stdout)["info"]["title"] == "two"
    result = call("openapi", "three.py:router")
    assert result.exit_code == 1
    assert 'no route leads to a router "three.py:router"; there is one.py:router, two.py:router' in result.stderr


def test_without_a_router_there_is_nothing_to_print(call: Call, configure: Path) -> None:
    result = call("openapi")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no route leads to a router of Python" in result.stderr
    write(configure, "{/app/*: {asgi: app.py:app}}")
    assert call("openapi").exit_code == 1


def test_what_is_wrong_is_told_with_its_place(call: Call, configure: Path) -> None:
    write(configure, "{/*: {handler: nowhere.py:router}}")
    result = call("openapi")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "nowhere.py" in result.stderr


def test_a_file_may_be_named(call: Call, configure: Path) -> None:
    (configure / "other.yaml").write_text(CONFIGURATION.format(routes="{/*: {handler: two.py:router}}"))
    assert json.loads(call("openapi", "-f", "other.yaml").stdout)["info"]["title"] == "two"
