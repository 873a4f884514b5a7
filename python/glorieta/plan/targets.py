"""The one target of a route: an upstream, a redirect, a fixed response or files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..config.errors import Path, Wrong, did_you_mean
from ..config.match import parameters_of
from ..config.route import Route, RouteDefaults
from ..config.target import TARGETS, WITHOUT_BODY, Files, Redirect, Respond
from ..config.units import milliseconds
from ..config.words import check_parameters
from .compiling import NOT_REMOVED
from .match import regex_within
from .naming import candidates, meant, team_of, visible

if TYPE_CHECKING:
    from ..config.group import Group
    from ..config.listener import Listener
    from .compiling import Compiling
    from .model import FilesTarget, RedirectTarget, RespondTarget, Target, UpstreamTimeouts

PROXY_ONLY = ("rewrite", "timeouts", "retries", "host")
MEANINGLESS = {
    **dict.fromkeys(TARGETS, (*PROXY_ONLY, "mirror")),
    **dict.fromkeys(("to", "split"), ()),
    **dict.fromkeys(("handler", "asgi"), ("rewrite", "retries", "host")),
    "gather": ("rewrite",),
}
"""What a route may not say, by its target."""
PLAIN_TEXT = ("content-type", "text/plain; charset=utf-8")


def the_target(compiling: Compiling, noun: Route | Group | Listener, path: Path) -> str | None:
    """The word of the one target that was written; more than one is an error."""
    said = noun.__dict__
    written = [name for name in TARGETS if said[name] is not None]
    if len(written) > 1:
        compiling.error(path, f"{' and '.join(written)} exclude each other", "keep one target", key=True)
    return written[0] if written else None


def compile_target(
    compiling: Compiling,
    route: Route,
    kind: str,
    path: Path,
    pattern: str,
    used: RouteDefaults,
    timeouts: UpstreamTimeouts,
) -> Target:
    """`pattern` is the route's path, `used` what holds for it after defaults."""
    check_target(compiling, route, kind, path)
    match kind:
        case "to":
            return {
                "proxy": {
                    "upstream": known_upstream(compiling, route.to or "", (*path, "to")),
                    "strip_prefix": strip_prefix(compiling, route, path, pattern),
                    "rewrite": rewrite(compiling, route, path, pattern),
                    "host": used.host if used.host in ("preserve", "upstream") else {"name": used.host},
                    "timeouts": timeouts,
                    "retries": used.retries,
                }
            }
        case "split":
            # Whoever splits nothing does not pay for what that needs.
            from .splitting import compile_split

            assert route.split is not None
            prefix, template = strip_prefix(compiling, route, path, pattern), rewrite(compiling, route, path, pattern)
            place: Path = (*path, "split")
            return {"split": compile_split(compiling, route.split, place, pattern, used, timeouts, prefix, template)}
        case "gather":
            # Whoever gathers nothing does not pay for what that needs.
            from .gathering import compile_gather

            assert route.gather is not None
            without_strip_prefix(compiling, route, (*path, "gather"))
            return {"gather": compile_gather(compiling, route.gather, (*path, "gather"), pattern, used, timeouts)}
        case "redirect":
            assert route.redirect is not None
            return {"redirect": compile_redirect(compiling, route, route.redirect, (*path, "redirect"), pattern)}
        case "respond":
            assert route.respond is not None
            return {"respond": compile_respond(compiling, route, route.respond, (*path, "respond"), pattern)}
    assert route.files is not None
    return {"files": compile_files(compiling, route, route.files, path, pattern)}


def check_target(compiling: Compiling, route: Route, kind: str, path: Path) -> None:
    """Whether all that is said is of use with this kind of target."""
    for name in MEANINGLESS[kind]:
        if route.written(name):
            message = f'"{name}" means nothing without an upstream'
            compiling.error((*path, name), message, f"leave it out, or use to: instead of {kind}:", key=True)


def compile_timeouts(used: RouteDefaults) -> UpstreamTimeouts:
    return {
        "connect_ms": milliseconds(used.timeouts.connect),
        "first_byte_ms": milliseconds(used.timeouts.first_byte),
        "idle_ms": milliseconds(used.timeouts.idle),
        "tunnel_ms": milliseconds(used.timeouts.tunnel),
    }


