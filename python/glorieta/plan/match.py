"""From what a person matches by to what the engine matches by, and whether a route stays within its group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .beginnings import beginnings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..config.match import Condition, Match
    from .model import HostMatch, PathMatch, ValueMatch

ANY_PATH = "/*"
CATCH_ALL: PathMatch = "any"
EVERYTHING_ELSE = "everything else"
"""How a catch-all reads."""


def host_match(host: str) -> HostMatch:
    if host == "*":
        return "any"
    return {"wildcard": host[2:]} if host.startswith("*.") else {"exact": host}


def path_match(path: str) -> PathMatch:
    if path.startswith("~"):
        return {"regex": path[1:]}
    if "{" in path:
        return {"parameters": path}
    if path.endswith("/*"):
        return {"prefix": path[:-2]}
    return {"exact": path}


def path_kind(path: PathMatch) -> tuple[str, str]:
    """The kind of a path and its text."""
    return (path, "") if isinstance(path, str) else next(iter(path.items()))


def pattern_of(path: PathMatch) -> str:
    """The pattern that a path of the Plan was made from; `/*` for a catch-all."""
    kind, text = path_kind(path)
    if kind in ("prefix", "any"):
        return f"{text}/*"
    return f"~{text}" if kind == "regex" else text


def written_path(path: PathMatch) -> str:
    """A path of the Plan for a person."""
    return EVERYTHING_ELSE if path == CATCH_ALL else pattern_of(path)


def written_host(host: HostMatch) -> str:
    """A host of the Plan as a person writes it."""
    if isinstance(host, str):
        return "*"
    kind, name = next(iter(host.items()))
    return f"*.{name}" if kind == "wildcard" else name


def value_matches(conditions: dict[str, Condition]) -> list[ValueMatch]:
    return [{"name": name, "value": text_match(condition)} for name, condition in conditions.items()]


def text_match(condition: Condition) -> str | dict[str, str]:
    if condition.present is not None:
        return "present" if condition.present else "absent"
    kind = next(name for name in ("exact", "prefix", "regex") if getattr(condition, name) is not None)
    return {kind: getattr(condition, kind)}


def host_within(inner: str, outer: Iterable[str]) -> bool:
    """Whether every name that one host means is meant by one of the others."""
    for host in outer:
        if host in ("*", inner):
            return True
        if host.startswith("*.") and inner.removeprefix("*").endswith(host[1:]) and inner != host[2:]:
            return True
    return False


def path_within(inner: str, outer: str) -> bool:
    """Whether every path that one pattern matches is matched by the other, as far as their texts show."""
    if outer in (ANY_PATH, inner):
        return True
    if outer.startswith("~") or not outer.endswith("/*") or inner.startswith("~"):
        return inner.startswith("~") and regex_within(inner[1:], outer)
    if inner.startswith(outer[:-1]):
        return True
    outside, inside = outer[:-2].split("/"), inner.split("/")
    if inner.endswith("/*"):
        inside = inside[:-1]
    if len(inside) < len(outside):
        return False
    return all(segment == own or segment.startswith("{") for segment, own in zip(outside, inside, strict=False))


def regex_within(regex: str, outer: str) -> bool:
    """By the texts with which everything begins that the expression matches."""
    if outer.startswith("~") or "{" in outer or not outer.endswith("/*"):
        return False
    below, itself = outer[:-1], outer[:-2]
    return all(each.text.startswith(below) or (each.whole and each.text == itself) for each in beginnings(regex))


def combined_conditions(outer: Match | None, inner: Match | None, kind: str) -> list[ValueMatch]:
    """All conditions of a group and of its route, each once."""
    found: list[ValueMatch] = []
    for match in (outer, inner):
        if match is not None and getattr(match, kind):
            found += [each for each in value_matches(getattr(match, kind)) if each not in found]
    return found
