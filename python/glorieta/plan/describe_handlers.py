"""Handlers in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import Handler


def handler_text(handler: Handler) -> str:
    """What a handler may call: `calls users, orders`."""
    called = ", ".join(call["upstream"] for call in handler["calls"])
    return f"calls {called}" if called else "calls nothing"
