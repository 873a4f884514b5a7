"""A FastAPI application as its tutorial teaches: the same file is mounted in glorieta and served by its peers."""

from __future__ import annotations

from fastapi import FastAPI
from order import Accepted, Order, accept
from pydantic import BaseModel

application = FastAPI(openapi_url=None)


class Item(BaseModel):
    id: int
    name: str
    price_cents: int
    tags: list[str]


@application.get("/shop/items/{item_id}")
async def item(item_id: int) -> Item:
    return Item(id=item_id, name="Mechanical keyboard, 87 keys", price_cents=12900, tags=["new", "input"])


@application.post("/orders")
async def order(order: Order) -> Accepted:
    return accept(order)
