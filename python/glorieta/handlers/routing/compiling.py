"""From a router's definitions to its table. All that is wrong is said at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...config.match import without_names
from ..body import LARGEST, LARGEST_FORM
from ..errors import RouterError, name_of, wrong
from ..response import JSONResponse
from .answers import Answers
from .calling import kind_of
from .definition import unique
from .paths import WrongPath, read_path
from .program import Compiling, Overrides, compile_program
from .route import HTTPRoute, Limits
from .socket import SocketRoute
from .table import Table

if TYPE_CHECKING:
    from ..router import Router
    from .definition import Definition, Shared
    from .route import HandlerRoute
    from .table import Lifespan

GENERATORS = ("async generator", "generator")


class RefusedRouter(RouterError):
    """A router that cannot be used, and the upstreams that it calls all the same: whether there are such is said at
    once."""

    def __init__(self, problems: Sequence[str], calls: Sequence[str]) -> None:
        super().__init__(*problems)
        self.calls = tuple(calls)


def compile_table(router: Router, overrides: Overrides) -> Table:
    """`RefusedRouter`: with everything that is wrong."""
    found = list(flattened(router, router.shared, ()))
    calls = unique([name for _, shared in found for name in shared.calls] or router.calls)
    table = Table(router, calls, lifespans_of(router))
    problems: list[str] = []
    for definition, shared in found:
        try:
            table.routes += routes_of(table, router, definition, shared, overrides)
        except RouterError as error:
            problems += error.problems
    problems += conflicts(found)
    if problems:
        raise RefusedRouter(unique(problems), calls)
    return table


def flattened(router: Router, shared: Shared, above: tuple[Router, ...]) -> Iterator[tuple[Definition, Shared]]:
    """All definitions of a router and of those that it includes, each with what is around it."""
    if router in above:
        raise wrong(router.place, "the router includes itself")
    for entry in router.entries:
        if isinstance(entry, tuple):
            inner, around = entry
            yield from flattened(inner, shared.within(around).within(inner.shared), (*above, router))
        else:
            yield entry, shared


def lifespans_of(router: Router) -> list[tuple[Lifespan, Router]]:
    found = [(router.lifespan, router)] if router.lifespan is not None else []
    for entry in router.entries:
        if isinstance(entry, tuple):
            found += [each for each in lifespans_of(entry[0]) if each not in found]
    return found


def routes_of(
    table: Table, router: Router, definition: Definition, shared: Shared, overrides: Overrides
) -> list[HandlerRoute]:
    """A route for each of its methods; they share what they are made of."""
    definition = effective(definition, shared)
    where = name_of(definition.call)
    try:
        path = read_path(shared.prefix + definition.path)
    except WrongPath as error:
        raise wrong(definition.place, f"{where}: {error}", error.fix) from None
    compiling = Compiling(path.names, frozenset(shared.calls), overrides, definition.is_websocket)
    program = compile_program(definition.call, list(definition.dependencies), compiling)
    limits = limits_of(definition)
    about = (table, router, definition)
    if definition.is_websocket:
        return [SocketRoute(*about, "GET", path, program, limits, where, exception_handlers=shared.exception_handlers)]
    answers = Answers(
        where,
        definition.response_model,
        program.signatures[-1].returns,
        kind_of(definition.call) in GENERATORS,
        definition.status_code,
        definition.response_class or JSONResponse,
        definition.filter,
        definition.place,
    )
    return [
        HTTPRoute(
            *about,
            method,
            path,
            program,
            limits,
            where,
            answers=answers,
            middleware=shared.middleware,
            exception_handlers=shared.exception_handlers,
        )
        for method in definition.methods
    ]


def effective(definition: Definition, shared: Shared) -> Definition:
    """A definition with what the routers around it say."""
    return replace(
        definition,
        tags=unique((*shared.tags, *definition.tags)),
        dependencies=(*shared.dependencies, *definition.dependencies),
        responses={**shared.responses, **definition.responses},
        deprecated=shared.deprecated if definition.deprecated is None else definition.deprecated,
        include_in_schema=shared.include_in_schema and definition.include_in_schema,
        response_class=definition.response_class or shared.response_class,
        max_body_size=shared.max_body_size if definition.max_body_size is None else definition.max_body_size,
    )


def limits_of(definition: Definition) -> Limits:
    written = definition.max_body_size
    if written is None:
        return Limits(LARGEST, LARGEST_FORM)
    if isinstance(written, int):
        return Limits(written, written)
    # Imported here: most routers say nothing, and the configuration's nouns come with it.
    from ...config.units import parse_size

    try:
        most = int(parse_size(written))
    except ValueError as error:
        raise wrong(definition.place, f"max_body_size: {error}") from None
    return Limits(most, most)


def conflicts(found: Iterable[tuple[Definition, Shared]]) -> list[str]:
    """Two routes that take the same requests: neither comes first, since their order does not count."""
    seen: dict[tuple[str, str, bool], Definition] = {}
    problems = []
    for definition, shared in found:
        try:
            path = read_path(shared.prefix + definition.path)
        except WrongPath:
            # Told already.
            continue
        for method in ("GET",) if definition.is_websocket else definition.methods:
            first = seen.setdefault((method, without_names(path.match), definition.is_websocket), definition)
            if first is not definition:
                what = (
                    f"{method} {path.written} is served by {name_of(definition.call)}, "
                    f"and already by {name_of(first.call)} ({first.place})"
                )
                problems.append(str(wrong(definition.place, what, "remove one, or change its path")))
    return problems
