"""Which route a request takes, in tests, by the engine's order: literals first, then values, then the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Pattern:
    """A method, or any, and a path: literal parts, `{name}`, and `*` or `{name:path}` for the rest."""

    method: str | None
    parts: tuple[str, ...]
    is_websocket: bool = False

    @classmethod
    def read(cls, text: str) -> Pattern:
        """`GET /users/{id}` or `/users/{id}`. `ValueError`: it is neither."""
        method, _, path = text.rpartition(" ")
        if not path.startswith("/"):
            raise ValueError(f'"{text}" is no route; write "GET /users/{{id}}" or "/users/{{id}}"')
        return cls(method.strip().upper() or None, tuple(path[1:].split("/")))

    def __str__(self) -> str:
        path = "/" + "/".join(self.parts)
        return f"{self.method} {path}" if self.method else path

    @property
    def rest(self) -> str | None:
        """The name of what stands for the rest of the path; none: nothing does."""
        last = self.parts[-1]
        if last == "*":
            return "*"
        return last[1:-6] if last.startswith("{") and last.endswith(":path}") else None

    def values(self, path: str) -> dict[str, str] | None:
        """What its names stand for; none: it does not match. Escapes are kept."""
        given, rest = path[1:].split("/"), self.rest
        wanted = self.parts if rest is None else self.parts[:-1]
        if len(given) < len(wanted) or (rest is None and len(given) != len(wanted)):
            return None
        values = {}
        for part, piece in zip(wanted, given, strict=False):
            if part.startswith("{") and piece:
                values[part[1:-1]] = piece
            elif part != piece:
                return None
        if rest is not None:
            values[rest] = "/".join(given[len(wanted) :])
        return values

    def rank(self) -> tuple[bool, int, int, bool]:
        """The smaller comes first."""
        literals = sum(not part.startswith("{") for part in self.parts)
        return self.rest is not None, -literals, -len(self.parts), self.method is None


def other_slash(path: str) -> str | None:
    """The path with a slash at its end where it has none, and without where it has one; none: it has no such form."""
    if path == "/" or path.startswith("//"):
        return None
    return path[:-1] if path.endswith("/") else f"{path}/"


def best(
    patterns: Sequence[Pattern], method: str, path: str, *, upgrades: bool = False
) -> tuple[int, dict[str, str]] | None:
    """The place of the best match and its values; none: nothing matches. A HEAD is answered by a GET. Where a WebSocket
    and a GET share a path, `upgrades` says which of them is asked for."""

    def rank(index: int) -> tuple[object, ...]:
        return *patterns[index].rank(), patterns[index].is_websocket != upgrades

    ranked = sorted(range(len(patterns)), key=rank)
    for wanted in [method, "GET"] if method == "HEAD" else [method]:
        for index in ranked:
            pattern = patterns[index]
            if pattern.method in (None, wanted) and (values := pattern.values(path)) is not None:
                return index, values
    return None
