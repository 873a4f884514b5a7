"""What tests of configurations share: texts that are right but for what a test is about."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.config import ConfigError, load_text
from glorieta.plan.build import build, with_later_errors
from glorieta.plan.compile import inspect, refuse
from glorieta.plan.compiling import Surroundings

if TYPE_CHECKING:
    from glorieta.plan import Plan

FILE = "glorieta.yaml"
ELSEWHERE = Path("/etc/x")
WITHOUT_FILES = Surroundings(secrets=False)
UPSTREAM = "upstreams: {a: {endpoints: [localhost:3000]}}\n"


def routes(text: str) -> str:
    """A configuration with these routes; they begin at line 6, column 7."""
    head = 'version: 1\nlisteners:\n  web:\n    bind: ":8080"\n    routes:\n'
    return head + indent(text.strip("\n") + "\n", " " * 6) + UPSTREAM


def listener(text: str) -> str:
    """A configuration whose listener also says this, from line 6, column 5."""
    head = 'version: 1\nlisteners:\n  web:\n    bind: ":8080"\n    to: a\n'
    return head + indent(text.strip("\n") + "\n", " " * 4) + UPSTREAM


def upstream(text: str) -> str:
    """A configuration whose upstream is this, in line 3 from column 17."""
    return f'version: 1\nlisteners: {{web: {{bind: ":8080", to: a}}}}\nupstreams: {{a: {text}}}\n'


def top(text: str) -> str:
    """A configuration that also says this at the top, from line 2."""
    return f'version: 1\n{text}\nlisteners: {{web: {{bind: ":8080", to: a}}}}\n{UPSTREAM}'


def compiled(text: str, folder: Path | None = None, **surroundings: Any) -> Plan:
    """The Plan of a text; its errors are those of loading and compiling together."""
    where = Surroundings(**surroundings)
    try:
        loaded = load_text(text, FILE, folder)
    except ConfigError as error:
        raise with_later_errors(error, where) from None
    plan, problems = inspect(loaded.edge, where, valid=True)
    refuse(problems)
    return plan


def compiled_without_files(text: str) -> Plan:
    """The Plan of a text that is right, where the files that it names are not at hand."""
    plan, problems = inspect(load_text(text, FILE, ELSEWHERE).edge, WITHOUT_FILES, valid=True)
    assert [each.line() for each in problems if each.severity == "error"] == []
    return plan


def told_without_files(text: str, surroundings: Surroundings = WITHOUT_FILES) -> list[str]:
    """Everything that is said of it there."""
    try:
        edge = load_text(text, FILE, ELSEWHERE).edge
    except ConfigError as error:
        return [each.line() for each in error.problems]
    return [each.line() for each in inspect(edge, surroundings, valid=True)[1]]


def warnings(text: str) -> list[str]:
    edge = load_text(text, FILE).edge
    return [problem.line() for problem in inspect(edge, valid=True)[1]]


def errors(text: str) -> list[str]:
    """The lines that a person would read, without the count; none if it is right."""
    try:
        compiled(text)
    except ConfigError as error:
        return [problem.line() for problem in error.problems]
    return []


def cases(file: Path) -> list[Any]:
    """Texts and what is said of them, from a file of cases: parted by `====`, what is said behind `----`."""
    made = []
    for case in file.read_text(encoding="utf-8").split("====\n")[1:]:
        text, said = case.split("----\n")
        lines = said.rstrip("\n").split("\n")
        made.append(pytest.param(text, lines, id=lines[0].partition(" ")[2][:72]))
    return made


def put_files(folder: Path, text: str) -> list[str]:
    """Writes the files of a case: each begins with a line `### NAME`. Gives what a command would be given: the first,
    and with `-f` those that are called `over….yaml`."""
    names = []
    for part in text.split("### ")[1:]:
        name, _, content = part.partition("\n")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        names.append(name)
    return [names[0], *(name for name in names[1:] if name.startswith("over"))]


def told_of(references: list[str]) -> list[str]:
    """Everything that is said of files, errors or else warnings."""
    try:
        return [problem.line() for problem in build(references).warnings]
    except ConfigError as error:
        return [problem.line() for problem in error.problems]
