"""Splits and mirrors of routes: upstreams that share out requests, and those that get copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.errors import Path, Wrong
from ..config.match import parameters_of
from ..config.split import BY_CHANCE, BY_COOKIE, COOKIE, Split
from ..config.units import milliseconds
from ..config.words import check_word
from .targets import known_upstream

if TYPE_CHECKING:
    from ..config.mirror import Mirror as MirrorNoun
    from ..config.route import Route, RouteDefaults
    from .compiling import Compiling
    from .model import Mirror, SplitTarget, UpstreamTimeouts
    from .routes import Scope

FORWARDING = ("to", "split", "handler", "asgi", "gather")
"""Targets whose requests may be copied: others are answered at once, and nobody is asked."""


def compile_split(
    compiling: Compiling,
    split: Split,
    path: Path,
    pattern: str,
    used: RouteDefaults,
    timeouts: UpstreamTimeouts,
    strip_prefix: str | None,
    rewrite: str | None,
) -> SplitTarget:
    """`path` is the place of `split`, `pattern` the path of its route, `used` what holds for that."""
    check_split(compiling, split, path, pattern)
    variants = {known_upstream(compiling, name, (*path, "to", name)): weight for name, weight in split.to.items()}
    if len(variants) < len(split.to):
        compiling.error((*path, "to"), "names one upstream twice", "name each once, with both weights together")
    by = split.by
    return {
        "variants": [{"upstream": name, "weight": weight} for name, weight in variants.items()],
        "by": by if by == BY_CHANCE else {"cookie": split.cookie} if by == BY_COOKIE else {"word": by},
        "strip_prefix": strip_prefix,
        "rewrite": rewrite,
        "host": used.host if used.host in ("preserve", "upstream") else {"name": used.host},
        "timeouts": timeouts,
        "retries": used.retries,
    }


def check_split(compiling: Compiling, split: Split, path: Path, pattern: str) -> None:
    touched = compiling.is_touched((*path, "to")) or any(compiling.is_touched((*path, "to", name)) for name in split.to)
    if not split.to and not touched:
        compiling.error(path, "does not say among which upstreams", "write {stable: 95, canary: 5}")
    elif split.to and not any(split.to.values()) and not touched:
        compiling.error((*path, "to"), "every weight is 0, so nothing would be answered", "give one of them a weight")
    if split.by != BY_COOKIE and split.cookie != COOKIE:
        compiling.error((*path, "cookie"), f'"cookie" means nothing where {split.by} decides', "leave one of them out")
    if split.by.startswith("path."):
        try:
            check_word(split.by, parameters=frozenset(parameters_of(pattern)))
        except Wrong as wrong:
            compiling.error((*path, "by"), wrong.message, wrong.fix)


def compile_mirror(
    compiling: Compiling,
    scope: Scope,
    route: Route,
    kind: str,
    path: Path,
    used: RouteDefaults,
    timeouts: UpstreamTimeouts,
) -> Mirror | None:
    """None: nobody gets copies, or nothing is sent of which there could be any."""
    mirror = used.mirror
    if mirror is None or kind not in FORWARDING:
        return None
    upstream = ""
    if mirror.to is not None:
        upstream = known_upstream(compiling, mirror.to, mirror_place(scope, route, path, "to"))
    elif not compiling.is_touched((*path, "mirror", "to")):
        place = mirror_place(scope, route, path)
        compiling.error(place, "does not say who gets the copies", "write mirror: UPSTREAM, or to: UPSTREAM")
    check_methods(compiling, mirror, mirror_place(scope, route, path, "methods"))
    return {
        "upstream": upstream,
        "share_percent": mirror.share,
        "methods": list(dict.fromkeys(mirror.methods)),
        "max_body_bytes": int(mirror.max_body),
        "in_flight": mirror.in_flight,
        "timeout_ms": milliseconds(mirror.timeout),
        "host": used.host if used.host in ("preserve", "upstream") else {"name": used.host},
        "timeouts": timeouts,
    }


def check_methods(compiling: Compiling, mirror: MirrorNoun, place: Path) -> None:
    if not mirror.methods and not compiling.is_touched(place):
        compiling.error(place, "names no method, so nothing is copied", "write mirror: off, or name one")


def mirror_place(scope: Scope, route: Route, path: Path, *field: str) -> Path:
    """Where the mirror, or a field of it, was said: by the route, the group's defaults or everybody's."""
    layers = [((*path, "mirror"), route)]
    if (defaults := getattr(scope.noun, "defaults", None)) is not None:
        layers.append(((*scope.path, "defaults", "route", "mirror"), defaults.route))
    for place, noun in layers:
        mirror = noun.mirror
        if noun.written("mirror") and mirror is not None and all(mirror.written(each) for each in field):
            return (*place, *field)
    return ("defaults", "route", "mirror", *field)
