"""The whole document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..encoding import jsonable_encoder
from ..routing.route import HTTPRoute
from .operation import Operation
from .schemas import Schemas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..routing.table import Table

VERSION = "3.1.0"


def document(table: Table) -> dict[str, Any]:
    """The OpenAPI 3.1 document of all routes that are to be shown. WebSockets have no place in it."""
    schemas = Schemas()
    routes = [route for route in table.routes if isinstance(route, HTTPRoute) and route.definition.include_in_schema]
    operations = [Operation(route, schemas) for route in routes]
    schemas.make()
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = paths.setdefault(operation.route.path.in_openapi, {})
        path[operation.route.method.lower()] = operation.document()
    found: dict[str, Any] = jsonable_encoder(
        {
            "openapi": VERSION,
            "info": information(table),
            "paths": paths,
            "components": {"schemas": dict(sorted(schemas.components.items()))},
        }
    )
    return found


def with_servers(document: dict[str, Any], servers: Sequence[str]) -> dict[str, Any]:
    """A document with what stands before its paths; none: they are whole."""
    if not servers:
        return document
    first = {name: document[name] for name in ("openapi", "info")}
    return {**first, "servers": [{"url": url} for url in servers], **document}


def information(table: Table) -> dict[str, Any]:
    router = table.router
    found = {"title": router.title, "version": router.version}
    if router.summary:
        found["summary"] = router.summary
    if router.description:
        found["description"] = router.description
    return found
