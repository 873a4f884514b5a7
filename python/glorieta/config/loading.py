"""From files to an `Edge`: texts, documents, composition, models; every error of all of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .checking import Partial, check, take_out_unknown, whole_list
from .composing import Composition
from .documents import Documents
from .edge import Edge, Origin
from .errors import ConfigError, Place, Problem, sort_problems
from .include import Include
from .including import Including
from .layers import Said
from .objects import find_object, is_object
from .overlay import Overlay
from .pause import without_collecting
from .places import Places, Source
from .unit import Reading, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .errors import Path as KeyPath
    from .unit import Unknown, Unread

Reference = str | Path


@dataclass(frozen=True)
class Loaded:
    """A configuration that can be compiled."""

    edge: Edge
    places: Places
    files: tuple[Path, ...]
    """Absolute paths of everything that the result depends on."""
    warnings: tuple[Problem, ...] = ()
    globs: tuple[str, ...] = ()
    """Absolute patterns by which files were looked for: a new one that fits changes the result."""
    missing: frozenset[KeyPath] = frozenset()
    """What was left out because it is not at hand, and need not be."""
    valid: bool = True
    """Whether it was checked as a whole just now."""


def load_any(
    references: Reference | Sequence[Reference], *, secrets: bool = True, documents: Documents | None = None
) -> Loaded:
    """YAML files or Python objects `module:attribute`, each laid over those before it, with all that they include.

    `ConfigError` names everything that is wrong with them. `secrets`: whether every value from outside (`${env:…}`,
    `${file:…}`) must be at hand; without, what depends on one that is not is left unchecked. `documents`: what texts
    said when this was loaded before.
    """
    given = (references,) if isinstance(references, str | Path) else tuple(references)
    if len(given) == 1 and is_object(str(given[0])):
        return load_object(str(given[0]), secrets=secrets)
    with without_collecting():
        reading = Reading(Places(str(given[0]) if given else ""), secrets, documents or Documents())
        return composed(reading, Including(reading), given)


def get_ready() -> None:
    """Makes what checking needs, which otherwise the first `load_any` does."""
    for noun in (Include, Edge):
        noun.model_rebuild()


def read_ahead(references: Sequence[str], documents: Documents) -> Documents:
    """What the texts of these files say now, for a `load_any` that is about to come: it understands those anew that
    have changed by then. No code is run, and what is wrong is told by that one."""
    including = Including(Reading(Places(), documents=documents), runs_code=False)
    for reference in references:
        including.named(reference)
    return documents.ahead()


def load(path: Reference, *, secrets: bool = True) -> Loaded:
    """Reads a YAML file and what it includes."""
    return load_any(path, secrets=secrets)


def load_text(text: str, file: str = "<text>", folder: Path | None = None, *, secrets: bool = True) -> Loaded:
    """Reads YAML; `file` is its name in errors, relative paths start at `folder`."""
    with without_collecting():
        source = Source(file, (folder or Path.cwd()).absolute())
        reading = Reading(Places(file), secrets)
        return finished(reading, Including(reading).of_text(text, source))


def load_object(reference: str, folder: Path | None = None, *, secrets: bool = True) -> Loaded:
    """Imports a module and takes the `Edge` from it, or calls what makes one."""
    edge, files = find_object(reference, folder)
    if edge.include or edge.team:
        reading = Reading(Places(reference), secrets)
        including = Including(reading)
        unit = including.unit_of_edge(edge, files, Source(reference, Path.cwd()))
        return finished(reading, including.with_included(unit))
    assert edge.origin is not None
    files = tuple(sorted({*files, *edge.origin.files}))
    return Loaded(edge, edge.origin.places, files, globs=edge.origin.globs, valid=False)


def composed(reading: Reading, including: Including, references: Sequence[Reference]) -> Loaded:
    """The first reference with the others laid over it; what these include belongs to the first."""
    found = [including.named(reference) for reference in references]
    if not all(found[:1]):
        return finished(reading, [])
    units = [*found[0], *(unit for others in found[1:] for unit in others[1:])]
    return finished(reading, units, [unit for others in found[1:] for unit in others[:1]])


def finished(reading: Reading, units: Sequence[Unit], overlays: Sequence[Unit] = ()) -> Loaded:
    """The edge that all of it makes."""
    partial = understand(reading, units, overlays)
    files, globs = tuple(sorted(reading.files)), tuple(sorted(reading.globs))
    order = reading.places.order()
    problems = sort_problems(partial.problems, order)
    errors = [problem for problem in problems if problem.severity == "error"]
    folder = reading.places.folder
    partial.edge.settled(Origin(folder, reading.places, files, globs))
    if errors:
        raise ConfigError(errors, partial, files, globs)
    return Loaded(partial.edge, reading.places, files, tuple(problems), globs, partial.missing)


def understand(reading: Reading, units: Sequence[Unit], overlays: Sequence[Unit]) -> Partial:
    """What all units say, as far as it can be understood."""
    if not units:
        return Partial(Edge(), frozenset({()}), reading.problems)
    places = reading.places
    whole = whole_of(reading, units)
    overlay = Overlay(reading)
    for unit in overlays:
        whole = overlay.over(whole, unit)
    places.root, places.folder = places.graft(whole.node, whole.source), whole.source.folder
    data = dict(whole.data)
    missing = still_unread(reading, {unit.source.file for unit in overlays})
    unknown = {each.path: each.text for each in reading.unknown if stands(places, each)}
    missing |= take_out_unknown(data, unknown) if unknown else set()
    partial = check(data, places, missing)
    check_root(reading, units[0], missing)
    partial.problems += reading.problems
    partial.incomplete = reading.incomplete
    return partial


def whole_of(reading: Reading, units: Sequence[Unit]) -> Said:
    """All units as one; the first includes the others."""
    first = units[0]
    for unit in units:
        reading.check_names(unit)
    if len(units) == 1 and first.is_alone():
        return Said(first.data, first.node, first.source)
    composition = Composition(reading, first)
    for unit in units:
        composition.add(unit)
    return composition.result()


def still_unread(reading: Reading, overlays: set[str]) -> set[KeyPath]:
    """Values that could not be read and that no overlay has replaced: they are told, and missing."""
    ranks = reading.places.order()

    def is_meant(each: Unread) -> bool:
        file = each.problem.place.file if each.problem.place else ""
        if each.node is None or stands(reading.places, each):
            return True
        # An overlay's unread value was never laid over what stands there, unless a later one was.
        return file in overlays and ranks[reading.places.source(each.path).file] <= ranks[file]

    found = [each for each in reading.unread if is_meant(each)]
    reading.problems += [each.problem for each in found]
    return {whole_list(each.path) for each in found}


def stands(places: Places, each: Unread | Unknown) -> bool:
    return places.node(each.path) is each.node


def check_root(reading: Reading, root: Unit, missing: set[KeyPath]) -> None:
    """What only the file that includes the others has to say, and what it may not."""
    if root.source.team is not None:
        message, fix = "a team's file is a part of the one that includes it", "name that one"
        reading.problems.append(root.places.problem(("team",), message, fix))
        reading.incomplete = True
    elif root.data.get("version") is None and ("version",) not in missing:
        where = root.places.find(()) or Place(root.source.file, 1, 1)
        reading.problems.append(Problem(("version",), "is missing", "write version: 1 at the top", where))
