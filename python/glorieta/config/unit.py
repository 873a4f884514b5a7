"""What one file says, and everything that reading several of them has found."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from yaml import Node

from .base import check_name
from .checking import take_out, whole_list
from .documents import Documents
from .errors import Path, Place, Problem, Wrong
from .layers import nowhere
from .places import Places, Source
from .tests import is_request

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from .document import Document
    from .values import Expanded

NAMED = ("listeners", "groups", "upstreams")
"""Sections whose names become a team's."""


@dataclass(frozen=True)
class Unit:
    """What one file, or one Python object, says."""

    source: Source
    data: dict[str, Any]
    places: Places
    """Its own, by its own paths."""
    chain: tuple[str, ...] = ()
    """What led here: absolute paths, its own last."""

    @cached_property
    def node(self) -> Node:
        return self.places.root or nowhere()

    def is_alone(self) -> bool:
        """Whether nothing says that it is a part of something larger."""
        return self.source.team is None and self.data.get("include") is None

    def place(self, path: Path) -> Place | None:
        return self.places.find(path)


@dataclass(frozen=True)
class Unread:
    """A value that could not be read: where it is in the whole, by which node, and why."""

    path: Path
    node: Node | None
    problem: Problem


@dataclass(frozen=True)
class Unknown:
    """A value that is not at hand, and need not be."""

    path: Path
    node: Node | None
    text: Expanded


@dataclass
class Reading:
    """Everything that was read for one configuration, and what is wrong with it."""

    places: Places
    secrets: bool = True
    """Whether every value from outside must be at hand."""
    documents: Documents = field(default_factory=Documents)
    """What texts say."""
    problems: list[Problem] = field(default_factory=list)
    files: set[FilePath] = field(default_factory=set)
    """Absolute paths of everything that the result depends on."""
    globs: set[str] = field(default_factory=set)
    unread: list[Unread] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    incomplete: bool = False
    """Whether something is missing as a whole, so that nobody can say which names it would have had."""

    def text(self, text: str, source: Source, chain: tuple[str, ...] = ()) -> Unit | None:
        """What a text says; none, where it cannot be understood at all."""
        self.places.files.append(source.file)
        document = self.documents.of(text, source.file, source.folder, secrets=self.secrets)
        self.files |= document.files
        if not isinstance(document.data, dict):
            self.problems += document.problems
            self.incomplete = True
            if document.data is not None:
                message = "a mapping is expected: version, listeners, upstreams"
                self.problems.append(Problem((), message, file=source.file))
            return None
        for path in document.unread:
            take_out(document.data, whole_list(path))
        source = self.with_team(document.data, source, document.places)
        self.note(document, source.team)
        return Unit(source, document.data, document.places, chain)

    def with_team(self, data: dict[str, Any], source: Source, places: Places) -> Source:
        """The source with the team that the file names; what includes it may have said that already."""
        team = data.get("team")
        if source.team is not None:
            if "team" in data and team != source.team:
                self.disagree(source, places)
            return source
        if team is None:
            return source
        try:
            if not isinstance(team, str):
                raise Wrong("a name is expected here", "write team: orders")
            check_name(team)
        except Wrong as wrong:
            self.problems.append(places.problem(("team",), wrong.message, wrong.fix))
            self.incomplete = True
            return source
        if source.inclusion is not None:
            message = "a file cannot say itself whose it is where a listener has admit"
            fix = f"write include: {source.inclusion.as_teams(team)}"
            self.places.self_named.append(with_inclusion(places.problem(("team",), message, fix), source))
        return replace(source, team=team)

    def disagree(self, source: Source, places: Places) -> None:
        """A file that says that it is not the team's whose it is."""
        message, fix = f'this file is team "{source.team}"\'s', f"write team: {source.team}, or leave it out"
        self.problems.append(with_inclusion(places.problem(("team",), message, fix), source))
        self.incomplete = True

    def note(self, document: Document, team: str | None) -> None:
        """What is wrong with one text, with paths as they are in the whole."""
        told = document.unread.values()
        self.problems += [in_whole_problem(each, team) for each in document.problems if each not in told]
        for path, problem in document.unread.items():
            node = document.places.node(path)
            self.unread.append(Unread(in_whole(path, team), node, in_whole_problem(problem, team)))
        for path, text in document.unknown:
            self.unknown.append(Unknown(in_whole(path, team), document.places.node(path), text))

    def check_names(self, unit: Unit) -> None:
        """No file but an overlay says a team's name in full: it would be an object that the team does not know of."""
        for section in NAMED:
            names = unit.data.get(section)
            if not isinstance(names, dict):
                continue
            for name in [each for each in names if "/" in each]:
                team, _, own = name.partition("/")
                fix = f'write "{own}" in a file of team {team}'
                problem = unit.places.problem((section, name), "names with a slash are teams'", fix, key=True)
                self.unread.append(Unread((section, name), None, problem))
                del names[name]


def full_name(team: str | None, section: str, name: str) -> str:
    """What a team's file names, as it is called in the whole. A request that is a test's name stays one."""
    if team is None or section not in (*NAMED, "tests") or (section == "tests" and is_request(name)):
        return name
    return f"{team}/{name}"


def with_inclusion(problem: Problem, source: Source) -> Problem:
    """A problem of a file, with the place where it is included."""
    where = source.inclusion
    return replace(problem, also=where.path, also_place=where.place) if where else problem


def in_whole(path: Path, team: str | None) -> Path:
    """A path of a team's file as it is in the whole."""
    return path if len(path) < 2 else (path[0], full_name(team, str(path[0]), str(path[1])), *path[2:])


def in_whole_problem(problem: Problem, team: str | None) -> Problem:
    if team is None:
        return problem
    also = in_whole(problem.also, team) if problem.also is not None else None
    return replace(problem, path=in_whole(problem.path, team), also=also)
