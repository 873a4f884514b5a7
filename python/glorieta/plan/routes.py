"""Routes of one listener or group: what they match, where they lead, and what holds for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..config.base import layered
from ..config.errors import Path, Wrong, did_you_mean
from ..config.match import Match, parameters_of
from ..config.route import ASTERISK, Route, RouteDefaults, read_route_key
from ..config.target import TARGETS
from ..config.units import milliseconds
from .filters import Merged, check_own
from .match import ANY_PATH, CATCH_ALL, combined_conditions, host_match, host_within, path_match, path_within
from .targets import compile_target, compile_timeouts, the_target

if TYPE_CHECKING:
    from ..config.group import Group
    from ..config.listener import Listener
    from .compiling import Compiling
    from .model import Filter, HostMatch, UpstreamTimeouts
    from .model import Route as PlanRoute

DEFAULTS = frozenset(RouteDefaults.model_fields)
LATER_TARGETS = ("handler", "asgi", "gather")
"""Targets that a later version has: whoever writes one is told that, and not that a target is missing."""
ANY_HOST: list[HostMatch] = ["any"]


@dataclass
class Scope:
    """A listener's own routes, or a group's: what they share."""

    id: str
    """The group's id; a listener's own routes are the group of its name."""
    path: Path
    noun: Listener | Group
    merged: Merged
    defaults: RouteDefaults
    match: Match | None = None
    named: bool = False
    """Whether it is a group that somebody wrote; its name stands in its routes' names."""
    unfilled: set[str] = field(default_factory=set)
    """Parameters of inherited templates that were already said to be lacking somewhere."""
    overlaid: dict[tuple[tuple[str, Any], ...], RouteDefaults] = field(default_factory=dict)
    """What routes use, by what they say of their own."""

    @cached_property
    def filters(self) -> list[Filter]:
        return self.merged.in_order()

    @cached_property
    def timeouts(self) -> UpstreamTimeouts:
        return compile_timeouts(self.defaults)

    @cached_property
    def parameters(self) -> set[str]:
        return self.merged.parameters()

    def used_by(self, route: Route) -> RouteDefaults:
        """What holds for a route that says something of its own; many say the same."""
        written = DEFAULTS & route.model_fields_set
        said = tuple((name, getattr(route, name)) for name in DEFAULTS if name in written)
        try:
            found = self.overlaid.get(said)
        except TypeError:
            return layered(RouteDefaults, self.defaults, route)
        if found is None:
            found = self.overlaid[said] = layered(RouteDefaults, self.defaults, route)
        return found

    def names(self, key: str) -> tuple[str, str]:
        """A route's id, unique in the Plan, and its name in metrics and logs, unique on its listener."""
        id = route_id(self.id, key)
        return id, id if self.named else key


def route_id(group: str, key: str) -> str:
    return f"{group}{key}" if key.startswith("/") else f"{group}/{key}"


@dataclass(frozen=True)
class Matched:
    """What one route matches."""

    path: str
    hosts: list[HostMatch]
    methods: list[str]
    catches_all: bool = False
    """Whether it says nothing but hosts: then it comes after everything that says more."""


def compile_scope(compiling: Compiling, scope: Scope) -> list[tuple[PlanRoute, Path]]:
    """All routes of a scope, its catch-all included, and where each is written."""
    compiled = []
    for key, route in scope.noun.routes.items():
        path: Path = (*scope.path, "routes", key)
        kind = the_target(compiling, route, path)
        if kind is None:
            if not compiling.has_touched(path, (*TARGETS, *LATER_TARGETS)):
                compiling.error(path, "has no target", "write to: UPSTREAM, redirect:, respond: or files:", key=True)
            continue
        if compiling.has_touched(path, ("match",)) or compiling.has_touched(scope.path, ("match",)):
            compiling.unsure.add(path)
        matched = match_route(compiling, scope, key, route, path)
        if matched is not None:
            compiled.append((compile_route(compiling, scope, key, route, kind, path, matched), path))
    kind = the_target(compiling, scope.noun, scope.path)
    if kind is not None:
        if compiling.has_touched(scope.path, ("match",)):
            compiling.unsure.add((*scope.path, kind))
        compiled.append((catch_all(compiling, scope, kind), (*scope.path, kind)))
    return compiled


def catch_all(compiling: Compiling, scope: Scope, kind: str) -> PlanRoute:
    """The route of whatever no other route of the scope matches."""
    route = Route.model_construct(_fields_set={kind}, **{kind: getattr(scope.noun, kind)})
    outer = scope.match
    pattern = (outer.path if outer else None) or ANY_PATH
    hosts = host_matches(outer.host if outer else [])
    matched = Matched(pattern, hosts, outer.method if outer else [], says_only_hosts(outer))
    return compile_route(compiling, scope, pattern, route, kind, scope.path, matched)


