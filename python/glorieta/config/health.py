"""How failing endpoints are found: active checks, passive ones, and when both are ignored."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from .base import OFF, ON, TEXT, Noun, OffIsZero, Shorthand, Switch, checked_text, off_is_none, whole
from .errors import Wrong
from .route import check_host_header
from .units import Percent, Timeout
from .values import Kept
from .words import referring

SERVICE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII)
STATUS_RANGE = re.compile(r"([1-5][0-9]{2})(?:\s*-\s*([1-5][0-9]{2}))?")


def check_status_range(text: str) -> str:
    status_range(text)
    return text


def status_range(text: str) -> tuple[int, int]:
    """`204` or `200-399`."""
    found = STATUS_RANGE.fullmatch(text.strip())
    if not found:
        raise Wrong(f'"{text}" is neither a status nor a range', "write 204 or 200-399")
    least = int(found[1])
    most = int(found[2] or least)
    if most < least:
        raise Wrong(f'"{text}" is empty', f"write {most}-{least}")
    return least, most


def check_probe_path(text: str) -> str:
    if not text.startswith("/") or re.search(r"[\x00-\x20\x7f#]", text) or not text.isascii():
        raise Wrong(f'"{text}" is no path to ask for', "write a path, such as /healthz")
    return text


def check_probe_host(text: str) -> str:
    if text in ("preserve", "upstream"):
        raise Wrong(f'"{text}" is no host', "write a name, or leave host out for the endpoint's own")
    return check_host_header(text)


def check_service(text: str) -> str:
    if text and not SERVICE.fullmatch(text):
        raise Wrong(f'"{text}" is no service of gRPC', "write its full name, such as shop.Orders, or on")
    return text


def expand_service(value: Any) -> Any:
    """`on`: the server as a whole, which gRPC's health service knows by an empty name."""
    return "" if value is True or value == "on" else off_is_none(value)


def expand_health(value: Any) -> Any:
    """A path alone, `tcp` or `grpc`."""
    if value in ("tcp", "grpc"):
        return {value: True}
    if isinstance(value, str) and value.startswith("/"):
        return {"path": value}
    if value is True or value == "on":
        raise Wrong("does not say how to check", "write {path: /healthz}, grpc, or tcp for connecting only")
    if isinstance(value, str):
        raise Wrong(f'"{value}" is neither a path, grpc nor tcp', f"write /{value}, or tcp for connecting only")
    return value


def status_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class Health(Noun):
    """An active check: each endpoint is asked regularly. One never checked yet is usable."""

    alternatives: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"path", "tcp", "grpc"}),)

    path: Annotated[str, checked_text(referring(check_probe_path)), Kept] | None = None
    """A GET of this path is sent. One of `path`, `grpc` and `tcp`."""
    tcp: Switch = False
    """Connecting is enough. One of `path`, `grpc` and `tcp`."""
    grpc: Annotated[str | None, checked_text(check_service), Shorthand(expand_service, (ON, OFF), off=True)] = None
    """gRPC's health service (`grpc.health.v1`) is asked: `on` of the server as a whole, or of this service, such as
    `shop.Orders`. `SERVING` is healthy. The upstream needs `version: h2`. One of `path`, `grpc` and `tcp`."""
    host: Annotated[str, checked_text(referring(check_probe_host)), Kept] | None = None
    """The `Host` of the GET. Left out: the endpoint's own."""
    status: Annotated[str, checked_text(check_status_range), Shorthand(status_as_text, ({"type": "integer"},))] = (
        "200-299"
    )
    """The status, or the range of statuses, that means healthy."""
    every: Timeout = timedelta(seconds=2)
    """How often, a duration."""
    timeout: Timeout = timedelta(seconds=1)
    """How long the answer may take, a duration."""
    fall: Annotated[int, whole(1, 1000)] = 2
    """Failures in a row until an endpoint is down."""
    rise: Annotated[int, whole(1, 1000)] = 1
    """Successes in a row until it is up again."""


class Outlier(Noun):
    """Passive checks: an endpoint that fails real requests is left out for a while, longer each time; never the
    last one."""

    consecutive: Annotated[int, whole(0, 100_000), OffIsZero] = 5
    """Failures in a row that eject; `off`: not counted."""
    success: Percent = 80
    """Eject below this share of successes over `window`; `off`: not counted."""
    window: Timeout = timedelta(seconds=10)
    """The time over which the share is taken, a duration."""
    minimum_requests: Annotated[int, whole(1, 1_000_000)] = 20
    """Requests in the window below which the share says nothing."""
    ejection: Timeout = timedelta(seconds=30)
    """How long an endpoint is left out, times how often it happened; a duration."""
    max_ejection: Timeout = timedelta(seconds=300)
    """How long it is left out at most, a duration."""
    max_ejected: Percent = 50
    """The largest share of endpoints that is left out at a time, rounded down."""


HealthValue = Annotated[Health, Shorthand(expand_health, (TEXT,))]
