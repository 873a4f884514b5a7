"""What is measured: the rows of the tables, the tables, and the goals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Table(StrEnum):
    """How much every contender does besides forwarding."""

    EQUAL = "equal"
    """An access log line per request to a file, X-Forwarded-For and a request id; metrics and checks in ours."""
    BARE = "bare"
    """None of these, in any contender."""


class Layer(StrEnum):
    HTTP = "http"
    TCP = "tcp"


@dataclass(frozen=True)
class Row:
    """One kind of load."""

    id: str
    title: str
    goal: float
    """glorieta's CPU time per request, divided by that of the row's best peer, is at most this."""
    layer: Layer
    connections: int
    path: str
    new_connections: bool = False
    """Whether every request opens a connection of its own."""


SMALL = "/small"
LARGE = "/large"
DUTIES = "/duties"

ROWS = (
    Row("http-64", "HTTP keep-alive, 64 connections", 0.90, Layer.HTTP, 64, SMALL),
    Row("http-1", "HTTP keep-alive, 1 connection", 0.95, Layer.HTTP, 1, SMALL),
    Row("http-1000", "HTTP keep-alive, 1000 connections", 0.70, Layer.HTTP, 1000, SMALL),
    Row("http-64k", "HTTP, 64 KiB bodies, 64 connections", 0.75, Layer.HTTP, 64, LARGE),
    Row("http-new", "HTTP, a new connection each", 0.95, Layer.HTTP, 64, SMALL, new_connections=True),
    Row("l4-small", "Layer 4, small answers, 64 connections", 1.00, Layer.TCP, 64, SMALL),
    Row("l4-64k", "Layer 4, 64 KiB answers, 64 connections", 0.80, Layer.TCP, 64, LARGE),
    Row("l4-new", "Layer 4, a new connection each", 0.95, Layer.TCP, 64, SMALL, new_connections=True),
)

OURS = "glorieta"
LATENCY_PEER = "nginx"
"""The peer whose added 99th percentile ours may not exceed, and whose saturating rate sets the load."""

IDLE_CONNECTIONS = 5000
IDLE_GOAL_BYTES = 1.5 * 1024
START_GOAL_BYTES = 10_000_000
START_WITH_PYTHON_GOAL_BYTES = 45_000_000


def row_named(name: str) -> Row:
    for row in ROWS:
        if row.id == name:
            return row
    raise ValueError(f"there is no row {name!r}; the rows are {', '.join(row.id for row in ROWS)}")
