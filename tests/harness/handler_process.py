"""A handler process with a router and a mounted application, as a program: the numbers of its descriptors follow.

It is started without configuration and control, so that a test of it is a test of handlers and the engine alone.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from contextlib import asynccontextmanager
from typing import Any

from glorieta._engine import Carrier
from glorieta.handlers import (
    BackgroundTasks,
    Request,
    Router,
    StreamingResponse,
    Upstream,
    WebSocket,
    WebSocketDisconnect,
    gather,
    mount,
    upstream,
)
from glorieta.handlers.serving.process import Settings, serve

CALLS = ["users", "orders"]


@asynccontextmanager
async def lifespan(app: Router) -> Any:
    print("began", flush=True)
    yield
    print("ended", flush=True)


router = Router(calls=CALLS, lifespan=lifespan)


@router.get("/home/{user_id}")
async def home(user_id: int, users: Upstream, orders: Upstream) -> Any:
    user, recent = await gather(
        users.get("/users/{id}", path={"id": user_id}).json(),
        orders.get("/orders", params={"user": user_id}).timeout("150ms").json().optional("none"),
        deadline="2s",
    )
    return {"user": user["service"], "target": user["target"], "orders": recent}


@router.post("/echo")
async def echo(request: Request) -> StreamingResponse:
    async def pieces() -> Any:
        async for piece in request.stream():
            yield piece

    return StreamingResponse(pieces())


@router.post("/upload")
async def upload(request: Request, users: Upstream) -> Any:
    return await users.post("/store", content=request.stream()).json()


@router.get("/download/{size}")
async def download(size: int, users: Upstream) -> Any:
    return {"bytes": len((await users.get("/download/{size}", path={"size": size})).body)}


@router.get("/whole/{size}")
async def whole(size: int) -> bytes:
    return b"x" * size


@router.get("/hang")
async def hang(users: Upstream) -> Any:
    print("hangs", flush=True)
    try:
        return await users.get("/hang").json()
    finally:
        print("left", flush=True)


@router.get("/crash")
async def crash() -> None:
    raise KeyError("of the handler")


@router.get("/block")
async def block() -> str:
    print("blocks", flush=True)
    time.sleep(1)
    return "blocked"


@router.get("/thread")
def thread() -> str:
    time.sleep(0.01)
    return "thread"


@router.get("/later")
async def later(tasks: BackgroundTasks) -> str:
    async def work() -> None:
        await asyncio.sleep(0.01)
        print("worked", flush=True)

    tasks.add_task(work)
    return "now"


@router.websocket("/socket")
async def socket(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send(await socket.receive())
    except WebSocketDisconnect as closed:
        print(f"closed {closed.code}", flush=True)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """A mounted one, which calls an upstream as well."""
    if scope["type"] != "http":
        return
    user = await upstream("orders").get("/of/an/application").json()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-path", scope["path"].encode())]})
    await send({"type": "http.response.body", "body": user["service"].encode()})


def main(memory: int, event: int, *workers: int) -> int:
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s")
    carrier = Carrier(memory, event, list(workers))
    served = [router.table(), mount(application, calls=CALLS)]
    return serve(carrier, served, ready=lambda: print("ready", flush=True), settings=Settings(grace=5))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
