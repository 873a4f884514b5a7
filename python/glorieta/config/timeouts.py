"""How long each step may take, and how much a client may send."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from .base import Noun, OffIsZero, whole
from .units import Bytes, Frequency, HeadSize, Rate, Timeout

MILLION = 1_000_000


class ListenerTimeouts(Noun):
    """Steps between a client and glorieta. A timeout is for one step; a whole request has a `deadline`."""

    handshake: Timeout = timedelta(seconds=10)
    """From a connection's begin to the end of its TLS handshake; with `protocol: tls`, of its first message. Before it,
    as long for a PROXY header where one is expected."""
    head: Timeout = timedelta(seconds=10)
    """From a request's first byte to the end of its head (`http`)."""
    body: Timeout = timedelta(seconds=60)
    """Between two reads of a request's body (`http`)."""
    write: Timeout = timedelta(seconds=60)
    """Between two writes to a client that does not read (`http`)."""
    keep_alive: Timeout = timedelta(seconds=75)
    """Between two requests of a connection (`http`)."""
    connect: Timeout = timedelta(seconds=3)
    """To connect to an endpoint (`tcp` and `tls`; for `http` it stands in a route's timeouts)."""
    idle: Timeout = timedelta(hours=1)
    """While nothing moves in either direction (`tcp` and `tls`)."""
    session: Timeout = timedelta(seconds=60)
    """While no datagram comes from either side, until a session ends (`udp`)."""


class RouteTimeouts(Noun):
    """Steps between glorieta and an endpoint. A timeout is for one step; a whole request has a `deadline`."""

    connect: Timeout = timedelta(seconds=3)
    """To connect to an endpoint, the TLS handshake included."""
    first_byte: Timeout = timedelta(seconds=30)
    """From the request's last byte (while it streams: its head) to the head of the answer."""
    idle: Timeout = timedelta(seconds=60)
    """Between two reads or writes of a body."""
    tunnel: Timeout = timedelta(hours=1)
    """Between two bytes of a tunnel (WebSocket) or an event stream, in either direction."""


class ListenerLimits(Noun):
    """What a client may send at most."""

    head: HeadSize = Bytes(32 * 1024)
    """Request line and headers together, a size; more is answered with 431."""
    headers: Annotated[int, whole(1, 10_000)] = 100
    """How many headers a request may have; more is answered with 431."""
    target: HeadSize = Bytes(8 * 1024)
    """Path and query together, a size; more is answered with 414."""
    connections: Annotated[int, whole(1, 10 * MILLION)] = 20_000
    """Connections at one time, for `udp` sessions; beyond it, new ones are answered with 503 and closed (`http`),
    reset, or passed over (`udp`)."""
    connections_per_client: Annotated[int, whole(0, 10 * MILLION), OffIsZero] = 0
    """Connections at one time of one client, which is an IPv4 address or an IPv6 /64; beyond it, new ones are answered
    with 429 and closed (`http`) or reset. Behind a proxy that is no client's own address, so name the proxy in
    `proxy_protocol` first. 0 or `off`: any number."""
    new_connections: Annotated[Frequency, OffIsZero] = 0
    """New connections per second; as many may come at once after a quiet time. Beyond it as with `connections`. `0/s`
    or `off`: any number."""
    new_connections_per_client: Annotated[Frequency, OffIsZero] = 0
    """New connections of one client per second; beyond it as with `connections_per_client`. `0/s` or `off`: any
    number."""
    amplification: Annotated[int, whole(0, 100_000), OffIsZero] = 0
    """For `udp`: so many times the bytes that a session's client has sent may be answered; what is beyond is dropped.
    It bounds what a forged address can bring upon its owner. 0 or `off`: any."""
    streams: Annotated[int, whole(1, 10_000)] = 128
    """Requests of one connection at one time, with HTTP/2; more are refused unprocessed, and may be sent anew."""
    requests_per_connection: Annotated[int, whole(0, MILLION * 1000), OffIsZero] = 0
    """Requests on one connection until it is closed; 0 or `off`: any number."""
    body_rate: Rate = Bytes(240)
    """The slowest request body, a size per second after its first 5 s; `off`: any."""
