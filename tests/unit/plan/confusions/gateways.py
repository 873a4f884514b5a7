"""Routers of the tables here, by what their handlers do."""

from __future__ import annotations

from typing import Any

from glorieta import Router, Upstream, gather

handed_on = Router(calls=["a"])
changed = Router(calls=["a"])
combined = Router(calls=["a", "b"])
telling = Router(calls=["a"], forward_headers=["x-forwarded-for"])
mobile = Router(client="mobile", calls=["a", "b"])


@handed_on.get("/users/{id}")
async def user(id: int, a: Upstream) -> dict[str, Any]:
    """A user."""
    return await a.get("/users/{id}", path={"id": id}).json()


@changed.get("/users/{id}")
@telling.get("/users/{id}")
async def name(id: int, a: Upstream) -> dict[str, Any]:
    user = await a.get("/users/{id}", path={"id": id}).json()
    return {"name": user["name"]}


@combined.get("/home")
@mobile.get("/home")
async def home(a: Upstream, b: Upstream) -> dict[str, Any]:
    one, other = await gather(a.get("/a").json(), b.get("/b").json())
    return {"one": one, "other": other}


async def application(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers nothing."""
