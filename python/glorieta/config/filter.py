"""Filters: what happens to every request of a listener, group or route besides reaching its target.

A mapping by kind, inherited listener → group → route and merged by key; `off` removes what was inherited.
The order in which filters run is fixed: compress, addresses, max_body, decompress, grpc_web, headers.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from .address import Network
from .base import TEXT, Noun, Shorthand, Switch, Switchable, as_list
from .compression import CompressValue, DecompressValue
from .errors import Wrong
from .text import HeaderTemplate, RequestHeader, ResponseHeader
from .units import Size


def some_networks(value: Any) -> Any:
    """One or more: an empty list would read like "nobody" and mean "everybody"."""
    networks = as_list(value)
    if not networks:
        raise Wrong("is empty", "write off for no restriction, or name the networks")
    return networks


OneOrMore = Shorthand(as_list, (TEXT,))
Networks = Annotated[list[Network], Shorthand(some_networks, (TEXT,))]
Values = Annotated[list[HeaderTemplate], OneOrMore]


class RequestHeaders(Noun):
    """Changes to the headers that go to the upstream, in this order: remove, set, add. What is removed or set goes from
    trailers, too, and from names with an underscore for a dash, which many services take for the same."""

    set: dict[RequestHeader, HeaderTemplate] = Field(default_factory=dict)
    """Headers by name, each with the one value it has from here on; a template, such as `${client.ip}`."""
    add: dict[RequestHeader, Values] = Field(default_factory=dict)
    """Headers by name, each with one or more values that are added to what there is; templates."""
    remove: Annotated[list[RequestHeader], OneOrMore] = Field(default_factory=list)
    """Names of headers that are removed."""


class ResponseHeaders(Noun):
    """Changes to the headers that go to the client, in this order: remove, set, add."""

    set: dict[ResponseHeader, HeaderTemplate] = Field(default_factory=dict)
    """Headers by name, each with the one value it has from here on; a template, such as `${request_id}`."""
    add: dict[ResponseHeader, Values] = Field(default_factory=dict)
    """Headers by name, each with one or more values that are added to what there is; templates."""
    remove: Annotated[list[ResponseHeader], OneOrMore] = Field(default_factory=list)
    """Names of headers that are removed."""


class Headers(Noun):
    """Changes to headers. Inherited changes are merged header by header; the innermost wins."""

    request: Annotated[RequestHeaders | None, Switchable] = None
    """On the way to the upstream. `off`: none, also none of the inherited."""
    response: Annotated[ResponseHeaders | None, Switchable] = None
    """On the way to the client. `off`: none, also none of the inherited."""


class Filters(Noun):
    """What happens to requests before and after their target; each can be switched `off`."""

    allow: Annotated[Networks | None, Switchable] = None
    """Addresses and networks (CIDR) of clients that may come in. Left out: all. Others are answered with 403."""
    deny: Annotated[Networks | None, Switchable] = None
    """Addresses and networks (CIDR) of clients that may not; wins over `allow`."""
    max_body: Annotated[Size | None, Switchable] = None
    """The largest request body, a size such as `10MiB`; larger ones are answered with 413. Left out: any size,
    because bodies stream and are not kept."""
    compress: Annotated[CompressValue | None, Switchable] = None
    """Answers compressed for clients that take them so; `on` for the usual. What an inner layer says of it is laid over
    what an outer one says. Left out: as they are."""
    decompress: Annotated[DecompressValue | None, Switchable] = None
    """Compressed bodies of requests made plain, for services and handlers that read none; `on` for the usual. Left
    out: they pass as they are."""
    grpc_web: Switch = False
    """`on`: calls of browsers by gRPC-Web (`application/grpc-web` and `-text`) become calls of gRPC, and their answers
    answers of gRPC-Web. What is none of it passes as it is. The upstream needs `version: h2`."""
    headers: Annotated[Headers | None, Switchable] = None
    """Changes to headers, in either direction."""
