"""What holds at one place: NGINX's rules of inheritance from the outer blocks to the inner ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .directive import Directive


@dataclass(frozen=True)
class Scope:
    """Blocks from the outermost to the innermost."""

    blocks: tuple[Directive, ...]
    family: str = "proxy"
    """What directives of passing requests on begin with: those of `grpc_pass` have names of their own."""

    @property
    def block(self) -> Directive:
        return self.blocks[-1]

    def inner(self, block: Directive) -> Scope:
        return replace(self, blocks=(*self.blocks, block))

    def own(self, name: str) -> str:
        """A directive's name where it stands."""
        return name.replace("proxy_", f"{self.family}_", 1) if name.startswith("proxy_") else name

    def last(self, name: str) -> Directive | None:
        """A simple setting: the innermost block that has it decides."""
        for block in reversed(self.blocks):
            found = block.last(self.own(name))
            if found is not None:
                return found
        return None

    def level(self, *names: str) -> list[Directive]:
        """Lists such as headers: a block that has its own takes none of those outside."""
        for block in reversed(self.blocks):
            found = block.named(*(self.own(name) for name in names))
            if found:
                return found
        return []

    def value(self, name: str) -> str:
        found = self.last(name)
        return found.first if found else ""
