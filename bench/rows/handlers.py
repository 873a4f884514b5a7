"""The rows of answers that somebody's own code makes."""

from __future__ import annotations

from bench.rows.proxying import SMALL
from bench.rows.row import Figure, Goal, Layer, Row, Table

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
