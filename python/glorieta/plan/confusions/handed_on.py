"""Whether an answer is an upstream's as it came: of a `gather` by what it says, of a handler by its code.

A handler's code is read and not run. Only the plainest form counts, because only that is certain:

```python
@router.get("/users/{id}")
async def user(id: int, users: Upstream):
    return await users.get("/users/{id}", path={"id": id}).json()
```
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...handlers.asgi.mounting import Mounted
    from ...handlers.routing.route import HTTPRoute
    from ...handlers.routing.table import Table
    from ..model import GatherTarget, Route

AS_IT_CAME = (inspect.Parameter.empty, Any, object, dict, list, dict[str, Any], list[Any], list[dict[str, Any]])
"""What a handler may say that it returns, and every member is still sent."""

BODILESS = ("GET", "HEAD")


def is_handed_on(route: Route, gather: GatherTarget) -> bool:
    """Whether the one part's answer is the whole answer, and what is asked is what the client asks."""
    part = gather["parts"][0]
    return (
        len(gather["parts"]) == 1
        and not any((*gather["shape"].values(), *part["shape"].values()))
        and part["nest"] is None
        and part["need"] == "required"
        and (part["body"] == "request" or part["method"] in BODILESS)
        and all(method == part["method"] for method in route["methods"] or ("GET",))
    )


def handed_on_by(application: Table | Mounted, number: int) -> str | None:
    """The upstream whose answer the route of this number returns; none: it does more, or nobody can tell."""
    # Whoever has no handlers does not pay for what they need.
    from ...handlers.routing.route import HTTPRoute

    route = application.routes[number]
    if not isinstance(route, HTTPRoute) or not is_plain(route):
        return None
    called = returned_call(route.definition.call)
    match called:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=parameter), attr=method), args=[ast.Constant()]):
            is_same = method == route.method.lower() and sends_only_a_path(called)
            return dict(route.program.signatures[-1].upstreams).get(parameter) if is_same else None
    return None


def is_plain(route: HTTPRoute) -> bool:
    """Whether nothing but the handler has a say, and it reads nothing but the path."""
    from ...handlers.response import JSONResponse
    from ...handlers.routing.answers import UNSET
    from ...handlers.routing.definition import WHOLE

    definition, program = route.definition, route.program
    return (
        route.respond == route.innermost
        and not route.exception_handlers
        and not program.dependencies
        and all(value.source.place == "path" for value in program.values)
        and program.signatures[-1].returns in AS_IT_CAME
        and definition.response_model is UNSET
        and definition.response_class in (None, JSONResponse)
        and definition.status_code is None
        and definition.filter == WHOLE
    )


def returned_call(handler: Callable[..., Any]) -> ast.expr | None:
    """`users.get(…)` of a function that is nothing but `return await users.get(…).json()`."""
    try:
        module = ast.parse(textwrap.dedent(inspect.getsource(handler)))
    except (OSError, TypeError, SyntaxError):
        return None
    match module.body:
        case [ast.AsyncFunctionDef(body=[*before, ast.Return(value=ast.Await(value=awaited))])]:
            if all(is_text(statement) for statement in before):
                return without_json(awaited)
    return None


def is_text(statement: ast.stmt) -> bool:
    """Whether it is what documents a function."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def without_json(awaited: ast.expr) -> ast.expr | None:
    match awaited:
        case ast.Call(func=ast.Attribute(value=call, attr="json"), args=[], keywords=[]):
            return call
    return None


def sends_only_a_path(call: ast.Call) -> bool:
    """Whether nothing goes along but values of the path, as they are."""
    match call.keywords:
        case []:
            return True
        case [ast.keyword(arg="path", value=ast.Dict(values=values))]:
            return all(isinstance(value, ast.Name) for value in values)
    return False
