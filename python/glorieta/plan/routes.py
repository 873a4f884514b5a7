"""Routes of one listener or group: what they match, where they lead, and what holds for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..config.base import layered
from ..config.errors import Path, Wrong, did_you_mean
from ..config.match import Match, parameters_of
from ..config.route import ASTERISK, Route, RouteDefaults, read_route_key
from ..config.target import TARGETS
from ..config.units import milliseconds
from .filters import FILES, Merged, check_own
from .handling import UPGRADE, handler_routes
from .match import ANY_PATH, CATCH_ALL, combined_conditions, host_match, host_within, path_match, path_within
from .splitting import compile_mirror
from .targets import check_target, compile_target, compile_timeouts, the_target

if TYPE_CHECKING:
    from ..config.group import Group
    from ..config.listener import Listener
    from .compiling import Compiling
    from .model import Filter, HostMatch, Target, UpstreamTimeouts, ValueMatch
    from .model import Route as PlanRoute

DEFAULTS = frozenset(RouteDefaults.model_fields)
PYTHON = ("handler", "asgi")
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
    def hosts(self) -> list[HostMatch]:
        """Those of routes that say none."""
        return host_matches(self.match.host if self.match else [])

    @cached_property
    def headers(self) -> list[ValueMatch]:
        """What routes ask for that ask for nothing more."""
        return combined_conditions(self.match, None, "headers")

    @cached_property
    def query(self) -> list[ValueMatch]:
        """As `headers`."""
        return combined_conditions(self.match, None, "query")

    @cached_property
    def words(self) -> list[ValueMatch]:
        """As `headers`."""
        return combined_conditions(self.match, None, "words")

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


class Matched(NamedTuple):
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
            if not compiling.has_touched(path, TARGETS):
                fix = "write to: UPSTREAM, split:, handler:, asgi:, gather:, redirect:, respond: or files:"
                compiling.error(path, "has no target", fix, key=True)
            continue
        if compiling.missing and (
            compiling.has_touched(path, ("match",)) or compiling.has_touched(scope.path, ("match",))
        ):
            compiling.unsure.add(path)
        matched = match_route(compiling, scope, key, route, path)
        if matched is None:
            continue
        if kind in PYTHON:
            compiled += python_routes(compiling, scope, key, route, kind, path, matched)
        else:
            compiled.append((compile_route(compiling, scope, key, route, kind, path, matched), path))
    kind = the_target(compiling, scope.noun, scope.path)
    if kind is not None:
        if compiling.has_touched(scope.path, ("match",)):
            compiling.unsure.add((*scope.path, kind))
        compiled += catch_all(compiling, scope, kind)
    return compiled


def catch_all(compiling: Compiling, scope: Scope, kind: str) -> list[tuple[PlanRoute, Path]]:
    """The route of whatever no other route of the scope matches; or those of a router, which match by themselves."""
    route = Route.model_construct(_fields_set={kind}, **{kind: getattr(scope.noun, kind)})
    outer = scope.match
    pattern = (outer.path if outer else None) or ANY_PATH
    matched = Matched(pattern, scope.hosts, outer.method if outer else [], says_only_hosts(outer))
    if kind in PYTHON:
        return python_routes(compiling, scope, pattern, route, kind, scope.path, matched)
    return [(compile_route(compiling, scope, pattern, route, kind, scope.path, matched), (*scope.path, kind))]


def python_routes(
    compiling: Compiling, scope: Scope, key: str, route: Route, kind: str, path: Path, matched: Matched
) -> list[tuple[PlanRoute, Path]]:
    """The routes of a router, or the one of an application, within what a route or a scope matches."""
    check_target(compiling, route, kind, path)
    found, skipped = [], False
    for each in handler_routes(compiling, route, kind, path, matched.path, scope.used_by(route)):
        methods = matched.methods
        if each.method is not None:
            if methods and each.method not in methods:
                skipped = True
                continue
            methods = [each.method]
        catches_all = matched.catches_all and kind == "asgi"
        exact = Matched(each.pattern, matched.hosts, methods, catches_all)
        name = key if kind == "asgi" else f"{key} {each.key}" if is_name(key) else each.key
        compiled = compile_route(compiling, scope, name, route, kind, path, exact, each.target)
        if each.only_upgrades:
            compiled["headers"] = [*compiled["headers"], UPGRADE]
        found.append((compiled, (*path, kind)))
    if skipped and not found:
        compiling.error((*path, kind), f"none of its router's routes is for {', '.join(matched.methods)}")
    return found


def is_name(key: str) -> bool:
    """Whether a route's key says nothing of what it matches. A wrong key is told elsewhere."""
    try:
        return read_route_key(key)[1] is None
    except Wrong:
        return True


