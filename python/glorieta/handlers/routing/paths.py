"""Paths of routes: as they are written in Python, and as the engine matches them."""

from __future__ import annotations

import re
from dataclasses import dataclass

PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([a-z]+))?\}")
UNUSABLE = re.compile(r"[\x00-\x1f\x7f\\?#*]")
REST = "path"
"""What stands behind a parameter that takes the rest of the path: `{file:path}`."""


class WrongPath(ValueError):
    """A path that cannot be matched; `fix` says what can."""

    def __init__(self, what: str, fix: str | None = None) -> None:
        super().__init__(what)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class RoutePath:
    """A path that was read."""

    written: str
    """`/files/{name:path}`."""
    match: str
    """What the engine matches: `/files/*`."""
    names: tuple[str, ...]
    rest: str
    """The name of the parameter that the engine calls `*`; without one, empty."""

    @property
    def in_openapi(self) -> str:
        return PARAMETER.sub(r"{\1}", self.written)


def read_path(text: str) -> RoutePath:
    """`WrongPath`: it is none."""
    if not text.startswith("/"):
        raise WrongPath(f'the path "{text}" does not begin with a slash', f'write "/{text}"')
    names: list[str] = []
    rest = ""
    match = []
    segments = text[1:].split("/")
    for position, segment in enumerate(segments):
        found = PARAMETER.fullmatch(segment)
        if found is None:
            match.append(plain_segment(segment, text))
            continue
        name, kind = found.groups()
        if name in names:
            raise WrongPath(f'the path "{text}" names {{{name}}} twice')
        names.append(name)
        if kind == REST:
            if position != len(segments) - 1:
                raise WrongPath(f'in the path "{text}" something follows {segment}', "the rest of a path comes last")
            rest = name
        elif kind is not None:
            raise WrongPath(
                f'in the path "{text}" {segment} has the converter "{kind}"',
                f"write {{{name}}} and give the type at the parameter: {name}: {kind}",
            )
        match.append("*" if kind == REST else f"{{{name}}}")
    return RoutePath(text, "/" + "/".join(match), tuple(names), rest)


def plain_segment(segment: str, path: str) -> str:
    if "{" in segment or "}" in segment:
        raise WrongPath(
            f'in the path "{path}" "{segment}" mixes text and parameter',
            "a parameter is a whole segment, such as /files/{name}",
        )
    if UNUSABLE.search(segment):
        raise WrongPath(f'the path "{path}" has a character that cannot be matched in "{segment}"')
    if segment in (".", ".."):
        raise WrongPath(f'the path "{path}" has a dot segment; requests are resolved before they are matched')
    return segment
