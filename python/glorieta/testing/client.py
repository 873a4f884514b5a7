"""Requests of tests that are coroutines, in the process and without ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

from .asking import Cookies, asked, cookies_of, fields_of, with_defaults
from .bench import Bench
from .redirects import MOST, TooManyRedirects, redirected
from .websocket import SocketSession, opened

if TYPE_CHECKING:
    from ..handlers.certificate import ClientCertificate
    from ..handlers.live.durations import Duration
    from .asking import HeaderValues
    from .bench import Overrides
    from .exchange import Exchange
    from .response import TestResponse
    from .upstreams import FakeUpstream


class AsyncTestClient:
    """A client for tests that are coroutines. On the fake clock they run by `glorieta.testing.run`."""

    __test__ = False

    def __init__(
        self,
        router: Any,
        *,
        upstreams: Mapping[str, Any] | None = None,
        overrides: Overrides | None = None,
        headers: HeaderValues | None = None,
        cookies: Mapping[str, str] | None = None,
        client_certificate: ClientCertificate | None = None,
        deadline: Duration | None = None,
        raise_server_exceptions: bool = True,
    ) -> None:
        """`router`: a router or an ASGI application. `upstreams`: fakes by name: a mapping of `"GET /users/{id}"` to
        answers, a function of the `ReceivedCall`, a router, or an ASGI application. `overrides`: what stands in for
        dependencies. `headers`: sent with every request. `cookies`: kept from the start. `client_certificate`: shown
        with every request. `deadline`: the routes'. `raise_server_exceptions`: whether an exception that a handler did
        not expect is raised here, instead of giving a 500."""
        self._bench = Bench(router, upstreams or {}, overrides)
        self._headers = fields_of(headers)
        self._client_certificate = client_certificate
        self._deadline = deadline
        self._raises = raise_server_exceptions
        self._lifespan: AbstractAsyncContextManager[None] | None = None
        self.cookies = Cookies(cookies or {})
        """Kept from answer to request, as a browser does."""

    @property
    def upstreams(self) -> dict[str, FakeUpstream]:
        """The fakes, by name: what they were asked."""
        return self._bench.upstreams

    def fake(self, **upstreams: Any) -> None:
        """Puts other fakes in the place of these."""
        self._bench.fake(upstreams)

    async def __aenter__(self) -> Self:
        self._lifespan = self._bench.application.lifespan()
        await self._lifespan.__aenter__()
        return self

    async def __aexit__(self, *raised: Any) -> None:
        if self._lifespan is not None:
            await self._lifespan.__aexit__(*raised)

    def begin(self, method: str, url: str, **what: Any) -> Ongoing:
        """Sends a request, and does not wait for its answer."""
        what["headers"] = with_defaults(what.get("headers"), self._headers)
        what["cookies"] = {**self.cookies, **(what.get("cookies") or {})}
        what.setdefault("client_certificate", self._client_certificate)
        what.setdefault("deadline", self._deadline)
        return Ongoing(self, self._bench.begin(asked(method, url, **what)))

    async def request(self, method: str, url: str, *, follow_redirects: bool = False, **what: Any) -> TestResponse:
        """The answer, once the handler has ended with all that follows its answer. `what` is as in httpx: `params`,
        `headers`, `cookies`, `json`, `data`, `files`, `content`; `client_certificate` is what its client has shown,
        `deadline` is the route's, and a `timeout` means nothing. `follow_redirects`: redirections to the router itself
        are followed; `TooManyRedirects`: without end."""
        method = method.upper()
        for _ in range(MOST + 1):
            response = await self._answer(method, url, what)
            following = redirected(method, url, what, response) if follow_redirects else None
            if following is None:
                return response
            method, url, what = following
        raise TooManyRedirects(f"more than {MOST} redirections, the last one to {url}")

    async def _answer(self, method: str, url: str, what: dict[str, Any]) -> TestResponse:
        ongoing = self.begin(method, url, **what)
        response = await ongoing.response()
        await ongoing.finished()
        self.raise_crash()
        return response

    def raise_crash(self) -> None:
        error = self._bench.crash()
        if error is not None and self._raises:
            raise error

    async def answered(self, exchange: Exchange) -> TestResponse:
        response = await self._bench.answered(exchange)
        self.cookies.update(cookies_of(response.fields))
        for name in [name for name, value in self.cookies.items() if not value]:
            del self.cookies[name]
        return response

    @asynccontextmanager
    async def websocket_connect(self, url: str, **what: Any) -> AsyncIterator[SocketSession]:
        """A WebSocket. `WebSocketRefused`: the answer is not a 101."""
        async with opened(self, url, what) as session:
            yield session
        self.raise_crash()

    async def get(self, url: str, **what: Any) -> TestResponse:
        return await self.request("GET", url, **what)

    async def head(self, url: str, **what: Any) -> TestResponse:
        return await self.request("HEAD", url, **what)

    async def options(self, url: str, **what: Any) -> TestResponse:
        return await self.request("OPTIONS", url, **what)

    async def post(self, url: str, **what: Any) -> TestResponse:
        return await self.request("POST", url, **what)

    async def put(self, url: str, **what: Any) -> TestResponse:
        return await self.request("PUT", url, **what)

    async def patch(self, url: str, **what: Any) -> TestResponse:
        return await self.request("PATCH", url, **what)

    async def delete(self, url: str, **what: Any) -> TestResponse:
        return await self.request("DELETE", url, **what)


class Ongoing:
    """A request under way, seen from its client."""

    def __init__(self, client: AsyncTestClient, exchange: Exchange) -> None:
        self._client = client
        self.exchange = exchange

    @property
    def status_code(self) -> int | None:
        """None: the answer has not begun."""
        return self.exchange.status

    @property
    def received(self) -> bytes:
        """What has come of the answer's body."""
        return b"".join(self.exchange.outbox.pieces)

    @property
    def is_over(self) -> bool:
        """Whether its handler has ended, and all that followed the answer."""
        return self.exchange.is_over

    def disconnect(self) -> None:
        """The client goes away: the handler is cancelled, and its calls with it."""
        self.exchange.disconnect()

    async def response(self) -> TestResponse:
        """The answer, once it is whole. `Disconnected`: the client went away before that."""
        return await self._client.answered(self.exchange)

    async def finished(self) -> None:
        """Returns once the handler has ended."""
        await self.exchange.finished()
