"""Random locations, random paths: the engine takes the route of the location that NGINX would take.

`Locations.find` is NGINX's algorithm, written down once (tests/importers compares it with the real one); the routes are
asked through the engine's own trial.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glorieta.importers.nginx.book import Book
from glorieta.importers.nginx.locations import locations_of
from glorieta.importers.nginx.reading import read
from glorieta.importers.nginx.scope import Scope
from glorieta.plan import compile as compile_plan
from glorieta.plan import plan_json

engine = pytest.importorskip("glorieta.engine", reason="the engine is not built")

WORDS = ("a", "ab", "b", "c.x", "d.y")
EXPRESSIONS = (r"\.x$", r"\.y$", "^/a", "^/(a|b)/", "b$", "^/ab?/", "(?i)C", r"^/b/.*\.x$", "/a/")
SEEDS = range(120)


def random_path(source: random.Random, slash: bool | None = None) -> str:
    path = "/" + "/".join(source.choices(WORDS, k=source.randint(0, 3)))
    ends = source.random() < 0.5 if slash is None else slash
    return path if path == "/" or not ends else f"{path}/"


def random_locations(source: random.Random) -> dict[str, int]:
    """Locations, each once, with the status that each answers."""
    found: dict[str, int] = {}
    for _ in range(source.randint(2, 8)):
        kind = source.choice(("", "", "= ", "^~ ", "~ ", "~* "))
        text = source.choice(EXPRESSIONS).removeprefix("(?i)") if kind.startswith("~") else random_path(source)
        if not any(each.removeprefix("^~ ") == text for each in found) or kind.startswith(("=", "~")):
            found.setdefault(f"{kind}{text}", 410 + len(found))
    return found


def expected_status(text: str, server: Scope, statuses: dict[str, int]) -> int:
    rule = locations_of(Book(), server).find(text)
    return 404 if rule is None else statuses[" ".join(rule.directive.args)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_engine_takes_the_location_that_nginx_takes(
    imported: Callable[..., Any], tmp_path: Path, seed: int
) -> None:
    source = random.Random(seed)
    locations = random_locations(source)
    inside = " ".join(f"location {each} {{ return {status}; }}" for each, status in locations.items())
    plan = compile_plan(imported(f"server {{ listen 8080; {inside} }}").edge)
    trial = engine.Trial(plan_json(plan))
    server = read(tmp_path / "nginx.conf").root.children[0].children[0]
    scope = Scope((server,))
    paths = {random_path(source) for _ in range(40)} | {
        f"{each.split()[-1]}{source.choice(string.ascii_lowercase)}" for each in locations if "~" not in each
    }
    for path in sorted(path for path in paths if path.startswith("/")):
        answer = trial.ask({"method": "GET", "url": f"http://any.example:8080{path}", "headers": []})
        assert answer["answer"]["status"] == expected_status(path, scope, locations), (path, inside)
