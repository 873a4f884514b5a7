"""A route as a list of steps: its dependencies in the order in which they run, then the handler.

The graph of dependencies is flattened when routes are compiled. Per request a step only reads its arguments and
calls its function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..background import BackgroundTasks
from ..errors import RouterError, name_of, place_of, wrong
from ..live.upstream import Upstream
from ..problems import RequestValidationError
from ..response import Response
from .bodies import BodyShape
from .calling import Kind, call_by, kind_of, opened
from .readers import Read, reader_of
from .signature import Signature, Value, read_signature

if TYPE_CHECKING:
    from ..declared import Dependency, Exit
    from ..request import HTTPConnection
    from .bodies import Fill
    from .validation import Errors

FAILED = object()
"""Stands for what a dependency would have given if its own parameters were right."""
NOT_A_BODY = ("path", "query", "header", "cookie")
MOST_NESTED = 50
"""How deep dependencies may depend on others."""

Overrides = Mapping[Callable[..., Any], Callable[..., Any]]
"""What stands in for a dependency: for tests."""


class Run:
    """One request on its way through a program."""

    __slots__ = ("background", "errors", "exits", "function_exits", "request", "response", "values")

    def __init__(self, request: HTTPConnection, slots: int) -> None:
        self.request = request
        self.values: list[Any] = [None] * slots
        self.errors: Errors = []
        self.exits: AsyncExitStack | None = None
        self.function_exits: AsyncExitStack | None = None
        self.response: Response | None = None
        """What handler and dependencies say about an answer that they do not make themselves."""
        self.background: BackgroundTasks | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing was said about the answer."""
        return self.response is None and self.background is None

    def stack(self, scope: Exit) -> AsyncExitStack:
        if self.exits is None:
            self.exits = AsyncExitStack()
        if scope == "request":
            return self.exits
        if self.function_exits is None:
            # Within the other one: if the handler fails, both see why.
            self.function_exits = AsyncExitStack()
            self.exits.push_async_exit(self.function_exits)
        return self.function_exits


def give_request(run: Run) -> Any:
    return run.request


def give_response(run: Run) -> Response:
    if run.response is None:
        run.response = Response(status_code=0)
    return run.response


def give_background(run: Run) -> BackgroundTasks:
    if run.background is None:
        run.background = BackgroundTasks()
    return run.background


GIVEN: dict[str, Callable[[Run], Any]] = {
    "connection": give_request,
    "request": give_request,
    "websocket": give_request,
    "response": give_response,
    "background": give_background,
}


def give_upstream(name: str) -> Callable[[Run], Any]:
    return lambda run: Upstream(name, run.request.call_scope)


@dataclass(slots=True)
class Step:
    """One function to be called."""

    call: Callable[..., Any]
    kind: Kind
    scope: Exit
    slot: int
    """Where its result is kept for those who depend on it."""
    needs: list[tuple[str, int]]
    """Parameters that other steps provide."""
    reads: list[tuple[str, Read]]
    given: list[tuple[str, Callable[[Run], Any]]]
    fill: Fill | None

    def arguments(self, run: Run) -> dict[str, Any]:
        """What it is called with, but for what stands in the body; what is wrong is added to the run's errors."""
        request, errors = run.request, run.errors
        found: dict[str, Any] = {}
        for name, slot in self.needs:
            found[name] = run.values[slot]
        for name, read in self.reads:
            found[name] = read(request, errors)
        for name, give in self.given:
            found[name] = give(run)
        return found

    async def provide(self, run: Run) -> None:
        """Runs a dependency and keeps what it gives; if something is wrong with its own parameters, `FAILED`."""
        before = len(run.errors)
        arguments = self.arguments(run)
        if self.fill is not None:
            await self.fill(run.request, arguments, run.errors)  # type: ignore[arg-type]
        if len(run.errors) != before or any(run.values[slot] is FAILED for _, slot in self.needs):
            run.values[self.slot] = FAILED
        elif self.kind in ("async generator", "generator"):
            manager = opened(self.kind, self.call, arguments, run.request.call_scope)
            run.values[self.slot] = await run.stack(self.scope).enter_async_context(manager)
        else:
            run.values[self.slot] = await call_by(self.kind, self.call, arguments, run.request.call_scope)


@dataclass(slots=True)
class Program:
    """All steps of a route."""

    dependencies: list[Step]
    handler: Step
    slots: int
    signatures: list[Signature]
    body: BodyShape
    upstreams: list[str]

    def run(self, run: Run) -> Awaitable[Any]:
        """What the handler returns. `RequestValidationError`: values are not what is asked for."""
        if self.dependencies or self.handler.fill is not None:
            return self._run_all(run)
        return self._called(run, self.handler.arguments(run))

    def _called(self, run: Run, arguments: dict[str, Any]) -> Awaitable[Any]:
        if run.errors:
            raise RequestValidationError(run.errors, run.request.parsed_body)
        handler = self.handler
        # The handler's own coroutine: nothing is put around it, where nothing has to be.
        if handler.kind == "async":
            return handler.call(**arguments)  # type: ignore[no-any-return]
        return call_by(handler.kind, handler.call, arguments, run.request.call_scope)

    async def _run_all(self, run: Run) -> Any:
        for step in self.dependencies:
            await step.provide(run)
        handler = self.handler
        arguments = handler.arguments(run)
        if handler.fill is not None:
            await handler.fill(run.request, arguments, run.errors)  # type: ignore[arg-type]
        value = await self._called(run, arguments)
        if run.function_exits is not None:
            await run.function_exits.aclose()
        return value

    @property
    def values(self) -> list[Value]:
        """Everything that it reads from the request, each once."""
        found: dict[tuple[str, str], Value] = {}
        for signature in self.signatures:
            for value in signature.values:
                found.setdefault((value.source.place, value.key), value)
        return list(found.values())


