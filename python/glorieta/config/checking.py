"""From data to an `Edge`: everything that the models refuse becomes a `Problem` with its place.

What is wrong is taken out and the rest is read again, so that later checks can say what else is wrong
instead of staying silent until the first mistake is mended.
"""

from __future__ import annotations

import contextlib
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError
from yaml import MappingNode, SequenceNode

from .edge import Edge
from .elsewhere import ELSEWHERE, belongs, known_at
from .errors import Path, Place, Problem, Wrong, did_you_mean, nearest, path_text
from .later import KEYS, not_yet
from .nouns import nouns
from .places import Places
from .values import Expanded

if typing.TYPE_CHECKING:
    from .base import Noun

ROUNDS = 8
KEY = "[key]"
"""How pydantic marks that a mapping's key is meant."""


@dataclass
class Partial:
    """What could be understood of a configuration that has errors."""

    edge: Edge
    missing: frozenset[Path] = frozenset()
    """Paths that were taken out."""
    problems: list[Problem] = field(default_factory=list)
    incomplete: bool = False
    """Whether whole files are missing, so that nobody can say which names they would have had."""


def check(data: Any, places: Places, missing: Iterable[Path] = ()) -> Partial:
    """Reads data as an edge; what cannot be read is taken out and told. `missing` is taken out already."""
    problems: list[Problem] = []
    lost = set(missing)
    for _ in range(ROUNDS):
        try:
            return Partial(Edge.model_validate(data), frozenset(lost), problems)
        except ValidationError as error:
            wrong = [(each["loc"], each) for each in error.errors(include_url=False)]
            problems += [translate(each, places) for path, each in wrong if not lacks_what_was_wrong(path, lost)]
            lost |= {meant for path, each in wrong if each["type"] == "extra_forbidden" for meant in meant_by(path)}
            for path in {whole_list(without_mark(path)) for path, _ in wrong}:
                lost.add(path)
                if not take_out(data, path):
                    return Partial(Edge(), frozenset({()}), problems)
    return Partial(Edge(), frozenset({()}), problems)


def take_out_unknown(data: Any, unknown: Mapping[Path, Expanded]) -> set[Path]:
    """Takes out values that are not at hand, except where a field keeps the reference; gives their paths."""
    with contextlib.suppress(ValidationError):
        Edge.model_validate(data)
    lost = {whole_list(path) for path, text in unknown.items() if not text.taken}
    for path in lost:
        take_out(data, path)
    return lost


def whole_list(path: Path) -> Path:
    """The path of the outermost list: without one of its items, the others would no longer be where they stand."""
    steps = [index for index, step in enumerate(path) if isinstance(step, int)]
    return path[: steps[0]] if steps else path


def lacks_what_was_wrong(path: Path, missing: Iterable[Path]) -> bool:
    """Whether something within was taken out in an earlier round: what is wrong now may only come of that."""
    return any(len(each) > len(path) and each[: len(path)] == path for each in missing)


def without_mark(path: Path) -> Path:
    return path[:-1] if path and path[-1] == KEY else path


def take_out(data: Any, path: Path) -> bool:
    """Removes what stands at a path, or the short form that stands for it; `False`: that is everything."""
    holder: Any = None
    key: Any = None
    for step in path:
        if holds(data, step):
            holder, key, data = data, step, data[step]
        elif isinstance(data, dict | list):
            return True  # It went with something else, or with another alias of the same.
        else:
            break
    if holder is None:
        return False
    del holder[key]
    return True


def holds(data: Any, step: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(step, int) and step < len(data)
    return isinstance(data, dict) and step in data


def translate(error: Mapping[str, Any], places: Places, start: type[Noun] | None = Edge) -> Problem:
    """One of pydantic's errors in our words. `start`: the noun that was refused."""
    path: Path = without_mark(error["loc"])
    about_key = error["loc"] != path
    if error["type"] == "extra_forbidden":
        return unknown_key(path, error["input"], places, start)
    message, fix = sentence(error, path, places)
    wrong = error.get("ctx", {}).get("error")
    return places.problem(path, message, fix, key=about_key, code=wrong.code if isinstance(wrong, Wrong) else None)


def sentence(error: Mapping[str, Any], path: Path, places: Places) -> tuple[str, str | None]:
    wrong = error.get("ctx", {}).get("error")
    if isinstance(wrong, Wrong):
        return wrong.message, wrong.fix
    value = error["input"]
    match error["type"]:
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"a mapping is expected here, not {described(value)}", blank_missing(value)
        case "list_type":
            return f"a list is expected here, not {described(value)}", None
        case "string_type":
            return f"a text is expected here, not {described(value)}", quotes(value, path, places)
    return str(error["msg"]), None


def described(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Expanded():
            return f'"{value.template}"'
        case str():
            return f'"{value}"' if len(value) < 60 else "a text"
        case Mapping():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case None:
            return "nothing"
    return f"{value!r}"


def quotes(value: Any, path: Path, places: Places) -> str | None:
    """Where YAML has read a text as something else."""
    if isinstance(value, bool):
        return f'put it in quotes: "{str(value).lower()}"'
    node = places.node(path)
    if isinstance(node, MappingNode) and node.flow_style and len(value) == 1 and next(iter(value.values())) is None:
        return f'YAML reads {{ }} as a mapping; put it in quotes: "{{{next(iter(value))}}}"'
    if isinstance(node, SequenceNode) and node.flow_style and len(value) == 1:
        return "YAML reads [ ] as a list; put it in quotes"
    return None


def blank_missing(value: Any) -> str | None:
    found = re.match(r"([A-Za-z_]\w*):(\S.*)", value) if isinstance(value, str) else None
    return f"a blank is missing after the colon: write {found[1]}: {found[2]}" if found else None


def unknown_key(path: Path, value: Any, places: Places, start: type[Noun] | None = Edge) -> Problem:
    """A key that this mapping does not have: of a later version, misspelt, or split wrongly by YAML."""
    key = str(path[-1])
    known = known_at(path[:-1], start)
    message, fix = f'unknown key "{key}"', did_you_mean(key, known)
    before, colon, after = key.partition(":")
    if colon and value is None and before in known:
        message, fix = "a blank is missing after the colon", f"write {before}: {after}"
    elif key in KEYS:
        message, fix = not_yet(key, KEYS[key]), None
    elif ELSEWHERE.get(key) in known:
        fix = f'did you mean "{ELSEWHERE[key]}"?'
    elif f"{key}s" not in known:
        fix = belongs(path[:-1], key, start) or fix
    return Problem(path[:-1], message, fix, places.find(path, key=True), places.source(path).file or None)


def meant_by(path: Path) -> list[Path]:
    """The path of the key that was most likely meant, so that nobody is told that it is missing."""
    key = str(path[-1])
    known = known_at(path[:-1])
    meant = next(
        (each for each in (key.partition(":")[0], ELSEWHERE.get(key), nearest(key, known)) if each in known), None
    )
    return [(*path[:-1], meant)] if meant else []


def unplaced(error: ValidationError, file: str, place: Place | None = None) -> list[Problem]:
    """What a model that was made in Python is refused for; at the line, where one is known."""
    noun = next((each for each in nouns() if each.__name__ == error.title), None)
    problems = [translate(each, Places(), noun) for each in error.errors(include_url=False)]
    return [
        Problem((), f"{path_text((error.title, *problem.path))}: {problem.message}", problem.fix, place, file)
        for problem in problems
    ]
