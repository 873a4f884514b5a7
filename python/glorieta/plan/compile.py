"""From an `Edge` to a Plan: pure, every default filled in, every error at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..config.errors import ConfigError, Path, Problem, Wrong, sort_problems
from ..config.match import parameters_of
from ..config.pause import without_collecting
from ..config.units import milliseconds
from ..config.written import checked_again
from .acme import check_acme, compile_acme, orders_of
from .compiling import NOT_REMOVED, Compiling, Surroundings
from .confusions import Found, look_for_all, settle
from .groups import groups_by_listener
from .handling import compile_handlers, launch_of
from .https_only import add_redirects
from .listeners import check_addresses, compile_listener
from .match import pattern_of
from .model import FORMAT, Group, Listener, Orders, Plan, upstreams_of
from .proxy_protocol import check_shared
from .settings import compile_admin, compile_log
from .tested import check_tests
from .text import canonical, version_and_text
from .upstreams import compile_upstreams, speaks_h2

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path as FilePath

    from ..config.edge import Edge
    from .model import Route, Upstream


def compile(edge: Edge, *, terminal: bool = False, admin_socket: str | None = None, secrets: bool = True) -> Plan:
    """The Plan of an edge; `ConfigError` names everything that is wrong with it. `secrets`: whether certificates and
    keys must be at hand."""
    plan, problems = inspect(edge, Surroundings(terminal, admin_socket, secrets))
    refuse(problems)
    return plan


def refuse(problems: list[Problem], files: Iterable[FilePath] = (), globs: Iterable[str] = ()) -> None:
    """Raises what is an error; warnings wait until the errors are gone, because these may be why."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise ConfigError(errors, files=files, globs=globs)


def inspect(
    edge: Edge,
    surroundings: Surroundings | None = None,
    missing: frozenset[Path] = frozenset(),
    *,
    incomplete: bool = False,
    valid: bool = False,
) -> tuple[Plan, list[Problem]]:
    """The Plan and everything that is wrong; with errors the Plan is only good for finding more of them.

    `missing` and `incomplete`: what was taken out because it is wrong, and whether whole files are.
    `valid`: the edge came from a file just now. One that was made or changed in Python is checked again,
    because a mapping of routes or upstreams takes any value.
    """
    found = inspect_written(edge, surroundings, missing, incomplete=incomplete, valid=valid)
    return found.plan, found.problems


class Inspected(NamedTuple):
    """A Plan, everything that is wrong with what it was made from, and what is confused in it."""

    plan: Plan
    problems: list[Problem]
    text: str
    """The Plan as the engine reads it; its version has needed it anyway."""
    confusions: list[Found]
    files: set[FilePath]
    """What was read while compiling."""
    launch: dict[str, Any] | None
    """What handler processes are started with; none: there are no handlers."""
    orders: Orders | None
    """What whoever orders certificates is told; none: nothing is ordered."""


def inspect_written(
    edge: Edge,
    surroundings: Surroundings | None = None,
    missing: frozenset[Path] = frozenset(),
    *,
    incomplete: bool = False,
    valid: bool = False,
) -> Inspected:
    """As `inspect`, and more of it."""
    with without_collecting():
        if not valid:
            edge = checked_again(edge)
        compiling = Compiling(edge, surroundings or Surroundings(), missing, incomplete=incomplete)
        plan = compile_all(compiling)
        text = written(compiling, plan)
        confusions = settle(compiling, look_for_all(compiling, plan))
        problems = sort_problems(compiling.problems, compiling.places.order())
        return Inspected(plan, problems, text, confusions, compiling.files, launch_of(compiling, plan), orders_of(plan))


def written(compiling: Compiling, plan: Plan) -> str:
    """The Plan's text; it gets its version."""
    try:
        plan["version"], text = version_and_text(plan, as_anywhere(compiling, plan))
    except Wrong as wrong:
        compiling.error(path_of_half(compiling.routes), wrong.message, wrong.fix)
        return ""
    return text


def path_of_half(routes: Iterable[tuple[Route, Path]]) -> Path:
    """The route that cannot be written; what holds for the whole has no path."""
    for route, path in routes:
        try:
            canonical(route)
        except Wrong:
            return path
    return ()