def compile_route(
    compiling: Compiling, scope: Scope, key: str, route: Route, kind: str, path: Path, matched: Matched
) -> PlanRoute:
    used, timeouts = scope.defaults, scope.timeouts
    if not DEFAULTS.isdisjoint(route.model_fields_set):
        used = scope.used_by(route)
        timeouts = compile_timeouts(used) if route.written("timeouts") else timeouts
    if used.merge_slashes and "//" in matched.path and not matched.path.startswith("~"):
        compiling.error(
            path, "// is merged before this route is matched, so it never matches", "write one slash", key=True
        )
    if route.priority and not matched.path.startswith("~"):
        message = "priority is for regular expressions only; other paths have an order of their own"
        compiling.error((*path, "priority"), message, "leave it out", key=True)
    id, name = scope.names(key)
    return {
        "id": id,
        "name": name,
        "group": scope.id,
        "hosts": matched.hosts,
        "path": CATCH_ALL if matched.catches_all else path_match(matched.path),
        "methods": matched.methods,
        "headers": combined_conditions(scope.match, route.match, "headers"),
        "query": combined_conditions(scope.match, route.match, "query"),
        "priority": route.priority,
        "merge_slashes": used.merge_slashes,
        "target": compile_target(compiling, route, kind, path, matched.path, used, timeouts),
        "filters": route_filters(compiling, scope, route, path, matched.path),
        "deadline_ms": None if used.deadline is None else milliseconds(used.deadline),
    }


def route_filters(compiling: Compiling, scope: Scope, route: Route, path: Path, pattern: str) -> list[Filter]:
    merged = scope.merged
    if route.filters.model_fields_set:
        check_own(compiling, route.filters, (*path, "filters"), frozenset(parameters_of(pattern)))
        merged = merged.over(route.filters)
    elif not scope.parameters:
        return scope.filters
    lacking = (scope.parameters & merged.parameters()) - set(parameters_of(pattern)) - scope.unfilled
    for name in sorted(lacking):
        scope.unfilled.add(name)
        message = f"${{path.{name}}} in inherited filters is empty here: the route's path has no such parameter"
        compiling.warn(path, message, "set it on the routes that have it")
    return merged.in_order()


def match_route(compiling: Compiling, scope: Scope, key: str, route: Route, path: Path) -> Matched | None:
    """What a route matches, within what its group matches; `None` where that cannot be said."""
    try:
        method, written = read_route_key(key)
    except Wrong as wrong:
        compiling.error(path, wrong.message, wrong.fix, key=True)
        return None
    match = route.match
    if match is not None and match.path is not None:
        if written is not None:
            compiling.error(
                (*path, "match", "path"), "the key already says the path", "leave it out, or give the route a name"
            )
        written = match.path
    if written is None and not (match and match.model_fields_set):
        if not compiling.is_touched((*path, "match")):
            nearest = did_you_mean(key, ["GET", "POST"]) if key.isupper() else None
            compiling.error(
                path,
                f'"{key}" is a name, and nothing says what it matches',
                nearest or "write match: HOST/PATH, or a path as the key",
                key=True,
            )
        return None
    pattern = written if written == ASTERISK else path_in_group(compiling, scope, written, path)
    hosts = hosts_in_group(compiling, scope, match.host if match else [], path)
    methods = methods_in_group(compiling, scope, method, match.method if match else [], path)
    catches_all = written is None and method is None and says_only_hosts(match) and says_only_hosts(scope.match)
    return Matched(pattern, hosts, methods, catches_all)


def says_only_hosts(match: Match | None) -> bool:
    return match is None or not (match.path or match.method or match.headers or match.query)


def path_in_group(compiling: Compiling, scope: Scope, pattern: str | None, path: Path) -> str:
    outer = scope.match.path if scope.match else None
    if pattern is None:
        return outer or ANY_PATH
    if outer is not None and not path_within(pattern, outer):
        message = f"{pattern} lies outside of what its group matches, {outer}"
        compiling.error(path, message, "a route's path is the whole path", also=(*scope.path, "match"))
    return pattern


def hosts_in_group(compiling: Compiling, scope: Scope, hosts: list[str], path: Path) -> list[HostMatch]:
    outer = scope.match.host if scope.match else []
    for index, host in enumerate(hosts):
        if outer and not host_within(host, outer):
            message = f"{host} lies outside of what its group matches, {', '.join(outer)}"
            compiling.error((*path, "match", "host", index), message, also=(*scope.path, "match"))
    return host_matches(hosts or outer)


def methods_in_group(
    compiling: Compiling, scope: Scope, method: str | None, methods: list[str], path: Path
) -> list[str]:
    outer = scope.match.method if scope.match else []
    if method is not None:
        if methods:
            compiling.error((*path, "match", "method"), "the key already says the method", "leave it out")
        methods = [method]
    for each in methods:
        if outer and each not in outer:
            message = f"{each} lies outside of what its group matches, {', '.join(outer)}"
            compiling.error(path, message, also=(*scope.path, "match"))
    return list(dict.fromkeys(methods or outer))


def host_matches(hosts: list[str]) -> list[HostMatch]:
    """Each host once; none means every host."""
    return [host_match(host) for host in dict.fromkeys(hosts)] if hosts else ANY_HOST
