"""Which files a configuration consists of: found, read with all that they include, and bounded.

Whatever cannot be read is told where it is included, and everything else is read all the same: somebody who mends a
configuration wants to know all that is wrong with it.
"""

from __future__ import annotations

import glob
import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .base import as_list
from .errors import ConfigError
from .objects import find_object, is_object
from .places import Places, Source
from .reading import read_text, shown
from .unit import Unit
from .written import written_data

if TYPE_CHECKING:
    from .edge import Edge
    from .errors import Path as KeyPath
    from .errors import Place
    from .unit import Reading

MOST_FILES = 10_000
MOST_BYTES = 64 * 1024 * 1024
DEEPEST = 16
"""How far files may include files that include files."""


@dataclass
class Including:
    """Finds units; `reading` takes what is in them."""

    reading: Reading
    bytes: int = 0
    seen: dict[str, Place | None] = field(default_factory=dict)
    """Files that were included, and where."""

    def named(self, reference: str | Path) -> list[Unit]:
        """A file or an object that a command names, with all that it includes."""
        text = str(reference)
        try:
            if is_object(text):
                return self.with_included(self.unit_of_edge(*find_object(text), text))
            path = Path(reference).absolute()
            return self.of_text(self.text_of(path, text), Source(text, path.parent), (os.path.normpath(path),))
        except ConfigError as error:
            self.reading.problems += error.problems
            self.reading.files |= set(error.files)
            self.reading.incomplete = True
            return []

    def of_text(self, text: str, source: Source, chain: tuple[str, ...] = ()) -> list[Unit]:
        """A text, with all that it includes."""
        return self.with_included(self.reading.text(text, source, chain))

    def text_of(self, path: Path, name: str) -> str:
        self.reading.files.add(path)
        text, size = read_text(path, name)
        self.bytes += size
        return text

    def unit_of_edge(
        self, edge: Edge, files: tuple[Path, ...], name: str, chain: tuple[str, ...] = (), team: str | None = None
    ) -> Unit:
        """An edge as data; where a file that it was loaded from says something, that stays its place."""
        reading, origin = self.reading, edge.origin
        places = origin.places if origin and origin.places.root else Places(name, folder=home_of(edge))
        reading.files |= {*files, *(origin.files if origin else ())}
        reading.globs |= set(origin.globs if origin else ())
        reading.places.files += [*places.files, name]
        reading.places.grafts |= places.grafts
        data = {"version": edge.version, **written_data(edge)}
        source = reading.with_team(data, Source(places.file, places.folder, team), places)
        return Unit(source, data, places, chain)

    def with_included(self, unit: Unit | None) -> list[Unit]:
        """A unit, and after it what it includes."""
        if unit is None:
            return []
        found = [unit]
        for path, text in self.entries(unit):
            for target, name in self.targets(unit, path, text):
                found += self.with_included(self.included(unit, path, target, name))
        return found

    def entries(self, unit: Unit) -> list[tuple[KeyPath, str]]:
        """What a file includes, each with its place."""
        found: list[tuple[KeyPath, str]] = []
        for index, text in enumerate(as_list(unit.data.get("include"))):
            path: KeyPath = ("include", index)
            if isinstance(text, str) and text:
                found.append((path, text))
            elif text is not None:
                self.refuse(unit, path, "a file is expected here", "write a path, such as teams/*.yaml")
        return found

    def targets(self, unit: Unit, path: KeyPath, text: str) -> list[tuple[str, str]]:
        """What an entry means: absolute paths or objects, each with its name for a person."""
        folder = unit.source.folder
        if is_object(text, folder):
            module, _, attribute = text.rpartition(":")
            is_file = module.endswith(".py")
            name = f"{self.name(unit, module, os.path.normpath(folder / module))}:{attribute}" if is_file else text
            return [(text, name)]
        pattern = os.path.normpath(folder / text)
        if not glob.has_magic(text):
            return [(pattern, self.name(unit, text, pattern))]
        self.reading.globs.add(pattern)
        matches = sorted(itertools.islice(glob.iglob(pattern, recursive=True), MOST_FILES + 1))
        files = [each for each in matches if not os.path.isdir(each)]
        if not files:
            fix = "is the folder right?"
            problem = unit.places.problem(path, f'"{text}" finds no file', fix, severity="warning")
            self.reading.problems.append(problem)
        known = {*self.seen, *unit.chain}
        return [(each, self.name(unit, text, each)) for each in files if each not in known]

    def name(self, unit: Unit, text: str, path: str) -> str:
        """A file as a person at the working folder would write it, going on from the name of the one that includes."""
        if os.path.isabs(text):
            return shown(path)
        relative = os.path.relpath(path, unit.source.folder)
        name = os.path.normpath(os.path.join(os.path.dirname(unit.source.file), relative))
        return name if os.path.abspath(name) == path else shown(path)

    def included(self, unit: Unit, path: KeyPath, target: str, name: str) -> Unit | None:
        """The unit of one file; what is in the way is told where it is included."""
        in_the_way = self.in_the_way(unit, target, name)
        if in_the_way is not None:
            self.refuse(unit, path, *in_the_way)
            return None
        self.seen[target] = unit.places.find(path)
        chain, team = (*unit.chain, target), unit.source.team
        try:
            if is_object(target, unit.source.folder):
                return self.unit_of_edge(*find_object(target, unit.source.folder), name, chain, team)
            source = Source(name, Path(target).parent, team)
            return self.reading.text(self.text_of(Path(target), name), source, chain)
        except ConfigError as error:
            self.reading.files |= set(error.files)
            self.take(unit, path, error, {name, target, target.rpartition(":")[0]})
            return None

    def in_the_way(self, unit: Unit, target: str, name: str) -> tuple[str, str] | None:
        """Why a file is not included, and the fix."""
        if target in unit.chain:
            way = " → ".join(shown(each) for each in (*unit.chain[unit.chain.index(target) :], target))
            return f"files include each other: {way}", "leave one of these out"
        if target in self.seen:
            return f"{name} is included already, at {self.seen[target]}", "keep one of both"
        if len(unit.chain) > DEEPEST:
            return f"files that include files are nested deeper than {DEEPEST}", "include them from one file"
        if len(self.seen) >= MOST_FILES:
            return f"more than {MOST_FILES} files are included", "is a pattern too wide?"
        if self.bytes > MOST_BYTES:
            return f"the files are larger than {MOST_BYTES // 1024**2} MiB together", "is a pattern too wide?"
        return None

    def take(self, unit: Unit, path: KeyPath, error: ConfigError, names: set[str]) -> None:
        """Problems of a file that could not be read: where it is included, unless a line of its own is known."""
        self.reading.incomplete = True
        for problem in error.problems:
            if problem.place is None and (problem.file is None or problem.file in names):
                what = f"{problem.file} " if problem.file else ""
                self.refuse(unit, path, f"{what}{problem.message}", problem.fix)
            else:
                self.reading.problems.append(problem)

    def refuse(self, unit: Unit, path: KeyPath, message: str, fix: str | None = None) -> None:
        self.reading.problems.append(unit.places.problem(path, message, fix))
        self.reading.incomplete = True


def home_of(edge: Edge) -> Path:
    """Where an edge's relative paths start."""
    return edge.origin.folder if edge.origin else Path.cwd()
