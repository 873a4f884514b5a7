"""Watches a set of files and says when it has changed and come to rest.

All files count as one set, because a deployment replaces several of them: what is read in the middle of
that would be a configuration that nobody wrote. Renames over a file, swapped symbolic links anywhere in its
path, and files that are missing for a moment are seen.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from .compiled import Signature
from .signatures import signatures

if TYPE_CHECKING:
    from .inotify import Inotify

REST_SECONDS = 0.1
"""The set is read once nothing has changed for this long …"""
PATIENCE_SECONDS = 2.0
"""… or this long after the first change, if it never rests."""
POLL_SECONDS = 0.3
"""How often to look where the kernel does not tell."""
BACKSTOP_SECONDS = 3.0
"""How often to look all the same: network file systems tell nobody of changes made elsewhere."""


class Watcher:
    """`look(now)` as often as `due(now)` says, and when `fileno()` is readable."""

    def __init__(self, files: Mapping[str, Signature], now: float, use_inotify: bool = True) -> None:
        self.inotify = open_inotify() if use_inotify else None
        self.first_change: float | None = None
        self.last_change = now
        self.watch(files)

    def watch(self, files: Mapping[str, Signature]) -> None:
        """These files from now on; a signature is how the file was when it was read."""
        self.known = dict(files)
        self.seen = dict(files)
        self.first_change = None
        self.place_watches()
        self.next_look = 0.0

    def place_watches(self) -> None:
        if self.inotify is None:
            return
        folders = {folder for path in self.known for folder in folders_on_the_way(path)}
        try:
            self.inotify.watch(folders)
        except OSError:
            self.inotify.close()
            self.inotify = None

    def fileno(self) -> int | None:
        return self.inotify.fileno() if self.inotify else None

    def due(self, now: float) -> float:
        """Seconds until the next look."""
        return max(0.0, self.next_look - now)

    def look(self, now: float) -> bool:
        """Whether the set has changed and rests now. Each change is reported once."""
        told = self.inotify is not None and self.inotify.drain()
        current = signatures(self.known)
        if current != self.seen or (told and None in current.values()):
            self.place_watches()
        if current != self.seen:
            self.seen = current
            self.last_change = now
            self.first_change = now if self.first_change is None else self.first_change
        if current == self.known:
            self.first_change = None
        if self.first_change is None:
            self.next_look = now + (BACKSTOP_SECONDS if self.inotify else POLL_SECONDS)
            return False
        # A file that has vanished most likely comes back: it is being replaced in two steps.
        vanished = any(self.known[path] and not state for path, state in current.items())
        rest = PATIENCE_SECONDS if vanished else REST_SECONDS
        at_rest = min(self.last_change + rest, self.first_change + PATIENCE_SECONDS)
        self.next_look = min(at_rest, now + POLL_SECONDS)
        if now < at_rest:
            return False
        self.watch(current)
        return True

    def close(self) -> None:
        if self.inotify:
            self.inotify.close()


def open_inotify() -> Inotify | None:
    """None: there are too many for this user, or the system forbids it (MemoryDenyWriteExecute= forbids ctypes
    itself). Polling does as well."""
    with contextlib.suppress(OSError, AttributeError, ImportError, MemoryError):
        from .inotify import Inotify

        return Inotify()
    return None


def folders_on_the_way(path: str) -> Iterator[str]:
    """Every folder in which a change could make this path mean another file."""
    path = os.path.abspath(path)
    for _ in range(40):
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
