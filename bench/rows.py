"""What is measured: the rows of the tables, the tables, and the goals."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Table(StrEnum):
    """How much every contender does besides forwarding or answering."""

    EQUAL = "equal"
    """An access log line per request to a file, X-Forwarded-For and a request id; metrics and checks in ours."""
    BARE = "bare"
    """None of these, in any contender."""
    HANDLERS = "handlers"
    """Answers that somebody's own code makes: as bare, and the contenders are servers of applications."""


class Layer(StrEnum):
    HTTP = "http"
    TCP = "tcp"


class Figure(StrEnum):
    """What is compared."""

    CPU = "CPU"
    """CPU time per request."""
    LATENCY = "median latency"
    """Half of the answers came sooner."""


@dataclass(frozen=True)
class Goal:
    """Ours, divided by a peer's of the same round, is at most this."""

    most: float
    peers: tuple[str, ...] = ()
    """The peer is the best of these; none: the best of all that take part."""
    figure: Figure = Figure.CPU


@dataclass(frozen=True)
class Row:
    """One kind of load."""

    id: str
    title: str
    goals: tuple[Goal, ...]
    layer: Layer
    connections: int
    path: str
    new_connections: bool = False
    """Whether every request opens a connection of its own."""
    tables: frozenset[Table] = frozenset({Table.EQUAL, Table.BARE})
    """The tables that it stands in."""
    body: str | None = None
    """JSON that is sent with POST; none: GET."""
    wrong_body: str | None = None
    """JSON that every contender must refuse with 422: so it is known to look at bodies."""
    meanwhile: str | None = None
    """A path that ours is asked for all the while, one request after the other. Then the CPU time of the first process
    alone counts, the one that proxies."""

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"

    @property
    def ours(self) -> str:
        """The contender that the goals are for."""
        return OURS_WITH_HANDLERS if Table.HANDLERS in self.tables else OURS

    @property
    def names(self) -> frozenset[str]:
        """The contenders that its goals name, and ours; none: whoever can takes part."""
        peers = {name for goal in self.goals for name in goal.peers}
        return frozenset(peers | {self.ours}) if peers else frozenset()

    def goal_id(self, goal: Goal) -> str:
        """The row's; further goals have their peer's or their figure's name beside it."""
        if goal is self.goals[0]:
            return self.id
        return f"{self.id}-{goal.peers[0]}" if goal.figure is self.goals[0].figure else f"{self.id}-latency"


OURS = "glorieta"
OURS_WITH_HANDLERS = "glorieta-handlers"
"""The contender whose configuration has handlers."""
LATENCY_PEER = "nginx"
"""The peer whose added 99th percentile ours may not exceed, and whose saturating rate sets the load."""

SMALL = "/small"
LARGE = "/large"
DUTIES = "/duties"

PROXY_ROWS = (
    Row("http-64", "HTTP keep-alive, 64 connections", (Goal(0.90),), Layer.HTTP, 64, SMALL),
    Row("http-1", "HTTP keep-alive, 1 connection", (Goal(0.95),), Layer.HTTP, 1, SMALL),
    Row("http-1000", "HTTP keep-alive, 1000 connections", (Goal(0.70),), Layer.HTTP, 1000, SMALL),
    Row("http-64k", "HTTP, 64 KiB bodies, 64 connections", (Goal(0.75),), Layer.HTTP, 64, LARGE),
    Row("http-new", "HTTP, a new connection each", (Goal(0.95),), Layer.HTTP, 64, SMALL, new_connections=True),
    Row("l4-small", "Layer 4, small answers, 64 connections", (Goal(1.00),), Layer.TCP, 64, SMALL),
    Row("l4-64k", "Layer 4, 64 KiB answers, 64 connections", (Goal(0.80),), Layer.TCP, 64, LARGE),
    Row("l4-new", "Layer 4, a new connection each", (Goal(0.95),), Layer.TCP, 64, SMALL, new_connections=True),
)

