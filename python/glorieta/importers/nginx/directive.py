"""A directive of an NGINX file: its words, its block, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Place

LONGEST = 72


@dataclass(eq=False)
class Directive:
    """Compared by identity: two equal lines are two directives."""

    name: str
    args: tuple[str, ...]
    place: Place
    block: list[Directive] | None = None
    parent: Directive | None = field(default=None, repr=False)

    @property
    def children(self) -> list[Directive]:
        return self.block or []

    @property
    def first(self) -> str:
        """The first argument; empty, where there is none."""
        return self.args[0] if self.args else ""

    def text(self) -> str:
        """As it was written, in one line and shortened."""
        words = " ".join([self.name, *map(quoted, self.args)]).replace("\n", " ")
        return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"

    def named(self, *names: str) -> list[Directive]:
        """The directives of its block that have one of these names, in their order."""
        found = [each for name in names for each in self._by_name.get(name, ())]
        return [child for _, child in (sorted(found, key=itemgetter(0)) if len(names) > 1 else found)]

    @cached_property
    def _by_name(self) -> dict[str, list[tuple[int, Directive]]]:
        """Children with their positions: a block is asked many times, and never changes once it was read."""
        found: dict[str, list[tuple[int, Directive]]] = {}
        for position, child in enumerate(self.children):
            found.setdefault(child.name, []).append((position, child))
        return found

    def last(self, name: str) -> Directive | None:
        found = self.named(name)
        return found[-1] if found else None

    def all(self) -> Iterator[Directive]:
        """Itself and everything within."""
        yield self
        for child in self.children:
            yield from child.all()


def quoted(argument: str) -> str:
    return f'"{argument}"' if not argument or " " in argument or ";" in argument else argument
