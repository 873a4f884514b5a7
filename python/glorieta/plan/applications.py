"""Python that answers requests, as a configuration names it: found once, however many routes lead to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..config.reading import shown

if TYPE_CHECKING:
    from ..handlers.locating import Located, Named
    from .model import HandlerCall, Target


@dataclass(frozen=True)
class Application:
    """What handler processes serve, as one place of the configuration means it."""

    id: str
    named: Named
    located: Located
    first: int
    """The number of its first route; those of all applications are numbered one after the other."""
    calls: tuple[HandlerCall, ...]

    @property
    def client(self) -> str | None:
        """The kind of client that its router is for."""
        return getattr(self.located.application, "client", None)

    def handler(self, number: int) -> str:
        """The function of a route, with its line."""
        listed = self.located.application.listing()[number - self.first]
        return f"{self.located.function(listed.name)} ({shown(listed.place)})"


@dataclass
class Applications:
    """All that were found, in the order in which a handler process has them."""

    by_key: dict[tuple[Named, str | None], Application | None] = field(default_factory=dict)
    """By name and team, because a team's upstreams are its own; none: it cannot be used, which was told."""
    routes: int = 0

    @property
    def found(self) -> list[Application]:
        return [each for each in self.by_key.values() if each is not None]

    @cached_property
    def contents(self) -> dict[str, str]:
        """What stands for the content of each file that one of them depends on. Asked for once all are found; read
        once, so that all that is said of the code is said of the same."""
        from ..handlers.locating import stamped

        return stamped(file for each in self.found for file in each.located.files)

    def handler(self, target: Target) -> str | None:
        """The function that answers, with its line; none: no handler does."""
        if "handler" not in target:
            return None
        handler = target["handler"]
        return next(each.handler(handler["route"]) for each in self.found if each.id == handler["handler"])
