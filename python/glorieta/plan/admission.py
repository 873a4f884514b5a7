"""Whether a team's group stays within what the platform's listener admits: the team's file cannot widen that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.admit import read_admitted, written_admitted
from ..config.errors import Wrong, did_you_mean
from ..config.route import ASTERISK, read_route_key
from .match import ANY_PATH, host_within, path_within
from .naming import team_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..config.errors import Path
    from ..config.group import Group
    from ..config.listener import Listener
    from .compiling import Compiling


def check_admission(compiling: Compiling, listener: str, noun: Listener, groups: Iterable[str]) -> None:
    """Every team's group at a listener, every team that the listener names, and that no file names its own."""
    if noun.admit:
        compiling.problems += compiling.places.self_named
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
    admitted = noun.admit.get(team)
    if not admitted:
        message = f'listener "{listener}" does not admit team "{team}"'
        also = (*place, team) if team in noun.admit else place if noun.admit else ("listeners", listener)
        compiling.error((*path, "at"), message, f"write admit: {{{team}: HOST/PATH}} there", also=also)
        return
    outside = first_outside(group, admitted)
    if outside is None:
        check_server_wide(compiling, listener, name, admitted, (*place, team))
        return
    host, match = outside
    meant = f"{'every host' if host == '*' else host}{'' if match == ANY_PATH else match}"
    message = f'matches {meant}, and listener "{listener}" admits only {", ".join(map(written_admitted, admitted))}'
    where = (*path, "match") if group.match is not None else path
    compiling.error(where, message, f"write match: {written_admitted(admitted[0])}", also=(*place, team))


def check_server_wide(compiling: Compiling, listener: str, name: str, admitted: list[str], place: Path) -> None:
    """`OPTIONS *` asks about the server as a whole, so a team takes it only where it has every path of its hosts."""
    group = compiling.edge.groups[name]
    hosts = (group.match.host if group.match else None) or ["*"]
    whole = [host for host, path in map(read_admitted, admitted) if path == ANY_PATH]
    if all(host_within(host, whole) for host in hosts):
        return
    for key in group.routes:
        if asks_server(key):
            message = f'asks about every path, and listener "{listener}" admits only '
            message += ", ".join(map(written_admitted, admitted))
            compiling.error(("groups", name, "routes", key), message, "leave it out", also=place)


def asks_server(key: str) -> bool:
    """Whether a route's key is `OPTIONS *`. A wrong key is told elsewhere."""
    try:
        return read_route_key(key)[1] == ASTERISK
    except Wrong:
        return False


def first_outside(group: Group, admitted: list[str]) -> tuple[str, str] | None:
    """A host and path that the group matches and that is not admitted."""
    pairs = [read_admitted(text) for text in admitted]
    path = (group.match.path if group.match else None) or ANY_PATH
    for host in (group.match.host if group.match else None) or ["*"]:
        if not any(host_within(host, [each]) and path_within(path, within) for each, within in pairs):
            return host, path
    return None