def compile_route(
    compiling: Compiling,
    scope: Scope,
    key: str,
    route: Route,
    kind: str,
    path: Path,
    matched: Matched,
    target: Target | None = None,
) -> PlanRoute:
    """`target`: where it leads, if that is known already."""
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
    compiled: PlanRoute = {
        "id": id,
        "name": name,
        "group": scope.id,
        "hosts": matched.hosts,
        "path": CATCH_ALL if matched.catches_all else path_match(matched.path),
        "methods": matched.methods,
        "headers": combined_conditions(scope.match, route.match, "headers") if route.match else scope.headers,
        "query": combined_conditions(scope.match, route.match, "query") if route.match else scope.query,
        "priority": route.priority,
        "merge_slashes": used.merge_slashes,
        "target": target or compile_target(compiling, route, kind, path, matched.path, used, timeouts),
        "filters": route_filters(compiling, scope, route, kind, path, matched.path),
        "deadline_ms": None if used.deadline is None else milliseconds(used.deadline),
    }
    words = combined_conditions(scope.match, route.match, "words") if route.match else scope.words
    if words:
        compiled["words"] = words
    if used.mirror is not None:
        mirror = compile_mirror(compiling, scope, route, kind, path, used, timeouts)
        if mirror is not None:
            compiled["mirror"] = mirror
    return compiled


def route_filters(
    compiling: Compiling, scope: Scope, route: Route, kind: str, path: Path, pattern: str
) -> list[Filter]:
    merged = scope.merged
    if route.filters.model_fields_set:
        check_own(compiling, route.filters, (*path, "filters"), frozenset(parameters_of(pattern)))
        merged = merged.over(route.filters)
    elif not scope.parameters and kind != FILES:
        return scope.filters
    if not scope.parameters:
        return merged.in_order(kind)
    lacking = (scope.parameters & merged.parameters()) - set(parameters_of(pattern)) - scope.unfilled
    for name in sorted(lacking):
        scope.unfilled.add(name)
        message = f"${{path.{name}}} in inherited filters is empty here: the route's path has no such parameter"
        compiling.warn(path, message, "set it on the routes that have it")
    return merged.in_order(kind)


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
    hosts = hosts_in_group(compiling, scope, match.host, path) if match and match.host else scope.hosts
    methods = methods_in_group(compiling, scope, method, match.method if match else [], path)
    catches_all = written is None and method is None and says_only_hosts(match) and says_only_hosts(scope.match)
    return Matched(pattern, hosts, methods, catches_all)


def says_only_hosts(match: Match | None) -> bool:
    return match is None or not (match.path or match.method or match.headers or match.query or match.words)


def path_in_group(compiling: Compiling, scope: Scope, pattern: str | None, path: Path) -> str:
    outer = scope.match.path if scope.match else None
    if pattern is None:
        return outer or ANY_PATH
    if outer is not None and not path_within(pattern, outer):
        message, fix = outside(pattern, outer)
        compiling.error(path, message, fix, also=(*scope.path, "match"))
    return pattern


def outside(pattern: str, outer: str) -> tuple[str, str]:
    """What is said of a route's path that is not within its group's, and the fix."""
    if not pattern.startswith("~"):
        return f"{pattern} lies outside of what its group matches, {outer}", "a route's path is the whole path"
    if outer.endswith("/*") and "{" not in outer and not outer.startswith("~"):
        message = f"{pattern} may match paths outside of what its group matches, {outer}"
        return message, f"begin each of its alternatives with {outer[:-1]}, as in ~{outer[:-1]}(a|b)"
    message = f"nobody can tell whether {pattern} lies within what its group matches, {outer}"
    return message, "give the group a path such as /a/*, or leave its path out"


def hosts_in_group(compiling: Compiling, scope: Scope, hosts: list[str], path: Path) -> list[HostMatch]:
    outer = scope.match.host if scope.match else []
    for index, host in enumerate(hosts):
        if outer and not host_within(host, outer):
            message = f"{host} lies outside of what its group matches, {', '.join(outer)}"
            compiling.error((*path, "match", "host", index), message, also=(*scope.path, "match"))
    return host_matches(hosts)


def methods_in_group(
    compiling: Compiling, scope: Scope, method: str | None, methods: list[str], path: Path
) -> list[str]:
    outer = scope.match.method if scope.match else []
    if not (method or methods):
        return list(dict.fromkeys(outer))
    if method is not None:
        if methods:
            compiling.error((*path, "match", "method"), "the key already says the method", "leave it out")
        methods = [method]
    for each in methods:
        if outer and each not in outer:
            message = f"{each} lies outside of what its group matches, {', '.join(outer)}"
            compiling.error(path, message, also=(*scope.path, "match"))
    return list(dict.fromkeys(methods))


def host_matches(hosts: list[str]) -> list[HostMatch]:
    """Each host once; none means every host."""
    return [host_match(host) for host in dict.fromkeys(hosts)] if hosts else ANY_HOST
