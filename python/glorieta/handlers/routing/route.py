"""A compiled route: serves one request from its first byte to its last."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ..middleware import chained
from ..problems import crash_answer
from ..request import Request
from ..status import NO_BODY
from .handling import answer_to, raw_response
from .program import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from contextlib import AsyncExitStack

    from ..background import BackgroundTask, BackgroundTasks
    from ..live.scope import CallScope
    from ..middleware import Middleware, Next
    from ..response import Response
    from ..router import Router
    from ..transport import Fields, Transport
    from .answers import Answers
    from .definition import Definition
    from .handling import Handlers
    from .paths import RoutePath
    from .program import Program
    from .table import Table


class Limits(NamedTuple):
    """Bytes that a request's body may have."""

    body: int
    form: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A route as the Plan knows it."""

    method: str
    path: str
    """As the engine matches it: `/users/{id}`, `/files/*`."""
    name: str
    """The handler, by module and name."""
    summary: str
    is_websocket: bool
    upstreams: tuple[str, ...]
    """Which it asks for, out of the router's `calls`."""
    place: str
    """File and line."""
    redirect_slashes: bool
    """Whether a request that no route takes, and this one would with or without a slash at its path's end, is sent
    there."""


class HandlerRoute:
    """One method and path, and everything that was decided about them at import."""

    def __init__(
        self,
        table: Table,
        app: Router,
        definition: Definition,
        method: str,
        path: RoutePath,
        program: Program,
        limits: Limits,
        name: str,
    ) -> None:
        self.table = table
        self.app = app
        self.definition = definition
        self.method = method
        self.path = path
        self.rest = path.rest
        self.program = program
        self.limits = limits
        self.name = name
        """The handler, by module and name: for logs."""

    def listed(self) -> Listed:
        found = self.definition
        return Listed(
            self.method,
            self.path.match,
            self.name,
            found.shown_summary,
            found.is_websocket,
            tuple(self.program.upstreams),
            str(found.place),
            self.app.redirect_slashes and not found.is_websocket,
        )

    def serve(self, transport: Transport, scope: CallScope) -> Coroutine[Any, Any, None]:
        """Answers one request. It raises nothing but `CancelledError`."""
        raise NotImplementedError


class HTTPRoute(HandlerRoute):
    """A route that is asked and answers."""

    def __init__(
        self,
        *about: Any,
        answers: Answers,
        middleware: tuple[Middleware, ...],
        exception_handlers: Handlers,
    ) -> None:
        super().__init__(*about)
        self.answers = answers
        self.exception_handlers = exception_handlers
        self.on_crash: Callable[..., Any] | None = exception_handlers.get(Exception) or exception_handlers.get(500)
        self.respond: Next = chained(middleware, self.innermost, self.answered)

    async def serve(self, transport: Transport, scope: CallScope) -> None:
        request = Request(transport, scope, self)
        try:
            try:
                response = await self.respond(request)
            except Exception as error:
                response = await self.crashed(request, error)
            if response.background is not None:
                transport.linger()
            if not sent_at_once(response, request):
                await send(response, request)
        except Exception as error:
            # The head may be sent: what remains is to cut the answer, so that nobody takes it for whole.
            scope.crashed(error)
            transport.fail()
        except BaseException:
            await clean_up(request)
            raise
        else:
            if response.background is not None:
                scope.background.append(partial(after, request, response.background))
                return
        if request.exits is not None or request.has_form:
            await after(request, None)

    async def innermost(self, request: Request) -> Response:
        """What middleware is put around."""
        run = Run(request, self.program.slots)
        try:
            value = await self.program.run(run)
            response = self.answers.at_once(value) if run.is_plain else None
            if response is None:
                response = await self.answers.response(value, run.response, run.background, request.call_scope)
        except BaseException as error:
            return await self.failed(request, run, error)
        request.exits = run.exits
        return response

    async def failed(self, request: Request, run: Run, error: BaseException) -> Response:
        """The answer that an exception means, once dependencies have seen it. It is raised again if it means none."""
        try:
            if run.exits is not None:
                await pass_through(run.exits, error)
            raise error
        except Exception as last:
            return await self.answered(request, last)

    async def answered(self, request: Request, error: Exception) -> Response:
        """The answer that an exception means. It is raised again if it means none, or was asked for before: it has
        only come on its way out through middleware."""
        if error is request.unanswered:
            raise error
        request.unanswered = error
        response = await answer_to(error, request, self.exception_handlers)
        if response is None:
            raise error
        request.unanswered = None
        return response

    async def crashed(self, request: Request, error: Exception) -> Response:
        """The answer to what nobody expected: it says nothing but the id under which the log has the rest."""
        request.unanswered = None
        request.call_scope.crashed(error)
        if self.on_crash is not None:
            try:
                response = await answer_to(error, request, {type(error): self.on_crash})
            except Exception as second:
                request.call_scope.crashed(second)
            else:
                assert response is not None
                return response
        return raw_response(*crash_answer(request.request_id))


async def pass_through(exits: AsyncExitStack, error: BaseException) -> None:
    """Lets dependencies that yield see why the handler failed; they may raise something else instead."""
    if await exits.__aexit__(type(error), error, error.__traceback__):
        raise RuntimeError("a dependency caught the handler's exception after its yield and raised none") from error


def sent_at_once(response: Response, request: Request) -> bool:
    """Sends an answer that is whole and has a body; `False`: it is none."""
    status, body = response.status_code, response.body
    if body is None or status in NO_BODY:
        return False
    request.transport.answer(status, finished(response, request), body)
    return True


def finished(response: Response, request: Request) -> Fields:
    """The headers of an answer with what its parts say. `ValueError`: its status is none."""
    status, fields = response.status_code, list(response.raw)
    if not 200 <= status <= 599:
        raise ValueError(f"{request.route.name} answered with the status {status}; it must be one of 200 to 599")
    request.call_scope.finish(fields, status)
    return fields


async def send(response: Response, request: Request) -> None:
    transport, status, fields = request.transport, response.status_code, finished(response, request)
    if status in NO_BODY:
        transport.answer(status, [field for field in fields if field[0] != "content-type"], b"")
    try:
        if request.method == "HEAD":
            transport.answer(status, fields, b"")
        elif status not in NO_BODY:
            transport.answer(status, fields, None)
            await response.send_body(transport, request.call_scope)
    finally:
        await response.close()


async def after(request: Request, background: BackgroundTask | BackgroundTasks | None) -> None:
    """What follows an answer: its tasks, then the clean-up of dependencies."""
    try:
        # The answer leaves in the loop's next turn; what blocks the loop must not hold it back.
        await asyncio.sleep(0)
        if background is not None:
            await background.run(request.call_scope)
    finally:
        await clean_up(request)


async def clean_up(request: Request) -> None:
    try:
        if request.exits is not None:
            await request.exits.aclose()
    except Exception as error:
        request.call_scope.crashed(error)
    finally:
        await request.close()
