"""Files of keys and certificates: whole or not there at all, and never in the place of another."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY_MODE = 0o600
CERTIFICATE_MODE = 0o644


def write_new(path: Path, data: bytes, mode: int) -> None:
    """Writes a file that must not be there yet; `FileExistsError` if it is. Nobody sees half of it, nor for a moment
    more than `mode` allows."""
    with written_beside(path, data, mode) as beside:
        # Unlike renaming, linking replaces nothing.
        os.link(beside, path)


@contextlib.contextmanager
def written_beside(path: Path, data: bytes, mode: int) -> Iterator[str]:
    """A file with this content in the same folder, kept on disk; it is gone afterwards unless it was renamed."""
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        yield beside
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
