"""Watches a set of files and says when it has changed and come to rest.

All files count as one set, because a deployment replaces several of them: what is read in the middle of
that would be a configuration that nobody wrote. Renames over a file, swapped symbolic links anywhere in its
path, files that are missing for a moment, and files that come to match a pattern or cease to are seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .compiled import Signature
from .folders import folders_to_watch
from .signatures import matches, signatures

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

    def __init__(
        self,
        files: Mapping[str, Signature],
        now: float,
        globs: Mapping[str, Signature] | None = None,
        *,
        use_inotify: bool = True,
    ) -> None:
        self.inotify = open_inotify() if use_inotify else None
        self.first_change: float | None = None
        self.last_change = now
        self.changed: frozenset[str] = frozenset()
        """Files and patterns that were different when `look` said so."""
        self.watch(files, globs or {})

    def watch(self, files: Mapping[str, Signature], globs: Mapping[str, Signature]) -> None:
        """These from now on; a signature is how a file, or what a pattern finds, was when it was read."""
        self.files, self.globs = tuple(files), tuple(globs)
        self.known: dict[str, Signature] = {**files, **globs}
        self.seen = dict(self.known)
        self.first_change = None
        self.place_watches()
        self.next_look = 0.0

    def settle(self) -> None:
        """What there is now is nothing new."""
        self.watch(signatures(self.files), matches(self.globs))

    @property
    def is_stirring(self) -> bool:
        """Whether something has changed and has not come to rest."""
        return self.first_change is not None

    def place_watches(self) -> None:
        if self.inotify is None:
            return
        try:
            self.inotify.watch(folders_to_watch(self.files, self.globs))
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
        current = {**signatures(self.files), **matches(self.globs)}
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
        self.changed = frozenset(path for path, state in current.items() if state != self.known[path])
        self.watch({path: current[path] for path in self.files}, {pattern: current[pattern] for pattern in self.globs})
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
