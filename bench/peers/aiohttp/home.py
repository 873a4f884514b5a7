"""Three calls at once, decoded and merged: `home.py PORT PORT-OF-SERVICES`.

As cheap as its users can have it: uvloop, orjson, no access log, and as many connections as there are calls.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import uvloop
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEEP_SECONDS = 600.0
CLIENT = web.AppKey("client", aiohttp.ClientSession)


async def home(request: web.Request) -> web.Response:
    client = request.app[CLIENT]
    user_id = int(request.match_info["user_id"])
    user, orders, recommended = await asyncio.gather(
        decoded(client, f"/user/{user_id}"),
        decoded(client, f"/orders/{user_id}"),
        decoded(client, f"/recommended/{user_id}"),
    )
    body = orjson.dumps({"user": user, "orders": orders, "recommended": recommended})
    return web.Response(body=body, content_type="application/json")


async def decoded(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as answer:
        answer.raise_for_status()
        return await answer.json(loads=orjson.loads)


def application(services: int) -> web.Application:
    async def client(app: web.Application) -> AsyncIterator[None]:
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_SECONDS)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{services}", connector=connector) as session:
            app[CLIENT] = session
            yield

    made = web.Application()
    made.cleanup_ctx.append(client)
    made.router.add_get("/home/{user_id}", home)
    return made


if __name__ == "__main__":
    uvloop.install()
    web.run_app(
        application(int(sys.argv[2])),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        backlog=4096,
        access_log=None,
        print=None,
        keepalive_timeout=KEEP_SECONDS,
    )
