"""Whose configuration a file is: by what stands in it, because names say little."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..config.errors import ConfigError, Problem

if TYPE_CHECKING:
    from .imported import Imported

Foreign = Literal["nginx"]
NAME_NGINX = "name a file of NGINX, such as nginx.conf"
MOST_READ = 256 * 1024
COMMENT = re.compile(r"#[^\n]*")
BLOCK = re.compile(
    r"(?:^|[;{}\n])\s*(?:http|stream|events|mail|server|upstream\s+\S+|map\s+\S+\s+\$\w+|location\s[^{};]*)\s*\{"
)
FIRST = re.compile(
    r"\s*(?:"
    r"(?:http|stream|events|mail|server|location|upstream|map|geo|split_clients|types|if)(?=[\s{])[^{};:]*\{"
    r"|(?:http|stream|events|mail|server)\s*\{"
    r"|(?:user|pid|worker_\w+|error_log|load_module|include|listen|server_name|root|index|return|rewrite|try_files"
    r"|access_log|log_format|add_header|proxy_\w+|fastcgi_\w+|ssl_\w+|gzip\w*|limit_\w+|client_\w+)\s[^\n{};]*;"
    r")"
)
"""How a file begins that is NGINX's even where the rest is unfinished, or only a part of a server."""
LINE = re.compile(r"^[^\n]*\b[a-z_0-9]+\s[^\n]*;[ }\t\r]*$", re.MULTILINE)


def recognise(path: str | Path) -> Foreign | None:
    """`nginx`, or nothing: then it is glorieta's own, or unknown."""
    try:
        text = beginning(path)
    except OSError:
        return None
    plain = COMMENT.sub("", text)
    return "nginx" if FIRST.match(plain) or (BLOCK.search(plain) and LINE.search(plain)) else None


def beginning(path: str | Path) -> str:
    """As much of a file as shows whose it is."""
    with Path(path).open("rb") as source:
        return source.read(MOST_READ).decode("utf-8", errors="replace")


def import_file(path: str | Path, *, whole_segments: bool = False) -> Imported:
    """Translates a file; `ConfigError` where it cannot be read, or is nobody's that is known.

    `whole_segments` reads NGINX's `location /a` as `/a` and what lies below it, and not as `/ab`.
    """
    if not Path(path).is_file() or recognise(path) == "nginx":
        # Parsers are loaded for those who import something only.
        from .nginx import translate

        return translate(path, whole_segments=whole_segments)
    message, fix = unknown(beginning(path))
    raise ConfigError([Problem((), message, fix, file=str(path))])


def unknown(text: str) -> tuple[str, str]:
    """What is said of a file that is nobody's that is known."""
    if "\0" in text:
        return "is no text", NAME_NGINX
    if not text.strip():
        return "is empty", NAME_NGINX
    if not COMMENT.sub("", text).strip():
        return "has nothing but comments in it", NAME_NGINX
    return "is no configuration of NGINX", "NGINX's files are the ones that can be imported"
