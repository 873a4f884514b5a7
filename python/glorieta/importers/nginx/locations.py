"""The locations of a server, flat, and NGINX's own way of finding one for a path."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from .book import Book
from .directive import Directive
from .regex import Expression
from .scope import Scope
from .unclear import Unclear

Kind = Literal["first", "exact", "firm", "prefix", "regex"]
"""`first`: an expression of the server itself, asked before any location. `firm`: `^~`."""
WITH_SLASH = ("proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass")
"""What makes NGINX send `/a` to `/a/` where the location is `/a/`."""


@dataclass(eq=False)
class Rule:
    """One location, or one expression of the server."""

    kind: Kind
    text: str
    directive: Directive
    scope: Scope
    expression: Expression | None = None
    below: str = ""
    """For an expression within a prefix: that prefix."""
    in_firm: bool = False
    """Whether it stands within `^~`: expressions outside have no say."""

    again: bool = False
    """Whether the same expression stands elsewhere, too: here it is for a prefix within `^~` only."""

    @property
    def is_prefix(self) -> bool:
        return self.kind in ("firm", "prefix")

    @property
    def adds_slash(self) -> bool:
        return (
            self.is_prefix
            and self.text.endswith("/")
            and any(child.name in WITH_SLASH for child in self.directive.children)
        )


def within_firm(rules: list[Rule]) -> list[Rule]:
    """Expressions once more for each plain prefix within `^~`: there they have a say, around it they have none."""
    firm = [rule.text for rule in rules if rule.kind == "firm"]
    plain = [rule for rule in rules if rule.kind == "prefix" and any(rule.text.startswith(each) for each in firm)]
    expressions = [rule for rule in rules if rule.kind == "regex" and not rule.below]
    return [
        replace(rule, below=prefix.text, in_firm=True, again=True)
        for prefix in plain
        for rule in expressions
        if rule.expression is not None and rule.expression.may_match_below(prefix.text)
    ]


@dataclass
class Locations:
    """All of one server."""

    rules: list[Rule] = field(default_factory=list)
    named: dict[str, Scope] = field(default_factory=dict)

    def find(self, path: str) -> Rule | None:
        """The location that NGINX takes for a path."""
        for rule in self.rules:
            if rule.kind == "exact" and rule.text == path:
                return rule
        prefixes = [rule for rule in self.rules if rule.is_prefix and path.startswith(rule.text)]
        longest = max(prefixes, key=lambda rule: len(rule.text), default=None)
        firm = longest is not None and longest.kind == "firm"
        expressions = [rule for rule in self.rules if rule.kind == "regex" and (rule.in_firm or not firm)]
        inside = [rule for rule in expressions if rule.below]
        outside = [rule for rule in expressions if not rule.below]
        for rule in [*inside, *outside]:
            assert rule.expression is not None
            if rule.expression.matches(path) and path.startswith(rule.below):
                return rule
        return longest

    def slash_is_added(self, path: str) -> bool:
        """Whether NGINX sends the client from `/a` to `/a/`."""
        if any(rule.text == path and rule.kind != "regex" for rule in self.rules):
            return False
        return any(rule.adds_slash and rule.text == f"{path}/" for rule in self.rules)


def locations_of(book: Book, server: Scope) -> Locations:
    found = Locations()
    collect(book, server, found, "", in_firm=False)
    return found


def collect(book: Book, scope: Scope, found: Locations, below: str, *, in_firm: bool) -> None:
    seen = {(rule.kind, rule.text) for rule in found.rules}
    for directive in scope.block.named("location"):
        inner = scope.inner(directive)
        modifier, text = location_args(directive)
        if text.startswith("@") and not modifier:
            found.named[text] = inner
            continue
        rule = rule_of(directive, inner, modifier, text, below)
        if rule.expression is not None and not can_be_read(book, rule.expression, directive):
            continue
        if in_firm:
            rule.kind, rule.in_firm = "firm" if rule.kind == "prefix" else rule.kind, True
        if (rule.kind, rule.text) in seen:
            book.missing(directive, "stands twice")
            continue
        seen.add((rule.kind, rule.text))
        found.rules.append(rule)
        if directive.named("location"):
            if rule.kind == "regex":
                for nested in directive.named("location"):
                    book.missing(nested, "a location within an expression has no twin", "one expression for both")
            else:
                collect(book, inner, found, text, in_firm=in_firm or rule.kind == "firm")


def can_be_read(book: Book, expression: Expression, directive: Directive) -> bool:
    try:
        return expression.compiled is not None
    except Unclear as unclear:
        book.missing(directive, unclear.what, unclear.nearest)
        return False


def location_args(directive: Directive) -> tuple[str, str]:
    """Modifier and text; NGINX takes `=/a` and `~\\.php$` without a blank, too."""
    if len(directive.args) > 1:
        return directive.args[0], directive.args[1]
    text = directive.first
    for modifier in ("=", "^~", "~*", "~"):
        if text.startswith(modifier):
            return modifier, text.removeprefix(modifier)
    return "", text


def rule_of(directive: Directive, scope: Scope, modifier: str, text: str, below: str) -> Rule:
    match modifier:
        case "=":
            return Rule("exact", text, directive, scope)
        case "^~":
            return Rule("firm", text, directive, scope)
        case "~" | "~*":
            return Rule("regex", text, directive, scope, Expression(text, modifier == "~*"), below)
    return Rule("prefix", text, directive, scope)
