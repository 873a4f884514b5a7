"""Where a variable of `map` is used, and the condition of each of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .action import ALWAYS, Condition
from .conditions import asked
from .regex import Expression, escape
from .unclear import Unclear
from .variables import variables_of

if TYPE_CHECKING:
    from .directive import Directive
    from .maps import Map
    from .scope import Scope
    from .site import Site

INHERITED = ("proxy_set_header", "grpc_set_header", "add_header")
HERE = ("proxy_pass", "grpc_pass", "root", "alias", "limit_except")
NO_CASES = "gives $%s by what routes cannot ask for"
ONE_ROUTE_EACH = "a route for each value: match: {host: …, headers: …}"


def mapped_variables(maps: dict[str, Map], pending: list[Directive], scope: Scope) -> list[str]:
    """The variables of `map` on which a location depends."""
    texts: list[str] = []
    for directive in [*pending, *scope.block.named(*HERE)]:
        for each in directive.all():
            texts += each.args
    for name in INHERITED:
        for each in scope.level(name):
            if each.first.lower() not in ("connection", "upgrade"):
                texts += each.args
    names = [name for text in texts for name in variables_of(text)]
    return [name for name in dict.fromkeys(names) if name in maps and maps[name].readable]


@dataclass(frozen=True)
class Case:
    """One value of a `map`, and for which requests it is."""

    condition: Condition
    value: str
    path: Expression | None = None


def cases_of(site: Site, mapped: Map) -> list[Case]:
    """Each value with its condition, the default last."""
    if mapped.source in ("host", "http_host"):
        return [Case(ALWAYS, host_value(site, mapped))]
    default = Case(ALWAYS, mapped.default)
    if mapped.source == "request_uri":
        site.book.nearly(mapped.directive, "the query is not looked at")
    if mapped.by_path:
        site.book.nearly(mapped.directive, "capitals and small letters differ")
        return [*(Case(ALWAYS, value, path_of(key)) for key, value in mapped.cases), default]
    found = [Case(condition(mapped, key), value) for key, value in mapped.exact]
    found += [Case(expression_condition(mapped, key), value) for key, value in mapped.expressions]
    return [*found, default]


def path_of(key: str) -> Expression:
    """The paths of one line of a map by path."""
    if "?" in key and not key.startswith("~"):
        raise Unclear("asks for path and query in one", "match: {path: …, query: …}")
    expression = read_expression(key) if key.startswith("~") else Expression(f"^{escape(key)}$")
    expression.check()
    return expression


def host_value(site: Site, mapped: Map) -> str:
    """The value for the one host of a site."""
    values = {value_for(mapped, host) for host in site.hosts} if site.hosts else {mapped.default}
    if len(values) != 1:
        raise Unclear("gives several values to hosts of one server", "a server for each host")
    return values.pop()


def value_for(mapped: Map, host: str) -> str:
    for key, value in mapped.exact:
        if key.lower() == host or (key.startswith(("*.", ".")) and host.endswith(key.lstrip("*"))):
            return value
    for key, value in mapped.expressions:
        if read_expression(key).matches(host):
            return value
    return mapped.default


def read_expression(key: str) -> Expression:
    text = key.removeprefix("~")
    return Expression(text.removeprefix("*"), text.startswith("*"))


def condition(mapped: Map, key: str) -> Condition:
    if mapped.source == "request_method":
        return Condition(methods=(key,))
    try:
        return asked(mapped.source, any_case(key) if key else {"regex": ""})
    except Unclear:
        raise Unclear(NO_CASES % mapped.directive.args[-1].lstrip("$"), ONE_ROUTE_EACH) from None


def any_case(key: str) -> str | dict[str, str]:
    """NGINX compares keys without regard to capitals."""
    return key if key.lower() == key.upper() else {"regex": f"(?i:{escape(key)})"}


def expression_condition(mapped: Map, key: str) -> Condition:
    try:
        return asked(mapped.source, {"regex": read_expression(key).whole()})
    except Unclear:
        raise Unclear(NO_CASES % mapped.directive.args[-1].lstrip("$"), ONE_ROUTE_EACH) from None
