"""Which folders to watch so that no change of a file's meaning is missed."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator

MOST_LINKS = 40
MOST_FOLDERS = 1000
"""A pattern that finds more folders than this is looked at now and then instead."""


def folders_to_watch(paths: Iterable[str], patterns: Iterable[str]) -> set[str]:
    """For files, and for patterns that find them."""
    places = [*paths, *(place for pattern in patterns for place in places_of(pattern))]
    return {folder for place in places for folder in folders_on_the_way(place)}


def places_of(pattern: str) -> Iterator[str]:
    """Paths beside which a new file or folder could match: one in each folder that a part of the pattern finds."""
    parts = pattern.split(os.sep)
    first = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    for count in range(first, len(parts)):
        beginning = os.sep.join(parts[:count])
        # The last slash leaves folders only.
        for folder in glob.glob(f"{beginning}{os.sep}", recursive=True)[:MOST_FOLDERS] or [beginning]:
            yield os.path.join(folder, "new")


def folders_on_the_way(path: str) -> Iterator[str]:
    """Every folder in which a change could make this path mean another file."""
    path = os.path.abspath(path)
    for _ in range(MOST_LINKS):
        link = first_link(path)
        yield nearest_folder(os.path.dirname(link or path))
        if link is None:
            return
        target = os.path.join(os.path.dirname(link), read_link(link))
        path = os.path.normpath(target + path[len(link) :])


def first_link(path: str) -> str | None:
    """The shortest part of the path that is a symbolic link."""
    parts = path.split(os.sep)
    prefixes: Iterable[str] = (os.sep.join(parts[:count]) for count in range(2, len(parts) + 1))
    return next((prefix for prefix in prefixes if os.path.islink(prefix)), None)


def read_link(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:
        return os.path.basename(link)


def nearest_folder(path: str) -> str:
    """The path, or the nearest folder above it that exists."""
    while not os.path.isdir(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path
