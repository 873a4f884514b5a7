"""An edge for a person in a hurry: `glorieta reverse :8080 /service1=localhost:3001` and `glorieta balance`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from .address import check_bind, check_endpoint
from .base import is_free
from .edge import Edge
from .errors import ConfigError, Problem, Wrong
from .listener import Listener
from .match import Match, check_host, check_path
from .route import Route
from .upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
URLS = ("http://", "https://")


def reverse(bind: str, routes: Sequence[str]) -> Edge:
    """A reverse proxy: `[HOST]/path=endpoint[,endpoint…]` each, or one endpoint alone for everything.

    A path means itself and all below it, and is taken off before forwarding. The same path twice, or several
    endpoints, are balanced.
    """
    problems: list[Problem] = []
    bind = noted(problems, bind, check_bind, bind) or bind
    found: dict[tuple[str, str], list[str]] = {}
    for text in routes:
        place, equals, endpoints = text.rpartition("=")
        host, path = split_place(problems, text, place if equals else "/")
        for endpoint in endpoints.split(","):
            checked = noted(problems, text, check_endpoint, full_endpoint(endpoint))
            if checked:
                found.setdefault((host, path), []).append(checked)
    if not found and not problems:
        problems.append(Problem((), "no route was given", "write /service1=localhost:3001"))
    refuse(problems)
    return made_reverse(bind, found)


def made_reverse(bind: str, found: dict[tuple[str, str], list[str]]) -> Edge:
    made: dict[str, Route] = {}
    upstreams: dict[str, Upstream] = {}
    for (host, path), endpoints in found.items():
        name = upstream_name(host, path, upstreams)
        upstreams[name] = Upstream.model_validate({"endpoints": endpoints})
        key = f"{path}/*"
        route = {"to": name, **({"strip_prefix": True} if path else {})}
        if host:
            key, route["match"] = name, Match.model_validate({"host": host, "path": key})
        made[key] = Route.model_validate(route)
    listener = Listener.model_validate({"bind": bind, "routes": made})
    return Edge(version=1, listeners={"web": listener}, upstreams=upstreams)


def balance(bind: str, endpoints: Sequence[str]) -> Edge:
    """A load balancer: `host:port` each is layer 4, `http://host:port` or `https://host` each is layer 7."""
    problems: list[Problem] = []
    bind = noted(problems, bind, check_bind, bind) or bind
    layer7 = [endpoint.startswith(URLS) for endpoint in endpoints]
    if any(layer7) and not all(layer7):
        message = "some endpoints begin with http:// or https:// (layer 7) and some do not (layer 4)"
        problems.append(Problem((), message, "write all of them alike"))
    if not endpoints:
        problems.append(Problem((), "no endpoint was given", "write smtp1:25 smtp2:25"))
    checked = [
        noted(
            problems, endpoint, check_endpoint, full_endpoint(endpoint, "80" if endpoint.startswith("http://") else "")
        )
        for endpoint in endpoints
    ]
    refuse(problems)
    listener = {"bind": bind, **({} if all(layer7) else {"protocol": "tcp"}), "to": "endpoints"}
    try:
        return Edge(
            version=1,
            listeners={"balance": Listener.model_validate(listener)},
            upstreams={"endpoints": Upstream.model_validate({"endpoints": checked})},
        )
    except ValidationError as error:
        raise ConfigError([Problem((), str(error))]) from None


def split_place(problems: list[Problem], text: str, place: str) -> tuple[str, str]:
    """Host and path of `[HOST]/path`; the path without what stands for everything below it."""
    host, slash, rest = place.partition("/")
    host = noted(problems, text, check_host, host) or "" if host else ""
    path = noted(problems, text, check_path, (slash + rest).removesuffix("*").rstrip("/") or "/") or "/"
    if "{" in path or "*" in path:
        problems.append(Problem((text,), "a path with parameters needs a file", "write its route in YAML"))
    return host, "" if path == "/" else path


def full_endpoint(text: str, port: str = "") -> str:
    """`localhost:3001` for `3001`, `:3001` and `http://localhost:3001/`."""
    text = text.strip().removeprefix("http://").removesuffix("/")
    if re.fullmatch(r":?[0-9]{1,5}", text):
        return f"localhost:{text.lstrip(':')}"
    return f"{text}:{port}" if port and ":" not in text else text


def upstream_name(host: str, path: str, taken: dict[str, Upstream]) -> str:
    """A name from the path, such as `service1`, that nothing else has."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{host.replace('*.', '')}{path}").strip("-") or "site"
    words = f"_{words}" if is_free(words) else words
    name, number = words[:60], 2
    while name in taken:
        name, number = f"{words[:56]}-{number}", number + 1
    return name


def noted(problems: list[Problem], argument: str, check: Callable[[str], T], value: str) -> T | None:
    """The checked value; what is wrong is noted under the argument it came from."""
    try:
        return check(value)
    except Wrong as wrong:
        problems.append(Problem((argument,), wrong.message, wrong.fix))
        return None


def refuse(problems: list[Problem]) -> None:
    if problems:
        raise ConfigError(problems)
