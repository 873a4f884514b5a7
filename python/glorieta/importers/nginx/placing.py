"""Where a location stands among glorieta's routes, so that the same one wins.

NGINX lets an expression win over a longer plain prefix; glorieta lets prefixes win over expressions. So a prefix is a
prefix where no expression could take a path from it, and an expression of lower priority where one could. A location
without a slash at its end (`/a` takes `/ab`, too) is an expression, unless whole segments are asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from .locations import Locations, Rule
from .regex import Expression, escape

LONGEST = 10_000
"""Longer than any path: what comes before all prefixes."""
REST = "rest"
"""The group that is what follows a prefix."""
ORDER = {"first": 0, "firm": 1, "regex": 2, "prefix": 3}
"""Which expressions come first."""


@dataclass(frozen=True)
class Placed:
    """The form of a location's path."""

    form: str
    """`exact`, `prefix`, `regex` or `any`."""
    text: str
    """The path as it is written; without the groups that nobody uses."""


@dataclass
class Placing:
    """The decision for all locations of one server."""

    rules: list[Rule]
    whole_segments: bool
    narrowed: set[int]
    """Rules (by identity) of which a part is answered in another way by an expression."""

    def __post_init__(self) -> None:
        self.expressions = [
            rule
            for rule in self.rules
            if rule.expression is not None and not (rule.kind == "first" and rule.expression.literal is not None)
        ]
        self.decided: dict[int, bool] = {}

    def is_regex(self, rule: Rule) -> bool:
        """Whether a prefix has to be written as an expression."""
        if id(rule) not in self.decided:
            self.decided[id(rule)] = self.decide(rule)
        return self.decided[id(rule)]

    def decide(self, rule: Rule) -> bool:
        if not rule.is_prefix or rule.text == "/":
            return False
        if id(rule) in self.narrowed:
            return True
        if not rule.text.endswith("/") and not (self.whole_segments or rule.directive.last("alias")):
            return True
        # A prefix that stayed one would win over the longer ones within it that did not.
        longer = [
            each for each in self.rules if each.is_prefix and each is not rule and each.text.startswith(rule.text)
        ]
        return self.is_rivalled(rule) or any(self.is_regex(each) for each in longer)

    def is_rivalled(self, rule: Rule) -> bool:
        """Whether an expression may take paths from a prefix."""
        rivals = [each for each in self.expressions if each.kind == "first" or each.in_firm or rule.kind == "prefix"]
        return any(
            each.expression is not None
            and each.expression.may_match_below(rule.text)
            and related(each.below, rule.text)
            for each in rivals
        )

    def has_expressions(self) -> bool:
        return bool(self.expressions) or any(self.is_regex(rule) for rule in self.rules)

    def place(self, rule: Rule, used: frozenset[str], uses_rest: bool, narrow: Expression | None) -> Placed:
        """The path of a rule; `narrow` is a part of it."""
        if narrow is not None and narrow.literal is not None:
            return Placed("exact", encoded(narrow.literal))
        if narrow is not None:
            return Placed("regex", narrow.below(within(rule), used))
        if rule.kind == "first" and rule.expression is not None and rule.expression.literal is not None:
            return Placed("exact", encoded(rule.expression.literal))
        if rule.expression is not None:
            whole = rule.expression.below(rule.below, used) if rule.below else rule.expression.whole(used)
            return Placed("regex", whole)
        if rule.kind == "exact":
            return Placed("exact", encoded(rule.text))
        if rule.text == "/":
            if not (self.has_expressions() or id(rule) in self.narrowed):
                return Placed("prefix", "/*")
            # Among expressions, `^~ /` comes before those that are asked for by all paths.
            return Placed("regex", "/.*") if rule.kind == "firm" else Placed("any", "/*")
        if self.is_regex(rule):
            tail = f"(?<{REST}>.*)" if uses_rest else ".*"
            slash = "/" if rule.directive.last("alias") and not rule.text.endswith("/") else ""
            return Placed("regex", escape(encoded(rule.text)) + slash + tail)
        return Placed("prefix", f"{encoded(rule.text.rstrip('/'))}/*")

    def order(self, rule: Rule) -> tuple[int, int, int, int]:
        """The place among expressions: the smallest wins."""
        position = self.rules.index(rule)
        if rule.is_prefix:
            kind = "firm" if self.is_within_firm(rule) else rule.kind
            return ORDER[kind], -len(rule.text), 1, position
        if rule.in_firm:
            # Just before its prefix, but after the longer ones; what is written within `^~` before all of them.
            return ORDER["firm"], -len(rule.below) if rule.again else -LONGEST, 0, position
        return ORDER.get(rule.kind, 0), -len(rule.below), 0, position

    def is_within_firm(self, rule: Rule) -> bool:
        """Whether a longer prefix lies within `^~`."""
        return any(each.kind == "firm" and each is not rule and rule.text.startswith(each.text) for each in self.rules)


def within(rule: Rule) -> str:
    """The prefix in which a part of a location lies."""
    return rule.text if rule.is_prefix and rule.text != "/" else ""


def related(below: str, prefix: str) -> bool:
    return not below or prefix.startswith(below) or below.startswith(prefix)


def encoded(path: str) -> str:
    """A path as it is requested: NGINX writes locations decoded."""
    return quote(path, safe="/:@!$&'()*+,;=~-._%") if re.search(r"[^!-~]", path) else path


def without_slash(locations: Locations, rule: Rule) -> tuple[str, Rule | None, bool] | None:
    """`/a` beside `/a/`: the path, the location that NGINX takes for it, and whether it only adds the slash.

    glorieta's `/a/*` takes `/a`, too.
    """
    path = rule.text[:-1]
    if not path or any(each.kind == "exact" and each.text == path for each in locations.rules):
        return None
    if locations.slash_is_added(path):
        return path, None, True
    return path, locations.find(path), False
