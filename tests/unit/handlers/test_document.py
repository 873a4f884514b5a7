"""The page about handlers: its program runs, it answers as shown, and its table of codes is whole."""

from __future__ import annotations

import json
import re
import types
from pathlib import Path
from typing import Any

import pytest

from harness.asked import ask

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs/reference/handlers-and-fastapi.md").read_text()
SOURCES = CHECKOUT / "python/glorieta/handlers"


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def router() -> Any:
    module = types.ModuleType("shop")
    exec(compile(block("python"), "shop.py", "exec", dont_inherit=True), module.__dict__)
    return module.__dict__["router"]


def test_the_program_answers(router: Any) -> None:
    assert ask(router, "GET", "/articles/7?limit=5").json == {"number": 7, "paging": {"skip": 0, "limit": 5}}
    answer = ask(router, "POST", "/orders", headers={"x-customer": "3"}, json_body={"article": "cup"})
    assert (answer.status, answer.json) == (201, {"article": "cup", "count": 1})
    assert ask(router, "POST", "/orders", headers={"x-customer": "0"}, json_body={}).status == 403


def test_it_says_what_is_wrong_as_the_page_shows(router: Any) -> None:
    assert ask(router, "POST", "/orders", json_body={}).json == json.loads(block("json"))


def test_every_code_is_in_the_table() -> None:
    text = "".join(path.read_text() for path in SOURCES.glob("*.py")) + (SOURCES / "routing/bodies.py").read_text()
    used = set(re.findall(r'RequestRefused\(\s*\d+, "(\w+)"', text))
    table = PAGE[PAGE.index("| status | `code`") : PAGE.index("A body that does not arrive whole")]
    assert set(re.findall(r"`(\w+_\w+|charset)`", table)) == used
