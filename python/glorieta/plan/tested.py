"""Whether tests name what there is: a misspelt route would otherwise be a test that fails for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.errors import did_you_mean
from ..config.tests import is_request
from .compiling import NOT_REMOVED
from .naming import candidates, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..config.errors import Path
    from ..config.tests import Case
    from .compiling import Compiling
    from .model import Plan


def check_tests(compiling: Compiling, plan: Plan) -> None:
    """Form and names of all tests; whether they pass is said by running them."""
    if not compiling.edge.tests:
        return
    listeners = [listener["id"] for listener in plan["listeners"]]
    upstreams = [upstream["id"] for upstream in plan["upstreams"]]
    routes = routes_of(plan)
    for key, case in compiling.edge.tests.items():
        path: Path = ("tests", key)
        if compiling.is_missing(path):
            continue
        check_request_once(compiling, path, key, case)
        # What was taken out because it is wrong may be what is meant here.
        if compiling.missing:
            continue
        team = compiling.places.source(path).team
        check_name(compiling, (*path, "listener"), case.listener, listeners, None)
        check_name(compiling, (*path, "route"), case.route, routes, team)
        upstream = case.forwards.partition(" ")[0] if case.forwards else None
        check_name(compiling, (*path, "forwards"), upstream, upstreams, team, "upstream")


def routes_of(plan: Plan) -> dict[str, None]:
    """Everything by which a test may name a route, each once."""
    routes = [route for listener in plan["listeners"] for route in listener["routes"]]
    names = [name for route in routes for name in (route["id"], route["name"])]
    return dict.fromkeys([*names, *(group["id"] for group in plan["groups"])])


def check_request_once(compiling: Compiling, path: Path, key: str, case: Case) -> None:
    if is_request(key):
        if case.request is not None:
            compiling.error((*path, "request"), "the key is a request already", "remove one of them, or name the test")
    elif case.request is None and not compiling.is_touched((*path, "request")):
        compiling.error(path, "has no request", "write request: METHOD URL, or METHOD URL as its name")


def check_name(
    compiling: Compiling, path: Path, name: str | None, known: Iterable[str], team: str | None, kind: str = ""
) -> None:
    if name is None:
        return
    known = set(known)
    if known.isdisjoint(candidates(name, team)):
        removed = compiling.removed(f"{kind or path[-1]}s", candidates(name, team))
        fix = NOT_REMOVED if removed else did_you_mean(name, visible(known, team))
        compiling.error(path, f'there is no {kind or path[-1]} "{name}"', fix, also=removed)
