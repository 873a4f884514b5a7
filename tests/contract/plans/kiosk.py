"""The Python that `handlers.yaml` names."""

from __future__ import annotations

from typing import Annotated, Any

from glorieta.handlers import Router, Upstream, WebSocket

mobile = Router(client="mobile", calls=["users", "orders"], forward_headers=["Authorization"])
office = Router(calls=["users"])


@mobile.get("/home/{user_id}")
async def home(user_id: int, users: Upstream, recent: Annotated[Upstream, "orders"]) -> dict[str, Any]:
    return {}


@mobile.websocket("/news")
async def follow(socket: WebSocket) -> None: ...


@mobile.get("/news")
async def news() -> list[str]:
    return []


@office.post("/users/{user_id}/notes/{path:path}")
async def note(user_id: int, path: str, users: Upstream) -> None: ...


async def catalogue(scope: Any, receive: Any, send: Any) -> None: ...
