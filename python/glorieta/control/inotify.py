"""Linux's inotify(7) through the C library: folders that wake us when something in them changes.

Only the waking is used, never what an event says: names may have been swapped, renamed or linked in
between, and a look at the files afterwards is right in every case.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable

CHANGES = 0x0004 | 0x0008 | 0x0040 | 0x0080 | 0x0100 | 0x0200 | 0x0400 | 0x0800
"""IN_ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE, _DELETE_SELF and _MOVE_SELF.

Not IN_MODIFY: a log in the same folder would wake us with every line."""
ONLY_FOLDERS = 0x01000000
"""IN_ONLYDIR."""


class Inotify:
    """Watches folders. `OSError` where the system has none left, or no inotify at all."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(None, use_errno=True)
        self.descriptor: int = self.call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        self.watched: dict[str, int] = {}

    def call(self, name: str, *arguments: object) -> int:
        result = int(getattr(self.library, name)(*arguments))
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result

    def fileno(self) -> int:
        return self.descriptor

    def watch(self, folders: Iterable[str]) -> None:
        """Exactly these from now on. They are added anew each time: a name may mean another folder by now."""
        wanted = set(folders)
        numbers = {}
        for folder in wanted:
            # What is gone by now is noticed by its parent, which is watched too.
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                numbers[folder] = self.call(
                    "inotify_add_watch", self.descriptor, os.fsencode(folder), CHANGES | ONLY_FOLDERS
                )
        for number in set(self.watched.values()) - set(numbers.values()):
            # The kernel has dropped the watch by itself where the folder is gone.
            with contextlib.suppress(OSError):
                self.call("inotify_rm_watch", self.descriptor, number)
        self.watched = numbers

    def drain(self) -> bool:
        """Takes all events; whether there were any."""
        found = False
        with contextlib.suppress(BlockingIOError):
            while os.read(self.descriptor, 65536):
                found = True
        return found

    def close(self) -> None:
        os.close(self.descriptor)
