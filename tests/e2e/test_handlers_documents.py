"""The OpenAPI documents of handlers, as a client reads them through the engine: its paths must be those that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import get
from harness.handled_edge import HandledEdge

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUTER = """
from fastapi import FastAPI

router = Router(openapi_url="/openapi.json")
app = FastAPI()


@router.get("/items/{number}")
async def router_item(number: int) -> int:
    return number


@app.get("/items/{number}")
async def app_item(number: int) -> int:
    return number
"""
PROXY = "127.0.0.2"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HandledEdge]:
    pytest.importorskip("fastapi", reason="FastAPI is not installed, so nobody knows what its document says")
    routes = ["/shop/*: {handler: shop.py:router, strip_prefix: on}", "/fast/*: {asgi: shop.py:app, strip_prefix: on}"]
    made = HandledEdge(tmp_path_factory.mktemp("documents"), listener=f", {', '.join(routes)}")
    made.write(ROUTER)
    made.configure(f"trusted_proxies: {PROXY}/32")
    made.start()
    yield made
    made.running.check()
    made.running.stop()


@pytest.mark.parametrize("prefix", ["/shop", "/fast"])
def test_a_client_that_follows_the_document_reaches_the_handler(edge: HandledEdge, prefix: str) -> None:
    document: dict[str, Any] = edge.get(f"{prefix}/openapi.json").json()
    (server,) = document["servers"]
    (path,) = document["paths"]
    assert edge.get(server["url"] + path.replace("{number}", "7")).json() == 7


def test_what_a_trusted_proxy_has_stripped_stands_in_front(edge: HandledEdge) -> None:
    def servers(source: str) -> Any:
        forged = {"X-Forwarded-Prefix": "/outer"}
        return get(edge.port, "/shop/openapi.json", forged, source=source).json()["servers"]

    assert servers(PROXY) == [{"url": "/outer/shop"}]
    assert servers("127.0.0.1") == [{"url": "/shop"}]
