"""Groups: which listener they are at, and the scope that they give their routes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.base import layered
from ..config.errors import Path, did_you_mean
from ..config.group import Group as GroupNoun
from ..config.route import RouteDefaults
from .compiling import NOT_REMOVED
from .filters import Merged
from .https_only import hsts_filters
from .routes import Scope

if TYPE_CHECKING:
    from ..config.listener import Listener as ListenerNoun
    from .compiling import Compiling
    from .model import Group

LAYER4 = "layer 4 sees addresses, ports and SNI only"
READS_HTTP = "l4-reads-http"
"""The code of the confusion that this is."""


def groups_by_listener(compiling: Compiling) -> dict[str, list[str]]:
    """The names of the groups at each listener."""
    found: dict[str, list[str]] = {}
    for name, group in compiling.edge.groups.items():
        listener = listener_of(compiling, name, group)
        if listener is not None:
            found.setdefault(listener, []).append(name)
    return found


def listener_of(compiling: Compiling, name: str, group: GroupNoun) -> str | None:
    path: Path = ("groups", name)
    listeners = compiling.edge.listeners
    if group.at is None:
        http = [each for each, listener in listeners.items() if listener.protocol == "http"]
        if len(http) == 1:
            return http[0]
        if not (compiling.is_missing((*path, "at")) or compiling.lost_listener):
            removed = None if http else compiling.removed_listener()
            at = NOT_REMOVED if removed else f"write at: {' or '.join(http) or 'LISTENER'}"
            compiling.error(path, "does not say at which listener", at, also=removed, key=True)
        return None
    place: Path = (*path, "at")
    if group.at not in listeners:
        if not (compiling.incomplete or compiling.is_missing(("listeners", group.at))):
            removed = compiling.removed("listeners", [group.at])
            fix = NOT_REMOVED if removed else did_you_mean(group.at, listeners)
            compiling.error(place, f'there is no listener "{group.at}"', fix, also=removed)
        return None
    if listeners[group.at].protocol != "http":
        message = f'listener "{group.at}" is {listeners[group.at].protocol}, and groups are routes: {LAYER4}'
        fix, other = "use protocol: http", ("listeners", group.at)
        compiling.confuse("error", place, message, fix, also=other, key=True, code=READS_HTTP)
        return None
    return group.at


def own_scope(compiling: Compiling, name: str, listener: ListenerNoun) -> Scope:
    """The scope of a listener's own routes: the group of its name."""
    defaults = layered(RouteDefaults, compiling.edge.defaults.route)
    return Scope(name, ("listeners", name), listener, own_filters(listener), defaults)


def own_filters(listener: ListenerNoun) -> Merged:
    """What holds for everything at a listener."""
    return Merged().over(hsts_filters(listener)).over(listener.filters)


def group_scope(compiling: Compiling, name: str, group: GroupNoun, outer: Scope) -> Scope | None:
    """A group's scope within its listener's; none where its name is taken."""
    path: Path = ("groups", name)
    if name == outer.id and compiling.edge.listeners[name].has_own_routes:
        message = "has the name of its listener, whose own routes are the group of that name"
        compiling.error(path, message, "choose another name", also=outer.path)
        return None
    merged = outer.merged.over(group.filters)
    defaults = layered(RouteDefaults, compiling.edge.defaults.route, group.defaults.route)
    return Scope(name, path, group, merged, defaults, group.match, named=True)


def plan_group(scope: Scope, listener: str, roles: list[str], client: str | None) -> Group:
    noun = scope.noun
    return {
        "id": scope.id,
        "listener": listener,
        "roles": roles,
        "owner": noun.owner if isinstance(noun, GroupNoun) else None,
        "client": client,
    }
