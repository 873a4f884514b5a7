"""One server as some hosts see it, and what is known there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .action import Spot
from .book import Book
from .directive import Directive
from .locations import Locations, Rule
from .maps import Map
from .regex import Expression
from .scope import Scope
from .upstreams import Upstreams
from .variables import Words, capture_words

LITERAL_SEGMENT = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


@dataclass
class Site:
    """A server for some of its hosts."""

    book: Book
    scope: Scope
    locations: Locations
    upstreams: Upstreams
    maps: dict[str, Map]
    hosts: list[str] = field(default_factory=list)
    """The hosts; none: every host."""
    excluded: list[str] = field(default_factory=list)
    """Hosts that another site of the same server has."""
    port: str = ""

    @property
    def server(self) -> Directive:
        return self.scope.block

    @property
    def label(self) -> str:
        """A short name for what has none of its own."""
        for directive in self.server.named("server_name"):
            for name in directive.args:
                labels = [each for each in name.lstrip("~^*.").split(".") if each not in ("www", "")]
                if labels and all(letter in LITERAL_SEGMENT for letter in labels[0]):
                    return labels[0] if labels[0] != "_" else "app"
        return "app"

    def words(self, rule: Rule | None) -> Words:
        """What variables stand for in a location."""
        names = [name for each in self.server.named("server_name") for name in each.args]
        first = names[0] if names and not names[0].startswith(("~", "*", ".", "_")) else ""
        root = rule.scope.value("root") if rule is not None else ""
        words = Words(server_name=first, port=self.port, maps=frozenset(self.maps), root=root)
        if rule is not None and rule.expression is not None:
            words.captures = capture_words(groups_of(rule.expression))
        return words

    def answers_for(self, hosts: tuple[str, ...]) -> bool | None:
        """Whether requests here are for one of these hosts: yes, no, or it depends."""
        if self.hosts and all(host in hosts for host in self.hosts):
            return True
        if all(host in self.excluded for host in hosts) or (
            self.hosts and not any(host in self.hosts for host in hosts)
        ):
            return False
        return None


def groups_of(expression: Expression) -> list[str]:
    """Numbers and names of an expression's groups."""
    numbers = [str(number) for number in range(1, expression.compiled.groups + 1)]
    return [*numbers, *expression.compiled.groupindex]


def spot_of(rule: Rule | None) -> Spot:
    """What templates of a location may speak of."""
    if rule is None:
        return Spot("/", "${path.*}")
    if rule.expression is not None:
        return Spot(expression=rule.expression)
    if rule.kind == "exact":
        return Spot(rule.text, exact=True)
    return Spot(rule.text, "${path.*}")


def with_value(words: Words, name: str, value: str, captures: dict[str, str]) -> Words:
    """The words where a variable has a value, which may speak of other variables."""
    inside = replace(words, captures={**words.captures, **captures})
    if "$" not in value:
        return replace(inside, constants={**words.constants, name: value})
    return replace(inside, captures={**inside.captures, name: inside.template(value)})
