"""The rows of proxies: keep-alive, bodies, new connections, layer 4."""

from __future__ import annotations

from bench.rows.row import Goal, Layer, Row

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
