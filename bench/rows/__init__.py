"""What is measured: the rows of the tables, the tables, and the goals."""

from __future__ import annotations

from bench.rows.handlers import HANDLER_ROWS
from bench.rows.protocols import PROTOCOL_ROWS
from bench.rows.proxying import DUTIES, LARGE, PROXY_ROWS, SMALL
from bench.rows.row import LATENCY_PEER, OURS, OURS_WITH_HANDLERS, Figure, Goal, Layer, Loader, Row, Table

__all__ = [
    "DUTIES",
    "HANDLER_ROWS",
    "IDLE_CONNECTIONS",
    "IDLE_GOAL_BYTES",
    "LARGE",
    "LATENCY_PEER",
    "OURS",
    "OURS_WITH_HANDLERS",
    "PROTOCOL_ROWS",
    "PROXY_ROWS",
    "ROWS",
    "SMALL",
    "START_GOAL_BYTES",
    "START_WITH_PYTHON_GOAL_BYTES",
    "Figure",
    "Goal",
    "Layer",
    "Loader",
    "Row",
    "Table",
    "row_named",
]

ROWS = (*PROXY_ROWS, *HANDLER_ROWS, *PROTOCOL_ROWS)

IDLE_CONNECTIONS = 5000
IDLE_GOAL_BYTES = 1.5 * 1024
START_GOAL_BYTES = 10_000_000
START_WITH_PYTHON_GOAL_BYTES = 45_000_000


def row_named(name: str) -> Row:
    for row in ROWS:
        if row.id == name:
            return row
    raise ValueError(f"there is no row {name!r}; the rows are {', '.join(row.id for row in ROWS)}")
