"""An order as a shop's page sends it: what every contender validates with pydantic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Cents = Annotated[int, Field(ge=0, le=10_000_000)]


class Address(BaseModel):
    street: Annotated[str, Field(min_length=1, max_length=200)]
    city: Annotated[str, Field(min_length=1, max_length=100)]
    postcode: Annotated[str, Field(pattern=r"^[A-Z0-9 ]{3,10}$")]
    country: Annotated[str, Field(min_length=2, max_length=2)]


class Customer(BaseModel):
    id: Annotated[int, Field(gt=0)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    email: Annotated[str, Field(pattern=r"^[^@ ]+@[^@ ]+$")]
    address: Address


class Item(BaseModel):
    sku: Annotated[str, Field(pattern=r"^[A-Z]{2}-\d{4}$")]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    quantity: Annotated[int, Field(ge=1, le=100)]
    price_cents: Cents


class Order(BaseModel):
    customer: Customer
    items: Annotated[list[Item], Field(min_length=1, max_length=100)]
    currency: Literal["EUR", "GBP", "USD"]
    note: str | None = None
    gift: bool = False
    voucher: str | None = None


class Accepted(BaseModel):
    customer: int
    items: int
    total_cents: int


def accept(order: Order) -> Accepted:
    return Accepted(
        customer=order.customer.id,
        items=len(order.items),
        total_cents=sum(item.quantity * item.price_cents for item in order.items),
    )
