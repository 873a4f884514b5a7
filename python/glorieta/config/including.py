"""Which files a configuration consists of: found, read with all that they include, and bounded.

Whatever cannot be read is told where it is included, and everything else is read all the same: somebody who mends a
configuration wants to know all that is wrong with it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from .base import as_list, check_name
from .checking import translate
from .errors import ConfigError, Wrong
from .finding import MOST_FILES, as_teams, is_pattern, parts_of, pattern_of, the_part, with_any_team
from .include import Include, expand_include
from .objects import find_object, is_object
from .places import Inclusion, Places, Source
from .reading import read_text, shown
from .unit import Unit
from .written import written_data

if TYPE_CHECKING:
    from .edge import Edge
    from .errors import Path as KeyPath
    from .errors import Place
    from .finding import Part
    from .unit import Reading

MOST_BYTES = 64 * 1024 * 1024
DEEPEST = 16
"""How far files may include files that include files."""


@dataclass(frozen=True)
class Seen:
    """A file that was included: where, and whose it is."""

    place: Place | None
    team: str | None


@dataclass
class Including:
    """Finds units; `reading` takes what is in them."""

    reading: Reading
    runs_code: bool = True
    """Without, Python objects are passed over."""
    bytes: int = 0
    seen: dict[str, Seen] = field(default_factory=dict)
    """Files that were included, by key."""

    def named(self, reference: str | Path) -> list[Unit]:
        """A file or an object that a command names, with all that it includes."""
        text = str(reference)
        try:
            if is_object(text):
                found = self.object(text, None, Source(text, Path.cwd()))
                return self.with_included(found)
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

    def object(self, reference: str, folder: Path | None, source: Source, chain: tuple[str, ...] = ()) -> Unit | None:
        """What an edge in Python says."""
        if not self.runs_code:
            return None
        return self.unit_of_edge(*find_object(reference, folder), source, chain)

    def unit_of_edge(self, edge: Edge, files: tuple[Path, ...], source: Source, chain: tuple[str, ...] = ()) -> Unit:
        """An edge as data; where a file that it was loaded from says something, that stays its place."""
        reading, origin = self.reading, edge.origin
        places = origin.places if origin and origin.places.root else Places(source.file, folder=home_of(edge))
        reading.files |= {*files, *(origin.files if origin else ())}
        reading.globs |= set(origin.globs if origin else ())
        reading.places.files += [*places.files, source.file]
        reading.places.self_named += places.self_named
        data = {"version": edge.version, **written_data(edge)}
        source = reading.with_team(data, replace(source, file=places.file, folder=places.folder), places)
        # Files that the edge was loaded from are no less the team's.
        grafts = {key: (node, replace(each, team=source.team)) for key, (node, each) in places.grafts.items()}
        reading.places.grafts |= grafts if source.team else places.grafts
        return Unit(source, data, places, chain)

    def with_included(self, unit: Unit | None) -> list[Unit]:
        """A unit, and after it what it includes."""
        if unit is None:
            return []
        found = [unit]
        for path, entry in self.entries(unit):
            for part in self.parts(unit, path, entry):
                found += self.with_included(self.included(unit, path, entry, part))
        return found

    def entries(self, unit: Unit) -> list[tuple[KeyPath, Include]]:
        """What a file includes, each with its place."""
        found: list[tuple[KeyPath, Include]] = []
        for index, value in enumerate(as_list(unit.data.get("include"))):
            if value is None:
                continue
            path: KeyPath = ("include", index)
            try:
                found.append((path, Include.model_validate(expand_include(value))))
            except Wrong as wrong:
                self.refuse(unit, path, wrong.message, wrong.fix)
            except ValidationError as error:
                told = [{**each, "loc": (*path, *each["loc"])} for each in error.errors(include_url=False)]
                self.reading.problems += [translate(each, unit.places) for each in told]
                self.reading.incomplete = True
        return found

    def parts(self, unit: Unit, path: KeyPath, entry: Include) -> list[Part]:
        """What an entry means; a pattern passes over what is included already as the same team's."""
        if not is_pattern(entry, unit.source):
            return [the_part(entry, unit.source)]
        pattern = pattern_of(entry, unit.source)
        self.reading.globs.add(with_any_team(pattern))
        found = parts_of(entry, unit.source, pattern)
        if not found:
            message, fix = f'"{entry.files}" finds no file', "is the folder right?"
            self.reading.problems.append(unit.places.problem(path, message, fix, severity="warning"))
        return [each for each in found if not self.is_known(unit, each)]

    def is_known(self, unit: Unit, part: Part) -> bool:
        """Whether a file leads here, or is included already as the same team's."""
        seen = self.seen.get(part.key)
        return part.key in unit.chain or (seen is not None and seen.team == (part.team or unit.source.team))

    def included(self, unit: Unit, path: KeyPath, entry: Include, part: Part) -> Unit | None:
        """The unit of one file; what is in the way is told where it is included."""
        in_the_way = self.in_the_way(unit, part)
        if in_the_way is not None:
            self.refuse(unit, path, *in_the_way)
            return None
        team = part.team or unit.source.team
        place = unit.places.find(path)
        self.seen[part.key] = Seen(place, team)
        inclusion = Inclusion(unit.places.written(path), place, partial(as_teams, entry, unit.source, part))
        source = Source(part.name, Path(part.reference).parent, team, inclusion)
        chain = (*unit.chain, part.key)
        try:
            if part.is_object:
                return self.object(part.reference, unit.source.folder, source, chain)
            return self.reading.text(self.text_of(Path(part.reference), part.name), source, chain)
        except ConfigError as error:
            self.reading.files |= set(error.files)
            reference = part.reference
            self.take(unit, path, error, {part.name, reference, reference.rpartition(":")[0]})
            return None

    def in_the_way(self, unit: Unit, part: Part) -> tuple[str, str | None] | None:
        """Why a file is not included, and the fix."""
        key, name, owner = part.key, part.name, unit.source.team
        if key in unit.chain:
            way = " → ".join(shown(each) for each in (*unit.chain[unit.chain.index(key) :], key))
            return f"files include each other: {way}", "leave one of these out"
        if key in self.seen:
            return f"{name} is included already, at {self.seen[key].place}", "keep one of both"
        if len(unit.chain) > DEEPEST:
            return f"files that include files are nested deeper than {DEEPEST}", "include them from one file"
        if len(self.seen) >= MOST_FILES:
            return f"more than {MOST_FILES} files are included", "is a pattern too wide?"
        if self.bytes > MOST_BYTES:
            return f"the files are larger than {MOST_BYTES // 1024**2} MiB together", "is a pattern too wide?"
        if part.is_object and owner is not None:
            message = f'{name} is Python, which can do anything, and this file is team "{owner}"\'s'
            return message, f"let the platform's file include it, as {{files: {name}, team: {owner}}}"
        if part.team is None:
            return None
        if owner not in (None, part.team):
            message = f'{name} would be team "{part.team}"\'s, and this file is team "{owner}"\'s, with all it includes'
            return message, "let the platform's file include it"
        try:
            check_name(part.team)
        except Wrong as wrong:
            return f"whose {name} is cannot be told: {wrong.message}", wrong.fix
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
