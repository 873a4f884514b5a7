"""Whether a file is still the one that was read: by name, so that renames and swapped links count."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Iterable

from .compiled import Signature

CHANGED_MEANWHILE: Signature = []
"""Of a file that may have changed while it was read: no state of a file equals this one."""
MARGIN = 10_000_000
"""How much older than now a change that is made now may look, in nanoseconds: the kernel's clock of files ticks."""


def signature(path: str) -> Signature:
    """Device, inode, size and the times of content and inode; links are followed."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return [facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]


def signatures(paths: Iterable[str]) -> dict[str, Signature]:
    return {path: signature(path) for path in paths}


def matches(patterns: Iterable[str]) -> dict[str, Signature]:
    """What each pattern finds now."""
    return {pattern: sorted(glob.glob(pattern, recursive=True)) for pattern in patterns}


def signatures_since(began: int, paths: Iterable[str]) -> dict[str, Signature]:
    """Signatures of files that were read after `began` (nanoseconds of the wall clock).

    What has changed since then may have been read before or after that, so that it has to be read again. A file
    that is not there any more counts as changed if its folder has.
    """
    now = time.time_ns()
    found = signatures(paths)
    for path, state in found.items():
        changed = state[4] if state else changed_at(os.path.dirname(path))
        # A time to come is that of another machine, or of a clock that was set back.
        if isinstance(changed, int) and began - MARGIN <= changed <= now:
            found[path] = CHANGED_MEANWHILE
    return found


def changed_at(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0
