"""A router that is asked, without sockets and on a fake clock: what a request gets as its answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from glorieta.handlers.live.scope import Surroundings
from glorieta.handlers.serving.handling import handle
from glorieta.handlers.transport import BodyLost, Start
from glorieta.testing.clock import run
from glorieta.testing.exchange import Exchange
from glorieta.testing.matching import Pattern, best
from glorieta.testing.upstreams import FakeUpstream

if TYPE_CHECKING:
    from glorieta.handlers import Router, Table
    from glorieta.handlers.transport import Fields

Client = Callable[[Exchange], Awaitable[None]]


class AtOnce(Executor):
    """Stands in for threads: what is given to it is done when it is given, and counted."""

    def __init__(self) -> None:
        self.done: list[Callable[..., Any]] = []

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.done.append(function)
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


@dataclass
class Answer:
    """What came back."""

    status: int | None
    fields: Fields
    body: bytes
    failed: bool
    """Whether the answer was cut, or there is none."""
    pieces: list[bytes] = field(default_factory=list)
    on_threads: int = 0
    """How many functions were run on threads."""

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.fields if known == name), None)

    def headers(self, name: str) -> list[str]:
        return [value for known, value in self.fields if known == name]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    def errors(self) -> list[tuple[Any, ...]]:
        """Of a 422: where each wrong value stands, and what is wrong with it in a word."""
        found = self.json["errors"]
        return [(each["in"], each.get("name"), each.get("pointer"), each["code"]) for each in found]


def ask(
    router: Router | Table,
    method: str,
    target: str,
    *,
    prefix: str = "",
    headers: dict[str, str] | Iterable[tuple[str, str]] = (),
    body: bytes | None = b"",
    json_body: Any = None,
    pieces: Iterable[bytes] | None = None,
    lost: BodyLost | None = None,
    upstreams: dict[str, Any] | None = None,
    overrides: dict[Any, Any] | None = None,
    client: Client | None = None,
) -> Answer:
    """Asks once. `prefix`: what the configuration strips; `pieces`: the body comes in these; `lost`: and is cut then. `client`: what else the client does."""
    table = router if not hasattr(router, "table") else router.table(overrides=overrides)
    fields = (
        [(name.lower(), value) for name, value in dict(headers).items()] if isinstance(headers, dict) else list(headers)
    )
    if json_body is not None:
        body = json.dumps(json_body).encode()
        fields.append(("content-type", "application/json"))
    patterns = [Pattern.read(f"{route.method} {route.path.match}") for route in table.routes]
    path, _, query = target.partition("?")
    found = best(patterns, method, path)
    assert found is not None, f"no route takes {method} {path}"
    index, values = found
    start = Start(
        index,
        method,
        f"{prefix}{path}",
        query,
        "http/1.1",
        "http",
        "192.0.2.1",
        "an-id",
        list(values.items()),
        fields,
        None if pieces is not None or client is not None else body,
    )
    answer = Answer(None, [], b"", True)
    threads = AtOnce()

    async def main() -> None:
        fakes = {name: FakeUpstream(name, given) for name, given in (upstreams or {}).items()}
        exchange = Exchange(start, fakes, list(pieces or ()))
        exchange.inbox.lost = lost
        exchange.inbox.is_open = client is not None
        surroundings = Surroundings(tuple(table.calls), tuple(table.forward_headers), threads)
        async with table.lifespan():
            exchange.begin(lambda: handle(table.routes[index], exchange, surroundings))
            if client is not None:
                await client(exchange)
            else:
                await collect(exchange, answer)
            await exchange.finished()
        assert not exchange.mistakes, exchange.mistakes
        answer.status, answer.fields, answer.failed = exchange.status, exchange.headers, exchange.failed
        answer.body = b"".join(answer.pieces)
        answer.on_threads = len(threads.done)

    run(main())
    return answer


async def collect(exchange: Exchange, answer: Answer) -> None:
    while piece := await exchange.outbox.get():
        answer.pieces.append(piece)
        await asyncio.sleep(0)
