"""From an `Edge` to a Plan: pure, every default filled in, every error at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from ..config.checking import unplaced
from ..config.edge import Edge
from ..config.errors import ConfigError, Path, Problem, sort_problems
from ..config.match import parameters_of
from ..config.pause import without_collecting
from ..config.units import milliseconds
from .compiling import Compiling, Surroundings
from .groups import groups_by_listener
from .listeners import check_addresses, compile_listener
from .match import pattern_of
from .model import FORMAT, Group, Listener, Plan
from .settings import compile_admin, compile_log
from .text import version_of
from .upstreams import compile_upstreams

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path as FilePath


def compile(edge: Edge, *, terminal: bool = False, admin_socket: str | None = None) -> Plan:
    """The Plan of an edge; `ConfigError` names everything that is wrong with it."""
    plan, problems = inspect(edge, Surroundings(terminal, admin_socket))
    refuse(problems)
    return plan


def refuse(problems: list[Problem], files: Iterable[FilePath] = ()) -> None:
    """Raises what is an error; warnings wait until the errors are gone, because these may be why."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise ConfigError(errors, files=files)


def inspect(
    edge: Edge, surroundings: Surroundings | None = None, missing: frozenset[Path] = frozenset(), *, valid: bool = False
) -> tuple[Plan, list[Problem]]:
    """The Plan and everything that is wrong; with errors the Plan is only good for finding more of them.

    `valid`: the edge came from a file just now. One that was made or changed in Python is checked again,
    because a mapping of routes or upstreams takes any value.
    """
    with without_collecting():
        if not valid:
            edge = checked_again(edge)
        compiling = Compiling(edge, surroundings or Surroundings(), missing)
        plan = compile_all(compiling)
        return plan, sort_problems(compiling.problems)


def checked_again(edge: Edge) -> Edge:
    try:
        return Edge.model_validate(edge).settled(edge.origin)
    except ValidationError as error:
        file = edge.origin.places.file if edge.origin else "Edge"
        raise ConfigError(unplaced(error, file)) from None


def compile_all(compiling: Compiling) -> Plan:
    edge = compiling.edge
    upstreams = compile_upstreams(compiling)
    by_name = {upstream["id"]: upstream for upstream in upstreams}
    at = groups_by_listener(compiling)
    listeners: list[Listener] = []
    groups: list[Group] = []
    for name, noun in edge.listeners.items():
        listener, its_groups = compile_listener(compiling, name, noun, at.get(name, []), by_name)
        listeners.append(listener)
        groups += its_groups
    check_addresses(compiling, listeners)
    check_whole(compiling)
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
    plan["version"] = version_of(as_anywhere(compiling, plan))
    return plan


def as_anywhere(compiling: Compiling, plan: Plan) -> Plan:
    """The Plan that the configuration makes wherever it is compiled: one file has one version, in `check` and `run`."""
    nowhere = Surroundings()
    return {**plan, "admin": compile_admin(compiling, nowhere), "access_log": compile_log(compiling, nowhere)}


def check_whole(compiling: Compiling) -> None:
    """What only the whole shows: nothing listens, ids twice, upstreams that nothing leads to."""
    edge = compiling.edge
    if not edge.listeners and not compiling.lost_listener:
        compiling.error((), "has no listeners: nothing would be served", 'write listeners: {web: {bind: ":8080", …}}')
    ids: dict[str, Path] = {}
    for route, path in compiling.routes:
        first = ids.setdefault(route["id"], path)
        if first is not path and not compiling.has_told(path, first):
            message = f'two routes have the id "{route["id"]}"'
            compiling.error(path, message, "give one of them another name", also=first)
    for name in edge.upstreams:
        if name not in compiling.used and not compiling.missing:
            compiling.warn(("upstreams", name), "is used by nothing", "name it in a route's to:, or remove it")
    check_hashed_parameters(compiling)


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
        target = route["target"]
        name = target["proxy"]["upstream"] if "proxy" in target else ""
        if name in words and words[name] not in parameters_of(pattern_of(route["path"])):
            message = f'leads to "{name}", which hashes path.{words[name]}; this path has no such parameter'
            compiling.warn(path, message, f"put {{{words[name]}}} into the path, or hash another word")