def compile_all(compiling: Compiling) -> Plan:
    """The Plan, but for its version."""
    edge = compiling.edge
    upstreams = compile_upstreams(compiling)
    by_name = {upstream["id"]: upstream for upstream in upstreams}
    at = groups_by_listener(compiling)
    add_redirects(compiling)
    listeners: list[Listener] = []
    groups: list[Group] = []
    for name, noun in compiling.edge.listeners.items():
        listener, its_groups = compile_listener(compiling, name, noun, at.get(name, []), by_name)
        listeners.append(listener)
        groups += its_groups
    check_addresses(compiling, listeners)
    check_whole(compiling)
    check_bridges(compiling, by_name)
    plan: Plan = {
        "format": FORMAT,
        "version": "",
        "workers": edge.workers,
        "listeners": listeners,
        "groups": groups,
        "upstreams": upstreams,
        "admin": compile_admin(compiling, compiling.surroundings),
        "access_log": compile_log(compiling, compiling.surroundings),
        "drain_ms": milliseconds(edge.drain),
        "server_name": edge.server_name,
    }
    if handlers := compile_handlers(compiling):
        plan["handlers"] = handlers
    check_shared(compiling, plan)
    if acme := compile_acme(compiling):
        plan["acme"] = acme
        check_acme(compiling, plan)
    check_tests(compiling, plan)
    return plan


def as_anywhere(compiling: Compiling, plan: Plan) -> Plan:
    """The Plan that the configuration makes wherever it is compiled: one file has one version, in `check` and `run`."""
    nowhere = Surroundings()
    return {**plan, "admin": compile_admin(compiling, nowhere), "access_log": compile_log(compiling, nowhere)}


def check_whole(compiling: Compiling) -> None:
    """What only the whole shows: nothing listens, ids twice, upstreams that nothing leads to."""
    edge = compiling.edge
    check_whole_edge(compiling)
    if not edge.listeners and not compiling.lost_listener:
        removed = compiling.removed_listener()
        fix = NOT_REMOVED if removed else 'write listeners: {web: {bind: ":8080", …}}'
        compiling.error((), "has no listeners: nothing would be served", fix, also=removed)
    ids: dict[str, Path] = {}
    for route, path in compiling.routes:
        first = ids.setdefault(route["id"], path)
        if first is not path and not compiling.has_told(path, first):
            message = f'two routes have the id "{route["id"]}"'
            compiling.error(path, message, "give one of them another name", also=first)
    for name in edge.upstreams:
        if name not in compiling.used and not (compiling.missing or compiling.incomplete):
            compiling.warn(("upstreams", name), "is used by nothing", "name it in a route's to:, or remove it")
    check_hashed_parameters(compiling)


def check_bridges(compiling: Compiling, upstreams: dict[str, Upstream]) -> None:
    """Calls of gRPC go by HTTP/2."""
    for route, path in compiling.routes:
        if not any("grpc_web" in each for each in route["filters"]):
            continue
        for name in upstreams_of(route):
            upstream = upstreams.get(name)
            if upstream is None or speaks_h2(upstream["version"], upstream["tls"]):
                continue
            message = f'makes calls of gRPC for "{name}", which is spoken to by HTTP/1.1'
            place = ("upstreams", name)
            compiling.warn(path, message, "write version: h2 there, or grpc_web: off here", also=place)


def check_whole_edge(compiling: Compiling) -> None:
    """An edge that was made in Python may still be a part of another, or have parts that nobody has read."""
    if compiling.edge.team is not None:
        compiling.error(("team",), "a team's edge is a part of the one that includes it", "compile that one")
    if compiling.edge.include:
        compiling.error(("include",), "is read when an edge is loaded", "name it as module:attribute to glorieta")


def check_hashed_parameters(compiling: Compiling) -> None:
    """`hash: path.NAME` needs the parameter in every path that leads to the upstream."""
    words = {
        name: upstream.balance.hash[5:]
        for name, upstream in compiling.edge.upstreams.items()
        if upstream.balance.hash and upstream.balance.hash.startswith("path.")
    }
    if not words:
        return
    for route, path in compiling.routes:
        for name in upstreams_of(route):
            if name not in words or words[name] in parameters_of(pattern_of(route["path"])):
                continue
            message = f'leads to "{name}", which hashes path.{words[name]}; this path has no such parameter'
            compiling.warn(path, message, f"put {{{words[name]}}} into the path, or hash another word")
