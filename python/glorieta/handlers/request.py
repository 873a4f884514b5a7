"""The request as a handler sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from . import body as bodies
from .certificate import ClientCertificate
from .fields import Headers, QueryParams, State, WrongEncoding, grouped, parse_cookies, parse_query, unescape
from .forms import FormData, read_form
from .problems import RequestRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .live.scope import CallScope
    from .router import Router
    from .routing.route import HandlerRoute
    from .transport import Transport


class Address(NamedTuple):
    """A client."""

    host: str
    port: int = 0
    """0: not known."""


class URL(str):
    """A URL as text, and its parts."""

    __slots__ = ()

    scheme = property(lambda self: urlsplit(self).scheme)
    hostname = property(lambda self: urlsplit(self).hostname)
    port = property(lambda self: urlsplit(self).port)
    netloc = property(lambda self: urlsplit(self).netloc)
    path = property(lambda self: urlsplit(self).path)
    query = property(lambda self: urlsplit(self).query)


class HTTPConnection:
    """What HTTP requests and WebSockets have in common. Everything is parsed when it is first asked for."""

    __slots__ = (
        "_cookies",
        "_headers",
        "_path",
        "_query",
        "_state",
        "call_scope",
        "route",
        "transport",
    )

    def __init__(self, transport: Transport, call_scope: CallScope, route: HandlerRoute) -> None:
        self.transport = transport
        self.call_scope = call_scope
        self.route = route
        self._headers: Headers | None = None
        self._query: QueryParams | None = None
        self._path: dict[str, str] | None = None
        self._cookies: dict[str, str] | None = None
        self._state: State | None = None

    @property
    def headers(self) -> Headers:
        if self._headers is None:
            self._headers = Headers(grouped(self.transport.start.headers))
        return self._headers

    @property
    def query_params(self) -> QueryParams:
        """`RequestRefused`: the query is not UTF-8."""
        if self._query is None:
            try:
                self._query = QueryParams(parse_query(self.transport.start.query))
            except WrongEncoding:
                raise RequestRefused(400, "query_encoding", "The query has an escape that is not UTF-8.") from None
        return self._query

    @property
    def path_params(self) -> dict[str, str]:
        """`RequestRefused`: a part of the path is not UTF-8."""
        if self._path is None:
            try:
                self._path = {
                    self.route.rest if name == "*" else name: unescape(value)
                    for name, value in self.transport.start.parameters
                }
            except WrongEncoding:
                raise RequestRefused(400, "path_encoding", "The path has an escape that is not UTF-8.") from None
        return self._path

    @property
    def cookies(self) -> dict[str, str]:
        if self._cookies is None:
            self._cookies = parse_cookies(self.headers.getlist("cookie"))
        return self._cookies

    @property
    def client(self) -> Address:
        return Address(self.transport.start.client)

    @property
    def client_certificate(self) -> ClientCertificate | None:
        """The certificate by which the client has proved who it is; none: it has shown none, or nobody asks for one."""
        tls = self.transport.start.tls
        return None if tls is None or tls[1] is None else ClientCertificate.of(tls[1])

    @property
    def request_id(self) -> str:
        """The request's id, as in the log and in `X-Request-ID`."""
        return self.transport.start.request_id

    @property
    def url(self) -> URL:
        start = self.transport.start
        query = f"?{start.query}" if start.query else ""
        return URL(f"{start.scheme}://{self.headers.get('host', '')}{start.path}{query}")

    @property
    def app(self) -> Router:
        """The router that is served; what is included in it shares its `state`."""
        return self.route.app

    @property
    def state(self) -> State:
        """This request's own; it begins with what lifespan yielded."""
        if self._state is None:
            self._state = State(self.route.table.state)
        return self._state

    @property
    def parsed_body(self) -> Any:
        """What was made of the body so far: its JSON, its form, or its bytes; none: it was not read."""
        return None


class Request(HTTPConnection):
    """An HTTP request."""

    __slots__ = ("_body", "_form", "_is_read", "_json", "exits", "unanswered")

    def __init__(self, transport: Transport, call_scope: CallScope, route: HandlerRoute) -> None:
        super().__init__(transport, call_scope, route)
        self._body: bytes | None = None
        self._is_read = False
        """Whether its pieces were given to somebody else."""
        self._form: FormData | None = None
        self._json: list[Any] | None = None
        """In a list, since `None` is a value of JSON."""
        self.exits: Any = None
        """Dependencies that are to be closed when the answer is sent."""
        self.unanswered: Exception | None = None
        """The last exception of which it was asked what it means."""

    @property
    def method(self) -> str:
        return self.transport.start.method

    async def body(self) -> bytes:
        """The whole body. `RequestRefused`: it is larger than the route allows, or was cut."""
        if self._body is None:
            self._begin_reading()
            self._body = await bodies.read(self.transport, self.route.limits.body)
        return self._body

    async def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes, however large it is."""
        if self._body is not None:
            yield self._body
            return
        self._begin_reading()
        async for piece in bodies.pieces(self.transport):
            yield piece

    def _begin_reading(self) -> None:
        """`RuntimeError`: its pieces are gone, and what is left would look like a whole body."""
        if self._is_read and self.transport.start.body is None:
            raise RuntimeError("the body was read before, piece by piece; read it once, or with body() each time")
        self._is_read = True

    async def json(self) -> Any:
        """The body's JSON, whatever its `Content-Type`."""
        if self._json is None:
            self._json = [bodies.decode_json(await self.body())]
        return self._json[0]

    async def form(self) -> FormData:
        if self._form is None:
            self._form = await read_form(self)
        return self._form

    @property
    def parsed_body(self) -> Any:
        if self._json is not None:
            return self._json[0]
        return self._body if self._form is None else self._form

    @property
    def has_form(self) -> bool:
        return self._form is not None

    async def close(self) -> None:
        """Files of a form are closed."""
        if self._form is not None:
            await self._form.close()