def known_upstream(compiling: Compiling, name: str, path: Path) -> str:
    """The full name of the upstream that is meant; `path` says by whom."""
    by = str(path[1])
    if (known := compiling.meant.get((by, name))) is not None:
        return known
    upstreams, team = compiling.edge.upstreams, team_of(by)
    found = meant(name, upstreams, team)
    if found is not None:
        compiling.used.add(found)
        compiling.meant[by, name] = found
        return found
    if not (compiling.incomplete or any(compiling.is_missing(("upstreams", each)) for each in candidates(name, team))):
        fix: str | None = f"write it below upstreams: {name}: {{endpoints: [host:port]}}"
        if upstreams:
            fix = did_you_mean(name, visible(upstreams, team))
        if re.search(r":[0-9]+$", name):
            fix = f"name an upstream, and write upstreams: NAME: {{endpoints: [{name}]}}"
        removed = compiling.removed("upstreams", candidates(name, team))
        compiling.error(path, f'there is no upstream "{name}"', NOT_REMOVED if removed else fix, also=removed)
    return name


def strip_prefix(compiling: Compiling, route: Route, path: Path, pattern: str) -> str | None:
    if route.strip_prefix is False:
        return None
    place: Path = (*path, "strip_prefix")
    if route.rewrite is not None:
        compiling.error(
            place, "strip_prefix and rewrite exclude each other", 'keep one; rewrite: "/${path.*}" strips, too'
        )
    if isinstance(route.strip_prefix, str):
        prefix = route.strip_prefix
        if not (pattern == prefix or pattern.startswith(f"{prefix}/") or regex_within(pattern[1:], f"{prefix}/*")):
            compiling.error(place, f'"{prefix}" is not what the path {pattern} begins with', "write true")
        return prefix
    if not pattern.endswith("/*") or "{" in pattern or pattern.startswith("~"):
        fix = (
            f'end the path in /*: "{pattern}/*"' if re.fullmatch(r"[^~{*]*[^/{*]", pattern) else "use rewrite: instead"
        )
        compiling.error(place, f"the path {pattern} has no prefix that could be taken off", fix)
        return None
    if pattern == "/*":
        compiling.error(place, "the path /* has no prefix that could be taken off", "leave strip_prefix out")
        return None
    return pattern[:-2]


def rewrite(compiling: Compiling, route: Route, path: Path, pattern: str) -> str | None:
    if route.rewrite is not None:
        check_words(compiling, route.rewrite, (*path, "rewrite"), pattern)
    return route.rewrite


def compile_redirect(
    compiling: Compiling, route: Route, redirect: Redirect, path: Path, pattern: str
) -> RedirectTarget:
    without_strip_prefix(compiling, route, path)
    if not redirect.location and not compiling.is_touched((*path, "location")):
        compiling.error(path, "has no location", "write location: https://shop.example${path}")
    check_words(compiling, redirect.location, (*path, "location"), pattern)
    return {"status": redirect.status, "location": redirect.location}


def compile_respond(compiling: Compiling, route: Route, respond: Respond, path: Path, pattern: str) -> RespondTarget:
    without_strip_prefix(compiling, route, path)
    headers = [[name, text] for name, text in respond.headers.items()]
    for name, text in headers:
        check_words(compiling, text, (*path, "headers", name), pattern)
    check_words(compiling, respond.body, (*path, "body"), pattern)
    if respond.body and respond.status in WITHOUT_BODY:
        compiling.error((*path, "body"), f"an answer with {respond.status} has no body", "leave the body out")
    if respond.body and not any(name.lower() == PLAIN_TEXT[0] for name, _ in headers):
        headers.append(list(PLAIN_TEXT))
    return {"status": respond.status, "headers": headers, "body": respond.body}


def compile_files(compiling: Compiling, route: Route, files: Files, path: Path, pattern: str) -> FilesTarget:
    if not files.root and not compiling.is_touched((*path, "files", "root")):
        compiling.error((*path, "files"), "has no root", "write root: ./public")
    return {
        "root": compiling.absolute(files.root, (*path, "files", "root")),
        "strip_prefix": strip_prefix(compiling, route, path, pattern),
        "index": files.index,
        "fallback": files.fallback,
        "hidden": files.hidden,
        "precompressed": list(files.precompressed),
    }


def without_strip_prefix(compiling: Compiling, route: Route, path: Path) -> None:
    if route.strip_prefix is not False:
        message = '"strip_prefix" means nothing where nothing is forwarded'
        compiling.error((*path[:-1], "strip_prefix"), message, "leave it out", key=True)


def check_words(compiling: Compiling, text: str, path: Path, pattern: str) -> None:
    try:
        check_parameters(text, frozenset(parameters_of(pattern)))
    except Wrong as wrong:
        compiling.error(path, wrong.message, wrong.fix)
