"""Whose configuration a file is: by what stands in it, because names say little."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..config.errors import ConfigError, Problem

if TYPE_CHECKING:
    from .imported import Imported

Foreign = Literal["nginx"]
MOST_READ = 256 * 1024
COMMENT = re.compile(r"#[^\n]*")
BLOCK = re.compile(
    r"(?:^|[;{}\n])\s*(?:http|stream|events|mail|server|upstream\s+\S+|map\s+\S+\s+\$\w+|location\s[^{};]*)\s*\{"
)
LINE = re.compile(r"^[^\n]*\b[a-z_0-9]+\s[^\n]*;[ }\t\r]*$", re.MULTILINE)


def recognise(path: str | Path) -> Foreign | None:
    """`nginx`, or nothing: then it is glorieta's own, or unknown."""
    try:
        with Path(path).open("rb") as source:
            text = source.read(MOST_READ).decode("utf-8", errors="replace")
    except OSError:
        return None
    plain = COMMENT.sub("", text)
    return "nginx" if BLOCK.search(plain) and LINE.search(plain) else None


def import_file(path: str | Path, *, whole_segments: bool = False) -> Imported:
    """Translates a file; `ConfigError` where it cannot be read, or is nobody's that is known.

    `whole_segments` reads NGINX's `location /a` as `/a` and what lies below it, and not as `/ab`.
    """
    if not Path(path).exists() or Path(path).is_dir() or recognise(path) == "nginx":
        # Parsers are loaded for those who import something only.
        from .nginx import translate

        return translate(path, whole_segments=whole_segments)
    message = "is no configuration of NGINX"
    raise ConfigError([Problem((), message, "NGINX's files are the ones that can be imported", file=str(path))])
