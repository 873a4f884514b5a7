"""A trivial handler in Granian's own interface, the cheapest that it has."""

from __future__ import annotations

from typing import Any

import orjson

HEADERS = [("content-type", "application/json")]


async def application(scope: Any, protocol: Any) -> None:
    protocol.response_bytes(200, HEADERS, orjson.dumps({"message": "hello"}))
