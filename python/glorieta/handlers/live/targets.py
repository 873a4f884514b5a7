"""Paths and queries of calls: what is put into them is escaped, and cannot become another path."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(:path)?\}")
UNSAFE = re.compile(r"[\x00-\x20\x7f#\\{}]")
PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
"""What needs no escapes."""
LITERAL = "/:@!$&'()*+,;=~%?"
"""What a template's own text keeps: it is the programmer's, escapes included."""

Params = Mapping[str, Any] | Iterable[tuple[str, Any]]
"""Query parameters: a mapping, whose values may be lists, or pairs. None is left out; true and false are words."""


@lru_cache(maxsize=4096)
def template(text: str) -> tuple[tuple[str, ...], tuple[tuple[str, bool], ...]]:
    """The literal texts of a template and, between them, its names and whether each may have slashes."""
    if not text.startswith("/"):
        raise ValueError(f'the path "{text}" does not begin with a slash')
    parts = PLACEHOLDER.split(text)
    literals, names = parts[0::3], [(name, bool(whole)) for name, whole in zip(parts[1::3], parts[2::3], strict=True)]
    for literal in literals:
        if wrong := UNSAFE.search(literal):
            raise ValueError(f'the path "{text}" has {wrong[0]!r}; give values by path={{…}} or params={{…}}')
    if not names and has_dot_segments(text):
        raise ValueError(f'the path "{text}" climbs: "." and ".." are no parts of a path to call')
    return tuple(quote(literal, safe=LITERAL) for literal in literals), tuple(names)


def has_dot_segments(path: str) -> bool:
    """Whether a part of the path, escaped or not, is `.` or `..`."""
    if "." not in path and "%" not in path:
        return False
    plain = re.sub("%2e", ".", path.partition("?")[0], flags=re.IGNORECASE)
    return any(part in (".", "..") for part in plain.split("/"))


def target_of(text: str, path: Mapping[str, Any] | None, params: Params | None) -> str:
    """The target of a call. `ValueError`: a value is missing, unknown, empty, or would be another path."""
    literals, names = template(text)
    target = filled(text, literals, names, path or {}) if names or path else literals[0]
    query = query_of(params) if params else ""
    if not query:
        return target
    return f"{target}{'&' if '?' in target else '?'}{query}"


def filled(text: str, literals: tuple[str, ...], names: tuple[tuple[str, bool], ...], values: Mapping[str, Any]) -> str:
    target = literals[0]
    for place, (name, slashes) in enumerate(names, 1):
        if name not in values:
            raise ValueError(f'path= lacks {name}, which "{text}" names')
        target += escaped(name, str(values[name]), slashes) + literals[place]
    if len(values) != len(names) and (unknown := set(values) - {name for name, _ in names}):
        raise ValueError(f'path= has {", ".join(sorted(unknown))}, which "{text}" does not name')
    if has_dot_segments(target):
        raise ValueError(f'with these values "{text}" climbs: {target}')
    return target


def escaped(name: str, value: str, slashes: bool) -> str:
    """A value of a path. With slashes it is several parts, each as it is."""
    if not value:
        raise ValueError(f"the path value {name} is empty, which would be another path")
    return quote(value, safe="/") if slashes else plain(value)


def query_of(params: Params) -> str:
    pairs: list[str] = []
    for name, value in params.items() if isinstance(params, Mapping) else params:
        several = value if isinstance(value, list | tuple | set | frozenset) else (value,)
        pairs += [f"{plain(name)}={plain(word(one))}" for one in several if one is not None]
    return "&".join(pairs)


def plain(text: str) -> str:
    return text if PLAIN.fullmatch(text) else quote(text, safe="")


def word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
