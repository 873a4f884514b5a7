"""What happens to a request that a location takes: one target, and what goes with it."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any

from .directive import Directive
from .regex import Expression
from .unclear import Unclear

Data = dict[str, Any]


@dataclass
class Action:
    """The data of a route, but for what it matches."""

    target: Data
    origin: Directive
    options: Data = field(default_factory=dict)
    filters: Data = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """What a reader of the YAML should know here."""

    def data(self) -> Data:
        """A copy: several routes may be made of one action."""
        filters = {"filters": self.filters} if self.filters else {}
        return copy.deepcopy({**self.target, **self.options, **filters})

    @property
    def proxies(self) -> bool:
        return "to" in self.target or "split" in self.target


@dataclass(frozen=True)
class Condition:
    """What a request must be like beside its host and path."""

    methods: tuple[str, ...] = ()
    headers: tuple[tuple[str, Any], ...] = ()
    query: tuple[tuple[str, Any], ...] = ()

    def match(self) -> Data:
        methods: Data = {"method": list(self.methods)} if self.methods else {}
        headers: Data = {"headers": dict(self.headers)} if self.headers else {}
        query: Data = {"query": dict(self.query)} if self.query else {}
        return {**methods, **headers, **query}

    def both(self, other: Condition) -> Condition | None:
        """Both conditions; none, where no request meets both. `Unclear`, where one route cannot ask for both."""
        methods = self.methods or other.methods
        if self.methods and other.methods:
            methods = tuple(each for each in self.methods if each in other.methods)
            if not methods:
                return None
        headers, query = merged(self.headers, other.headers), merged(self.query, other.query)
        return None if headers is None or query is None else Condition(methods, headers, query)

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """The place among routes of one path; the smallest is asked first (engine/policy/src/route)."""
        return not self.methods, -len(self.headers), -len(self.query), len(self.methods)


Values = tuple[tuple[str, Any], ...]


def merged(one: Values, other: Values) -> Values | None:
    """Conditions on values by name, both of them."""
    found = dict(one)
    for name, value in other:
        if name in found and found[name] != value:
            narrower = narrowed(found[name], value)
            if narrower is None:
                return None
            value = narrower
        found[name] = value
    return tuple(sorted(found.items(), key=lambda pair: pair[0]))


def narrowed(one: Any, other: Any) -> Any:
    """The value that fits both of two different conditions; none, where none does."""
    if isinstance(one, str) and isinstance(other, str):
        return None
    if isinstance(one, dict) and isinstance(other, dict):
        raise Unclear("asks for two expressions of one header", "one expression for both")
    text, expression = (one, other) if isinstance(one, str) else (other, one)
    return text if re.fullmatch(expression["regex"], text) else None


ALWAYS = Condition()


@dataclass
class Variant:
    """What happens under a condition; `path` narrows the location."""

    condition: Condition
    action: Action
    path: Expression | None = None
    narrowed_by: Directive | None = None
    """The directive that has the path."""


@dataclass(frozen=True)
class Spot:
    """Where an action stands: what of the path its templates may speak of."""

    base: str = ""
    """The location's text, where it is a prefix or an exact path."""
    rest: str | None = None
    """The word for what follows the base."""
    exact: bool = False
    expression: Expression | None = None
    """The location's own expression."""
