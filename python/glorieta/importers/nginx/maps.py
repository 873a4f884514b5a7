"""`map`: a variable by the value of another; each of its values is a case of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from .directive import Directive

PARAMETERS = ("default", "hostnames", "volatile", "include")
MOST_VALUES = 512


@dataclass
class Map:
    """One `map` block."""

    directive: Directive
    source: str
    """The variable that is asked."""
    default: str = ""
    exact: list[tuple[str, str]] = field(default_factory=list)
    expressions: list[tuple[str, str]] = field(default_factory=list)
    readable: bool = True

    @property
    def by_path(self) -> bool:
        return self.source in ("uri", "document_uri", "request_uri")

    @property
    def cases(self) -> list[tuple[str, str]]:
        """Values of the source and what they give, in the order in which NGINX asks."""
        return [*self.exact, *self.expressions]


def read_maps(http: Directive) -> dict[str, Map]:
    """The maps by the variable that they make, and what is made by chance or address."""
    found = {}
    for directive in http.named("map", "geo", "split_clients"):
        name = directive.args[-1].lstrip("$") if directive.args else ""
        found[name] = read_map(directive)
    return found


def read_map(directive: Directive) -> Map:
    source = directive.args[0] if len(directive.args) > 1 else ""
    found = Map(directive, source.removeprefix("$").strip("{}"))
    if directive.name != "map" or source.count("$") != 1 or not source.startswith("$"):
        found.readable = False
    for child in directive.children:
        value = child.first
        if child.name == "default":
            found.default = value
        elif child.name in PARAMETERS:
            found.readable = found.readable and child.name == "volatile"
        elif child.name.startswith("~"):
            found.expressions.append((child.name, value))
        else:
            found.exact.append((child.name.removeprefix("\\"), value))
    if len(found.cases) > MOST_VALUES:
        found.readable = False
    return found
