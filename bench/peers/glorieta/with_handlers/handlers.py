"""The handlers, as the guides teach to write them."""

from __future__ import annotations

import time
from typing import Any

from order import Accepted, Order, accept

from glorieta import Router, gather
from glorieta.handlers import Upstream

router = Router(calls=["user", "orders", "recommended"])
BLOCKED_SECONDS = 1.0


@router.get("/plain")
async def plain() -> dict[str, str]:
    return {"message": "hello"}


@router.get("/home/{user_id}")
async def home(user_id: int, user: Upstream, orders: Upstream, recommended: Upstream) -> dict[str, Any]:
    one, two, three = await gather(
        user.get("/user/{id}", path={"id": user_id}).json(),
        orders.get("/orders/{id}", path={"id": user_id}).json(),
        recommended.get("/recommended/{id}", path={"id": user_id}).json(),
    )
    return {"user": one, "orders": two, "recommended": three}


@router.post("/orders")
async def order(order: Order) -> Accepted:
    return accept(order)


@router.get("/sleep")
async def sleep() -> dict[str, str]:
    """What nobody should do: it blocks the loop."""
    time.sleep(BLOCKED_SECONDS)
    return {"blocked": "by sleeping"}


@router.get("/compute")
async def compute() -> dict[str, str]:
    end = time.monotonic() + BLOCKED_SECONDS
    while time.monotonic() < end:
        pass
    return {"blocked": "by computing"}
