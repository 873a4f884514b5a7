"""Whatever asks an upstream asks it by its version of HTTP: gathered parts, shadows, handlers' calls, a reload."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from harness import get, unused_port, wait_until
from harness.h2_upstream import H2Conversation, H2Request, H2Upstream
from harness.handled_edge import HandledEdge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Runner, Services

ROUTER = """
@router.get("/call/{number}")
async def call(number: int, shop: Upstream) -> dict[str, Any]:
    answers = await gather(*(shop.get(f"/item/{n}").json() for n in range(number)), deadline="5s")
    echoed = await shop.post("/echo", json={"a": 1}).json()
    return {"answers": answers, "echoed": echoed}
"""


def respond(talk: H2Conversation, asked: H2Request) -> None:
    asked.wait()
    body = asked.body or json.dumps({"path": asked.target}).encode()
    talk.answer(asked, body, fields=[("content-type", "application/json")])


@pytest.fixture
def shop(services: Services) -> Iterator[H2Upstream]:
    made = services.keep(H2Upstream(respond))
    yield made
    made.stop()


def configuration(shop: H2Upstream, port: int, version: str = "h2") -> str:
    return f"""
version: 1
workers: 1
listeners:
  web:
    bind: 127.0.0.1:{port}
    routes:
      /home:
        gather:
          parts:
            one: {{to: shop, path: /one, nest: one}}
            two: {{to: shop, path: /two, nest: two}}
            three: {{to: shop, path: /three, shadow: on}}
      /*: shop
upstreams:
  shop: {{endpoints: ["{shop.address}"], version: {version}}}
"""


def test_gathered_parts_and_shadows(launch: Runner, shop: H2Upstream) -> None:
    edge = launch.command(configuration(shop, unused_port()))
    assert get(edge.port, "/home").json() == {"one": {"path": "/one"}, "two": {"path": "/two"}}
    wait_until(lambda: len(shop.requests) == 3, what="the shadow's request")
    assert {asked.target for asked in shop.requests} == {"/one", "/two", "/three"}
    assert shop.accepted == 1


def test_calls_of_handlers(tmp_path: Path, shop: H2Upstream) -> None:
    edge = HandledEdge(tmp_path)
    edge.write(ROUTER, shop=shop.address)
    edge.configure(top="workers: 1\ndefaults: {upstream: {version: h2}}")
    edge.start()
    try:
        answer = edge.get("/call/5").json()
    finally:
        edge.running.stop()
    assert answer == {"answers": [{"path": f"/item/{n}"} for n in range(5)], "echoed": {"a": 1}}
    assert shop.accepted == 1


def test_a_reload_to_another_version_finishes_what_is_under_way(launch: Runner, shop: H2Upstream) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(talk: H2Conversation, asked: H2Request) -> None:
        if asked.target == "/slow":
            begun.set()
            go_on.wait(20)
        talk.answer(asked)

    shop.respond = slow
    port = unused_port()
    edge = launch.command(configuration(shop, port))
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(get(port, "/slow", timeout=30).status))
    waiting.start()
    assert begun.wait(10)
    edge.write(configuration(shop, port, "h1"))

    def is_reloaded() -> bool:
        # By HTTP/1.1 the service does not understand what it is asked.
        return get(port, "/other").status == 502

    wait_until(is_reloaded, 20, "the reload")
    go_on.set()
    waiting.join(20)
    assert answers == [200]
    wait_until(lambda: shop.open_connections == 0, what="the end of the connection that nobody needs")
