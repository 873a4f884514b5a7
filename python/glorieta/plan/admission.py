"""Whether a team's group stays within what the platform's listener admits: the team's file cannot widen that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.admit import read_admitted, written_admitted
from ..config.errors import did_you_mean
from .match import ANY_PATH, host_within, path_within
from .naming import team_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..config.errors import Path
    from ..config.group import Group
    from ..config.listener import Listener
    from .compiling import Compiling


def check_admission(compiling: Compiling, listener: str, noun: Listener, groups: Iterable[str]) -> None:
    """Every team's group at a listener, and every team that the listener names."""
    for name in groups:
        team = team_of(name)
        if team is not None:
            check_group(compiling, listener, noun, name, team)
    if compiling.incomplete or compiling.missing:
        return
    teams = {team_of(name) for name in (*compiling.edge.groups, *compiling.edge.upstreams)} - {None}
    for team in noun.admit:
        if team not in teams:
            fix = did_you_mean(team, [each for each in teams if each]) or "include its file, or leave it out"
            compiling.warn(("listeners", listener, "admit", team), f'no file is team "{team}"\'s', fix)


def check_group(compiling: Compiling, listener: str, noun: Listener, name: str, team: str) -> None:
    """One group; what of its match is wrong, or of the listener's `admit`, is told already."""
    path: Path = ("groups", name)
    place: Path = ("listeners", listener, "admit")
    if compiling.is_touched((*path, "match")) or compiling.is_touched(place):
        return
    group = compiling.edge.groups[name]
    if team not in noun.admit:
        message = f'listener "{listener}" does not admit team "{team}"'
        also = place if noun.admit else ("listeners", listener)
        compiling.error((*path, "at"), message, f"write admit: {{{team}: HOST/PATH}} there", also=also)
        return
    admitted = noun.admit[team]
    outside = first_outside(group, admitted)
    if outside is None:
        return
    host, match = outside
    meant = f"{'every host' if host == '*' else host}{'' if match == ANY_PATH else match}"
    message = f'matches {meant}, and listener "{listener}" admits only {", ".join(map(written_admitted, admitted))}'
    where = (*path, "match") if group.match is not None else path
    compiling.error(where, message, f"write match: {written_admitted(admitted[0])}", also=(*place, team))


def first_outside(group: Group, admitted: list[str]) -> tuple[str, str] | None:
    """A host and path that the group matches and that is not admitted."""
    pairs = [read_admitted(text) for text in admitted]
    path = (group.match.path if group.match else None) or ANY_PATH
    for host in (group.match.host if group.match else None) or ["*"]:
        if not any(host_within(host, [each]) and path_within(path, within) for each, within in pairs):
            return host, path
    return None
