"""Where requests go, and what answers them."""

from __future__ import annotations

from typing import TypedDict

from .gather import GatherTarget
from .upstream import UpstreamTimeouts


class ProxyTarget(TypedDict):
    upstream: str
    strip_prefix: str | None
    rewrite: str | None
    host: str | dict[str, str]
    """`preserve`, `upstream` or `{"name": NAME}`."""
    timeouts: UpstreamTimeouts
    retries: int


class SplitVariant(TypedDict):
    upstream: str
    weight: int


class SplitTarget(TypedDict):
    variants: list[SplitVariant]
    by: str | dict[str, str]
    """`random`, `{"cookie": NAME}` or `{"word": WORD}`."""
    strip_prefix: str | None
    rewrite: str | None
    host: str | dict[str, str]
    """As in `ProxyTarget`."""
    timeouts: UpstreamTimeouts
    retries: int


class Mirror(TypedDict):
    upstream: str
    share_percent: int
    methods: list[str]
    max_body_bytes: int
    in_flight: int
    timeout_ms: int
    host: str | dict[str, str]
    """As in `ProxyTarget`."""
    timeouts: UpstreamTimeouts


class RedirectTarget(TypedDict):
    status: int
    location: str


class RespondTarget(TypedDict):
    status: int
    headers: list[list[str]]
    """Pairs of name and value."""
    body: str


class FilesTarget(TypedDict):
    root: str
    strip_prefix: str | None
    index: str | None
    fallback: str | None
    hidden: bool
    precompressed: list[str]


class HandlerTarget(TypedDict):
    handler: str
    route: int
    """By its place in the list of a handler process."""
    name: str
    """The function, by module and name; for people."""
    first_byte_ms: int
    redirect_slashes: bool
    """Whether a request that no route takes, and this one would with or without a slash at its path's end, is sent
    there."""


class HandlerCall(TypedDict):
    upstream: str
    host: str | dict[str, str]
    """As in `ProxyTarget`."""
    timeouts: UpstreamTimeouts
    retries: int


class Handler(TypedDict):
    id: str
    generation: str
    """Names the code: only processes that were started with it answer."""
    calls: list[HandlerCall]
    queue: int
    queue_timeout_ms: int
    background_ms: int
    tunnel_ms: int


class Target(TypedDict, total=False):
    """Exactly one of these."""

    proxy: ProxyTarget
    split: SplitTarget
    handler: HandlerTarget
    gather: GatherTarget
    redirect: RedirectTarget
    respond: RespondTarget
    files: FilesTarget
