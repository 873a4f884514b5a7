"""`glorieta openapi`: the OpenAPI document of a router, for whoever writes a client of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import Files, NoSecrets, references_of
from .output import fail, print_json, refuse_error
from .streams import code_to_standard_error

if TYPE_CHECKING:
    from ..handlers.locating import Named
    from ..plan import Plan


def openapi(
    handler: Annotated[
        str | None,
        typer.Argument(
            metavar="HANDLER", help="The router, as explain names it. Left out: the only one.", show_default=False
        ),
    ] = None,
    files: Files = None,
    no_secrets: NoSecrets = False,
) -> None:
    """Print the OpenAPI 3.1 document of a router in Python.

    It is made from the handlers' annotations, as the configuration has them: where a route strips a prefix, the
    document has it as its server. Applications that are mounted (asgi:) have documents of their own.

    \b
    Examples:
      glorieta openapi > shop.json
      glorieta openapi mobile.py:router
      glorieta openapi -f base.yaml -f prod.yaml shop.web:router

    Exit codes: 0 printed · 1 there is no such router, or several and none is named · 2 the configuration is refused
    """
    from ..config import ConfigError
    from ..handlers.locating import Named, locate
    from ..plan import build

    try:
        with code_to_standard_error():
            built = build(references_of(None, files), secrets=not no_secrets)
            applications = (built.launch or {}).get("applications", [])
            routers = {each["id"]: Named.from_json(each["named"]) for each in applications}
            chosen = choose({name: named for name, named in routers.items() if not named.asgi}, handler)
            table: Any = locate(routers[chosen]).application
    except ConfigError as error:
        refuse_error(error, as_json=False)
    found = prefixes(built.plan, chosen, [each.path for each in table.listing()])
    print_json(table.openapi([] if found == ["/"] else found))


def choose(routers: dict[str, Named], wanted: str | None) -> str:
    """The one that is meant."""
    names = ", ".join(routers)
    if not routers:
        fail("no route leads to a router of Python; write handler: module:name")
    if wanted is None and len(routers) > 1:
        fail(f"there are several routers; name one of {names}")
    if wanted is not None and wanted not in routers:
        fail(f'no route leads to a router "{wanted}"; there is {names}')
    return wanted or next(iter(routers))


def prefixes(plan: Plan, router: str, paths: list[str]) -> list[str]:
    """What stands before the router's own paths (`paths`, as its routes are numbered), wherever it is used."""
    from ..plan.match import pattern_of

    routes = [route for listener in plan["listeners"] for route in listener.get("routes", [])]
    found = [
        (target["route"], pattern_of(route["path"]))
        for route in routes
        if (target := route["target"].get("handler")) and target["handler"] == router
    ]
    first = min(number for number, _ in found)
    return sorted({pattern.removesuffix(paths[number - first]) or "/" for number, pattern in found})
