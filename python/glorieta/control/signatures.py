"""Whether a file is still the one that was read: by name, so that renames and swapped links count."""

from __future__ import annotations

import os
from collections.abc import Iterable

from .compiled import Signature


def signature(path: str) -> Signature:
    """Device, inode, size and the times of content and inode; links are followed."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return [facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]


def signatures(paths: Iterable[str]) -> dict[str, Signature]:
    return {path: signature(path) for path in paths}