ORDER = (
    '{"customer":{"id":7,"name":"Ada Lovelace","email":"ada@shop.example","address":{"street":"12 St James Square",'
    '"city":"London","postcode":"SW1Y 4JH","country":"GB"}},"items":['
    '{"sku":"KB-2041","title":"Mechanical keyboard, 87 keys","quantity":1,"price_cents":12900},'
    '{"sku":"CB-0310","title":"USB-C cable, two metres","quantity":3,"price_cents":990},'
    '{"sku":"MS-1178","title":"Wireless mouse","quantity":1,"price_cents":4900},'
    '{"sku":"MT-0007","title":"Desk mat, felt","quantity":2,"price_cents":2450}],'
    '"currency":"EUR","note":"Please ring twice.","gift":false,"voucher":"SPRING-10"}'
)
"""What a shop's page sends when somebody orders: three levels, four items."""

STEADY = 1.10
"""Somebody else's handlers may not be seen in what proxying costs; a tenth is what two equal contenders differ by."""


def handler_row(
    name: str, title: str, goals: tuple[Goal, ...], path: str, *, connections: int = 64, wrong_body: str | None = None
) -> Row:
    body = ORDER if wrong_body else None
    tables = frozenset({Table.HANDLERS})
    return Row(name, title, goals, Layer.HTTP, connections, path, tables=tables, body=body, wrong_body=wrong_body)


def steady_row(name: str, title: str, meanwhile: str, *figures: Figure) -> Row:
    """A plain proxy row of ours, beside a glorieta without handlers."""
    goals = tuple(Goal(STEADY, ("glorieta-run",), figure) for figure in figures)
    return Row(name, title, goals, Layer.HTTP, 64, SMALL, tables=frozenset({Table.HANDLERS}), meanwhile=meanwhile)


HANDLER_ROWS = (
    handler_row("handler", "A trivial handler", (Goal(0.50, ("granian",)),), "/plain"),
    handler_row(
        "calls",
        "Three upstream calls, decoded and merged in a handler",
        (Goal(0.30, ("fastify",)), Goal(0.15, ("aiohttp",))),
        "/home/7",
    ),
    handler_row("gather", "The same without Python, by gather", (Goal(0.20, ("fastify",)),), "/gathered/7"),
    handler_row("asgi", "A FastAPI application, mounted", (Goal(1.00, ("fastapi-granian",)),), "/shop/items/7"),
    handler_row(
        "validated",
        "A JSON body, validated in a handler",
        (Goal(0.35, ("fastapi-granian", "fastapi-uvicorn")),),
        "/orders",
        wrong_body=ORDER.replace('"quantity":3', '"quantity":"three"'),
    ),
    handler_row("chain", "The chain of NGINX, aiohttp, Envoy and three services", (Goal(0.12, ("chain",)),), "/home/7"),
    handler_row(
        "chain-1",
        "The same chain, 1 connection",
        (Goal(0.20, ("chain",), Figure.LATENCY),),
        "/home/7",
        connections=1,
    ),
    steady_row("beside", "Proxying while handlers answer", "/plain", Figure.CPU, Figure.LATENCY),
    steady_row("beside-sleep", "Proxying while Python sleeps", "/sleep", Figure.CPU, Figure.LATENCY),
    steady_row("beside-compute", "Proxying while Python computes", "/compute", Figure.CPU),
)

ROWS = (*PROXY_ROWS, *HANDLER_ROWS)

IDLE_CONNECTIONS = 5000
IDLE_GOAL_BYTES = 1.5 * 1024
START_GOAL_BYTES = 10_000_000
START_WITH_PYTHON_GOAL_BYTES = 45_000_000


def row_named(name: str) -> Row:
    for row in ROWS:
        if row.id == name:
            return row
    raise ValueError(f"there is no row {name!r}; the rows are {', '.join(row.id for row in ROWS)}")
