"""What an entry of `include` means: which files, which edges in Python, and whose they are."""

from __future__ import annotations

import glob
import itertools
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import Wrong
from .include import TEAM, check_files, team_in
from .objects import is_object
from .reading import shown

if TYPE_CHECKING:
    from .include import Include
    from .places import Source

MOST_FILES = 10_000
OBJECTS = re.compile(r"(?P<files>.+\.py):(?P<attribute>[A-Za-z_][\w.]*)")
"""A pattern for files that have an edge in Python."""


@dataclass(frozen=True)
class Part:
    """One file, or one object, that an entry means."""

    reference: str
    """The absolute path, or the object's reference."""
    name: str
    """As a person would write it."""
    key: str
    """By which it is known again."""
    is_object: bool = False
    team: str | None = None
    """Whose it is, as the entry says; none: it says nothing of that."""


def is_pattern(entry: Include, source: Source) -> bool:
    """Whether an entry may find several files, or none."""
    return (glob.has_magic(entry.files) or TEAM in entry.files) and not is_object(entry.files, source.folder)


def the_part(entry: Include, source: Source) -> Part:
    """What an entry means that is no pattern; `source` says it."""
    if is_object(entry.files, source.folder):
        return object_part(entry.files, source, entry.team)
    file = os.path.normpath(source.folder / entry.files)
    return Part(file, name_of(entry.files, file, source), file, team=entry.team)


def pattern_of(entry: Include, source: Source) -> str:
    """The absolute pattern, with `{team}` as it is written."""
    objects = OBJECTS.fullmatch(entry.files)
    folder = glob.escape(str(source.folder)).replace("{", "[{]")
    return os.path.normpath(os.path.join(folder, objects["files"] if objects else entry.files))


def parts_of(entry: Include, source: Source, pattern: str) -> list[Part]:
    """What a pattern finds."""
    objects = OBJECTS.fullmatch(entry.files)
    found = []
    for file in files_of(pattern):
        team = team_in(pattern, file) if TEAM in pattern else entry.team
        if objects:
            relative = os.path.relpath(file, source.folder)
            found.append(object_part(f"{relative}:{objects['attribute']}", source, team))
        else:
            found.append(Part(file, name_of(entry.files, file, source), file, team=team))
    return found


def files_of(pattern: str) -> list[str]:
    found = glob.iglob(with_any_team(pattern), recursive=True)
    return [each for each in sorted(itertools.islice(found, MOST_FILES + 1)) if not os.path.isdir(each)]


def with_any_team(pattern: str) -> str:
    """As the file system understands it."""
    return pattern.replace(TEAM, "*")


def object_part(text: str, source: Source, team: str | None) -> Part:
    """What a reference to a Python object means."""
    module, _, attribute = text.rpartition(":")
    if not module.endswith(".py"):
        return Part(text, text, text, is_object=True, team=team)
    file = os.path.normpath(source.folder / module)
    return Part(text, f"{name_of(module, file, source)}:{attribute}", f"{file}:{attribute}", is_object=True, team=team)


def name_of(text: str, path: str, source: Source) -> str:
    """A file as a person at the working folder would write it, going on from the name of the one that includes."""
    if os.path.isabs(text):
        return shown(path)
    relative = os.path.relpath(path, source.folder)
    name = os.path.normpath(os.path.join(os.path.dirname(source.file), relative))
    return name if os.path.abspath(name) == path else shown(path)


def as_teams(entry: Include, source: Source, part: Part, team: str) -> str:
    """The entry that would make a file a team's: by where it lies, if its path has the name."""
    pattern = entry.files.replace("*", TEAM, 1)
    path, _, _ = part.key.partition(":")
    try:
        whole = os.path.normpath(source.folder / check_files(pattern).partition(":")[0])
        if TEAM in pattern and team_in(whole, path) == team:
            return f'"{pattern}"'
    except Wrong:
        pass  # It cannot be told from the path.
    file = os.path.relpath(part.key, source.folder) if os.path.isabs(part.key) else part.reference
    return f"{{files: {file}, team: {team}}}"