@dataclass
class Compiling:
    """Flattening one route's graph of dependencies."""

    path_names: tuple[str, ...]
    calls: frozenset[str]
    """Upstreams that may be asked for."""
    overrides: Overrides
    is_websocket: bool
    ordered: list[tuple[Signature, Exit, list[tuple[str, int]]]] = field(default_factory=list)
    known: dict[tuple[Any, Exit], int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, dependency: Dependency, above: tuple[Any, ...]) -> int:
        """The slot of a dependency; what it depends on comes before it."""
        assert dependency.call is not None
        call = self.overrides.get(dependency.call, dependency.call)
        key = (call, dependency.scope)
        if dependency.use_cache and key in self.known:
            return self.known[key]
        if call in above or len(above) > MOST_NESTED:
            raise wrong(place_of(call), f"{name_of(call)} depends on itself")
        signature = self.read(call)
        needs = [(name, self.add(inner, (*above, call))) for name, inner in signature.dependencies]
        slot = len(self.ordered)
        self.ordered.append((signature, dependency.scope, needs))
        if dependency.use_cache:
            self.known[key] = slot
        return slot

    def read(self, call: Callable[..., Any]) -> Signature:
        signature = read_signature(call, self.path_names)
        for parameter, upstream in signature.upstreams:
            if upstream not in self.calls:
                self.problems.append(unknown_upstream(call, parameter, upstream, self.calls))
        for parameter, kind in signature.injected:
            self.check_injected(call, parameter, kind)
        if self.is_websocket and any(value.source.place not in NOT_A_BODY for value in signature.values):
            self.problems += wrong(place_of(call), f"{name_of(call)}: a WebSocket's request has no body").problems
        return signature

    def check_injected(self, call: Callable[..., Any], parameter: str, kind: str) -> None:
        unfit = "request" if self.is_websocket else "websocket"
        if kind == unfit:
            served, right = ("WebSockets", "WebSocket") if self.is_websocket else ("HTTP", "Request")
            what = f"{name_of(call)}: parameter {parameter}: its route serves {served}"
            self.problems += wrong(place_of(call), what, f"write {right}, or HTTPConnection for both").problems


def compile_program(handler: Callable[..., Any], dependencies: list[Dependency], compiling: Compiling) -> Program:
    """`RouterError`: something is asked for that no request can give."""
    for dependency in dependencies:
        if dependency.call is None:
            raise wrong(place_of(handler), f"{name_of(handler)}: a Depends() of its route names no function")
        compiling.add(dependency, ())
    signature = compiling.read(handler)
    needs = [(name, compiling.add(inner, (handler,))) for name, inner in signature.dependencies]
    signatures = [each for each, _, _ in compiling.ordered] + [signature]
    if compiling.problems:
        raise RouterError(*dict.fromkeys(compiling.problems))
    shape = BodyShape(signatures)
    singles = {
        place: sum(value.source.place == place for each in signatures for value in each.values) for place in NOT_A_BODY
    }
    steps = [
        made_step(each, scope, slot, own, shape, singles) for slot, (each, scope, own) in enumerate(compiling.ordered)
    ]
    last = made_step(signature, "request", len(steps), needs, shape, singles)
    upstreams = list(dict.fromkeys(name for each in signatures for _, name in each.upstreams))
    return Program(steps, last, len(steps), signatures, shape, upstreams)


def made_step(
    signature: Signature,
    scope: Exit,
    slot: int,
    needs: list[tuple[str, int]],
    shape: BodyShape,
    singles: Mapping[str, int],
) -> Step:
    call, where, place = signature.call, name_of(signature.call), place_of(signature.call)
    outside = [value for value in signature.values if value.source.place in NOT_A_BODY]
    inside = [value for value in signature.values if value.source.place not in NOT_A_BODY]
    reads = [
        (value.name, reader_of(value, singles[value.source.place] == 1, f"{where}: parameter {value.name}", place))
        for value in outside
    ]
    given = [(name, GIVEN[kind]) for name, kind in signature.injected]
    given += [(name, give_upstream(upstream)) for name, upstream in signature.upstreams]
    return Step(call, kind_of(call), scope, slot, needs, reads, given, shape.filler(inside, where, place))


def unknown_upstream(call: Callable[..., Any], parameter: str, upstream: str, calls: frozenset[str]) -> str:
    """What to say of an upstream that the router does not call."""
    similar = upstream.replace("_", "-")
    fix = f'write calls=["{upstream}"] at the router'
    if similar in calls and similar != upstream:
        fix = f'write {parameter}: Annotated[Upstream, "{similar}"]'
    elif calls:
        fix += f"; it calls {', '.join(sorted(calls))}"
    what = f'{name_of(call)}: parameter {parameter}: the router does not call the upstream "{upstream}"'
    return str(wrong(place_of(call), what, fix))
