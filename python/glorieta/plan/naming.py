"""What a name means that is written in a team's file: the team's own first, then the platform's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable


def team_of(name: str) -> str | None:
    """The team whose name this is; none: the platform's."""
    team, slash, _ = name.partition("/")
    return team if slash else None


def candidates(name: str, team: str | None) -> list[str]:
    """The full names that a name may stand for, the nearest first; another team's is written in full."""
    return [f"{team}/{name}", name] if team else [name]


def meant(name: str, known: Container[str], team: str | None) -> str | None:
    """The full name that is meant, of those that there are."""
    return next((each for each in candidates(name, team) if each in known), None)


def visible(known: Iterable[str], team: str | None) -> list[str]:
    """Full names as this team would write them."""
    return [name.removeprefix(f"{team}/") if team else name for name in known]
