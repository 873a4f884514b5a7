"""The rows of what an edge speaks: TLS, HTTP/2, gRPC, HTTP/3, compression, UDP."""

from __future__ import annotations

from bench.rows.proxying import SMALL
from bench.rows.row import Goal, Layer, Loader, Row, Table

MULTIPLEXED = "/multiplexed/small"
"""What is passed on by HTTP/2."""
GRPC = "/shop.Orders/Get"
JSON = "/json"
"""64 KiB of JSON, as a shop's list of orders."""
PROTOCOLS = frozenset({Table.PROTOCOLS})


def protocol_row(
    name: str,
    title: str,
    goal: Goal,
    layer: Layer,
    path: str = SMALL,
    *,
    loader: Loader = Loader.WRK,
    connections: int = 64,
    streams: int = 1,
    new_connections: bool = False,
    headers: tuple[str, ...] = (),
    grpc: bool = False,
) -> Row:
    return Row(
        name,
        title,
        (goal,),
        layer,
        connections,
        path,
        new_connections=new_connections,
        tables=PROTOCOLS,
        loader=loader,
        streams=streams,
        headers=headers,
        grpc=grpc,
    )


def h2_row(name: str, title: str, goal: Goal, path: str, *, grpc: bool = False) -> Row:
    """16 connections with 32 streams each."""
    h2load = Loader.H2LOAD
    return protocol_row(name, title, goal, Layer.TLS, path, loader=h2load, connections=16, streams=32, grpc=grpc)


def handshake_row(name: str, title: str, goal: Goal, loader: Loader) -> Row:
    """One connection after the other, each for one request."""
    return protocol_row(name, title, goal, Layer.TLS, loader=loader, connections=1, new_connections=True)


PROTOCOL_ROWS = (
    protocol_row("tls-64", "TLS keep-alive, 64 connections", Goal(0.80), Layer.TLS),
    handshake_row("tls-new", "TLS, a full handshake for each request", Goal(0.65), Loader.HANDSHAKES),
    handshake_row("tls-resumed", "TLS, a resumed connection for each request", Goal(0.80), Loader.RESUMPTIONS),
    h2_row("h2", "HTTP/2 by TLS, 16 connections, 32 streams each", Goal(0.90), SMALL),
    h2_row("h2-h2", "The same to an HTTP/2 upstream", Goal(0.60, ("envoy",)), MULTIPLEXED),
    h2_row("grpc", "gRPC, unary calls", Goal(0.50, ("envoy",)), GRPC, grpc=True),
    protocol_row(
        "http3",
        "HTTP/3, 4 connections, 16 streams each",
        Goal(0.70, ("caddy",)),
        Layer.HTTP3,
        loader=Loader.HTTP3,
        connections=4,
        streams=16,
    ),
    protocol_row(
        "gzip",
        "gzip of 64 KiB of JSON",
        Goal(1.00, ("nginx",)),
        Layer.HTTP,
        JSON,
        connections=16,
        headers=("Accept-Encoding: gzip",),
    ),
    protocol_row("udp", "UDP, 64 sessions", Goal(1.00, ("nginx",)), Layer.UDP, "", loader=Loader.DATAGRAMS),
)
