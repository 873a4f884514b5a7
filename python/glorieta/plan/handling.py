"""Handlers: the routes of a router become routes of the Plan, and what its handlers call is resolved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING, Any

from ..config.errors import ConfigError
from ..config.handler import Asgi
from ..config.match import without_names
from ..config.route import RouteDefaults
from ..config.units import milliseconds
from .applications import Application
from .match import path_within
from .naming import team_of
from .targets import compile_timeouts, known_upstream, strip_prefix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config.errors import Path
    from ..config.route import Route
    from ..handlers.locating import Named
    from ..handlers.routing.route import Listed
    from .compiling import Compiling
    from .model import Handler, HandlerCall, Plan, Target, ValueMatch

UPGRADE: ValueMatch = {"name": "upgrade", "value": {"regex": "(?i)websocket"}}
"""How a request for a WebSocket differs from another GET (RFC 6455 §4.1)."""


@dataclass(frozen=True)
class HandlerRoute:
    """One route of an application where the configuration puts it."""

    method: str | None
    pattern: str
    target: Target
    only_upgrades: bool
    """Whether a GET of the same path is another route's."""

    @property
    def key(self) -> str:
        name = f"{self.method} {self.pattern}" if self.method else self.pattern
        return f"{name} websocket" if self.only_upgrades else name


def handler_routes(
    compiling: Compiling, route: Route, kind: str, path: Path, pattern: str, used: RouteDefaults
) -> Iterator[HandlerRoute]:
    """The routes of the application that a route, a group or a listener names; `pattern` is what these match."""
    prefix = strip_prefix(compiling, route, path, pattern) or ""
    application = find(compiling, named(compiling, route, kind, path, prefix), (*path, kind))
    if application is None:
        return
    listing = application.located.application.listing()
    if not listing:
        compiling.error((*path, kind), "its router has no routes", "write @router.get(PATH) above a function")
    gets = {without_names(each.path) for each in listing if each.method == "GET" and not each.is_websocket}
    for number, listed in enumerate(listing):
        inner = pattern if kind == "asgi" else f"{prefix}{listed.path}"
        if not path_within(inner, pattern):
            answers = f"{application.handler(application.first + number)} answers {inner}"
            say_outside(compiling, (*path, kind), answers, pattern)
            continue
        target = target_of(application, listed, number, used)
        method = None if listed.method == "*" else listed.method
        yield HandlerRoute(method, inner, target, listed.is_websocket and without_names(listed.path) in gets)


def named(compiling: Compiling, route: Route, kind: str, path: Path, prefix: str) -> Named:
    # Whoever has no handlers does not pay for what they need.
    from ..handlers.locating import Named

    folder = str(compiling.places.source((*path, kind)).folder)
    if kind == "handler":
        return Named(route.handler or "", folder)
    asgi: Asgi = route.asgi or Asgi()
    if not asgi.application and not compiling.is_touched((*path, kind, "application")):
        compiling.error((*path, kind), "names no application", "write asgi: module:name")
    headers = tuple(name.lower() for name in asgi.forward_headers)
    return Named(asgi.application or "", folder, True, tuple(asgi.calls), headers, prefix)


def find(compiling: Compiling, wanted: Named, path: Path) -> Application | None:
    """The application; none: it cannot be used, which is told once."""
    applications, team = compiling.applications, team_of(str(path[1]))
    if not wanted.reference or compiling.is_missing(path):
        return None
    if (wanted, team) not in applications.by_key:
        applications.by_key[wanted, team] = found = located(compiling, wanted, path, team)
        applications.routes += len(found.located.application.listing()) if found else 0
    return applications.by_key[wanted, team]


def located(compiling: Compiling, wanted: Named, path: Path, team: str | None) -> Application | None:
    from ..handlers.locating import locate

    try:
        found = locate(wanted)
    except ConfigError as error:
        veil = compiling.places.veiled
        compiling.problems += [replace(each, path=path, message=veil(each.message, path)) for each in error.problems]
        compiling.files |= set(error.files)
        for name in error.partial or ():
            known_upstream(compiling, name, path)
        return None
    compiling.files |= set(found.files)
    calls = tuple(compiled_call(compiling, name, path) for name in found.application.calls)
    id = id_of(wanted, team, {each.id for each in compiling.applications.found})
    return Application(id, wanted, found, compiling.applications.routes, calls)


def id_of(wanted: Named, team: str | None, taken: set[str]) -> str:
    """`shop.mobile:router`, in a team's file `orders/shop.mobile:router`; numbered where it means something else at
    another place."""
    name = f"{wanted.reference} at {wanted.root_path}" if wanted.root_path else wanted.reference
    name = f"{team}/{name}" if team else name
    numbered = (f"{name} ({number})" for number in count(2))
    return name if name not in taken else next(each for each in numbered if each not in taken)


def compiled_call(compiling: Compiling, name: str, path: Path) -> HandlerCall:
    """An upstream that may be called: what holds for a route that says nothing holds for a call."""
    used = compiling.edge.defaults.route
    host = used.host if used.written("host") else "upstream"
    return {
        "upstream": known_upstream(compiling, name, path),
        # What a client has asked for means nothing to a service that a handler calls.
        "host": host if host in ("preserve", "upstream") else {"name": host},
        "timeouts": compile_timeouts(used),
        "retries": used.retries,
    }


def target_of(application: Application, listed: Listed, number: int, used: RouteDefaults) -> Target:
    return {
        "handler": {
            "handler": application.id,
            "route": application.first + number,
            "name": application.located.function(listed.name),
            "first_byte_ms": milliseconds(used.timeouts.first_byte),
            "redirect_slashes": listed.redirect_slashes,
        }
    }


def say_outside(compiling: Compiling, path: Path, answers: str, pattern: str) -> None:
    fix = "a router's paths are whole paths; with strip_prefix: true on a route they begin behind its prefix"
    compiling.error(path, f"{answers}, which lies outside of {pattern}", fix)


def compile_handlers(compiling: Compiling) -> list[Handler]:
    """The Plan's handlers."""
    applications = compiling.applications.found
    if not applications:
        return []
    from ..handlers.locating import generation_of

    nouns, route = compiling.edge.handlers, compiling.edge.defaults.route
    settings = (nouns.processes, nouns.threads, [each.id for each in applications])
    contents = compiling.applications.contents
    generation = generation_of([each.located for each in applications], contents, settings)
    return [
        {
            "id": each.id,
            "generation": generation,
            "calls": list(each.calls),
            "queue": nouns.requests,
            "queue_timeout_ms": milliseconds(nouns.wait),
            "background_ms": milliseconds(nouns.background),
            "tunnel_ms": milliseconds(route.timeouts.tunnel),
        }
        for each in applications
    ]


def launch_of(compiling: Compiling, plan: Plan) -> dict[str, Any] | None:
    """What handler processes are started with; none: there are no handlers."""
    if not plan.get("handlers"):
        return None
    nouns = compiling.edge.handlers
    return {
        "generation": plan["handlers"][0]["generation"],
        "processes": nouns.processes,
        "threads": nouns.threads,
        "leave_ms": milliseconds(nouns.leave),
        "applications": [
            {"id": each.id, "fingerprint": each.located.fingerprint(), "named": each.named.as_json()}
            for each in compiling.applications.found
        ],
        "files": compiling.applications.contents,
    }
