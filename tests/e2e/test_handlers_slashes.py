"""A path that is a handler's but for the slash at its end: its client is sent there, and nobody else's is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from harness import RawClient, Services, request, wait_until
from harness.handled_edge import HandledEdge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTER = """
@router.get("/items/")
async def items(q: str = "") -> str:
    return f"items {q}"


@router.post("/items/")
async def made(body: dict[str, int]) -> Any:
    return body


@router.get("/items/{id}")
async def item(id: str) -> str:
    return id


@router.get("/two/{first}/{second}/")
async def two(first: str, second: str) -> str:
    return f"{first} {second}"


@router.websocket("/live/")
async def live(socket: WebSocket) -> None: ...


strict = Router(redirect_slashes=False)


@strict.get("/one")
async def one() -> str:
    return "one"
"""
REST = ", /rest/*: {respond: rest}, /strict/*: {handler: 'shop.py:strict', strip_prefix: on}"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HandledEdge]:
    folder: Path = tmp_path_factory.mktemp("slashes")
    it = HandledEdge(folder, listener=REST)
    it.write(ROUTER)
    it.configure()
    it.start()
    yield it
    it.running.stop()


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/items", "/items/"),
        ("/items?q=a%20b&q=c", "/items/?q=a%20b&q=c"),
        ("/items/7/", "/items/7"),
        ("/it%65ms", "/items/"),
        ("/x/../items", "/items/"),
        ("/two/a/b?", "/two/a/b/?"),
        ("/two/a/%2Fevil.example", "/two/a/%2Fevil.example/"),
    ],
)
def test_it_is_sent_to_the_right_path(edge: HandledEdge, target: str, location: str) -> None:
    answer = edge.get(target)
    assert (answer.status, answer.header("location")) == (307, location)
    assert answer.header("cache-control") == "no-store"


def test_a_body_goes_where_the_client_goes(edge: HandledEdge) -> None:
    fields = {"content-type": "application/json"}
    answer = request(edge.port, "POST", "/items", fields, b'{"n":1}')
    assert (answer.status, answer.header("location")) == (307, "/items/")
    assert request(edge.port, "POST", "/items/", fields, b'{"n":1}').json() == {"n": 1}


@pytest.mark.parametrize("path", ["/rest/items", "/plain", "/items/", "/items/7"])
def test_a_path_that_a_route_takes_is_no_wrong_one(edge: HandledEdge, path: str) -> None:
    assert edge.get(path).status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "//evil.example", 404),
        ("GET", "//evil.example/b", 404),
        ("GET", "/plain/", 404),
        ("GET", "/live", 404),
        ("GET", "/strict/one/", 404),
        ("PATCH", "/items", 404),
        ("PATCH", "/items/", 405),
        ("GET", "/a/b/c", 404),
        ("GET", "/", 404),
    ],
)
def test_nobody_else_is_sent_anywhere(edge: HandledEdge, method: str, path: str, status: int) -> None:
    with RawClient(edge.port) as client:
        client.send(f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = client.read_response()
    assert (answer.status, answer.header("location")) == (status, None)


def test_it_is_told_in_the_log_and_counted(edge: HandledEdge) -> None:
    edge.get("/items?told")
    told = wait_until(lambda: [line for line in edge.running.stdout.splitlines() if '"query":"told"' in line])
    record = json.loads(told[0])
    assert (record["status"], record["path"], record["reason"]) == (307, "/items", "slash_redirect")
    assert edge.running.metrics().total("glorieta_rejected_total", listener="web", reason="slash_redirect") >= 1


def test_a_mounted_application_sends_its_clients_itself(tmp_path: Path, services: Services) -> None:
    it = HandledEdge(tmp_path, listener=", /app/*: {asgi: 'shop.py:app'}")
    it.write(
        "async def app(scope, receive, send):\n"
        '    head = {"type": "http.response.start", "status": 200, "headers": []}\n'
        '    if scope["type"] == "http":\n'
        "        await send(head)\n"
        '        await send({"type": "http.response.body", "body": scope["path"].encode()})\n'
    )
    it.configure(handler="")
    it.start()
    try:
        assert it.get("/app/").text == "/app/"
        assert it.get("/app/x/").text == "/app/x/"
        assert it.get("/nothing/").status == 404
    finally:
        it.running.stop()
