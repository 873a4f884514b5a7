"""The whole document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..routing.route import HTTPRoute
from .operation import Operation
from .schemas import PROBLEM, VALIDATION_PROBLEM, Schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..routing.table import Table

VERSION = "3.1.0"


def document(table: Table, servers: Sequence[str] = ()) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all routes that are to be shown. WebSockets have no place in it. `servers`: what
    stands before the paths; none: they are whole."""
    schemas = Schemas()
    routes = [route for route in table.routes if isinstance(route, HTTPRoute) and route.definition.include_in_schema]
    operations = [Operation(route, schemas) for route in routes]
    schemas.make()
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(operation.route.path.in_openapi, {})
        path[operation.route.method.lower()] = operation.document()
    components = {"Problem": PROBLEM, "ValidationProblem": VALIDATION_PROBLEM, **schemas.components}
    return {
        "openapi": VERSION,
        "info": information(table),
        **({"servers": [{"url": url} for url in servers]} if servers else {}),
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


def information(table: Table) -> dict[str, Any]:
    router = table.router
    found = {"title": router.title, "version": router.version}
    if router.summary:
        found["summary"] = router.summary
    if router.description:
        found["description"] = router.description
    return found
