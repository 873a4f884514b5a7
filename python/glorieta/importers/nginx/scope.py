"""What holds at one place: NGINX's rules of inheritance from the outer blocks to the inner ones."""

from __future__ import annotations

from dataclasses import dataclass

from .directive import Directive


@dataclass(frozen=True)
class Scope:
    """Blocks from the outermost to the innermost."""

    blocks: tuple[Directive, ...]

    @property
    def block(self) -> Directive:
        return self.blocks[-1]

    def inner(self, block: Directive) -> Scope:
        return Scope((*self.blocks, block))

    def last(self, name: str) -> Directive | None:
        """A simple setting: the innermost block that has it decides."""
        for block in reversed(self.blocks):
            found = block.last(name)
            if found is not None:
                return found
        return None

    def level(self, *names: str) -> list[Directive]:
        """Lists such as headers: a block that has its own takes none of those outside."""
        for block in reversed(self.blocks):
            found = block.named(*names)
            if found:
                return found
        return []

    def value(self, name: str) -> str:
        found = self.last(name)
        return found.first if found else ""
