"""What a location does, told in NGINX's own order: rewrite rules and conditions first, then who may, then the content.

A condition splits the story: what is inside it goes on with the condition's words known, what is outside without. So
the result is a list of variants, the last of which holds for everybody.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from .action import ALWAYS, Condition, Spot, Variant
from .answers import returned
from .conditions import Question, question
from .content import Content
from .mapped import Case, cases_of, mapped_variables
from .rewriting import (
    TWICE,
    covered,
    never,
    new_path,
    read_rewrite,
    redirected,
    rewrite_captures,
    sample_path,
)
from .site import Site, spot_of, with_value
from .unclear import Unclear

if TYPE_CHECKING:
    from .directive import Directive
    from .locations import Rule
    from .regex import Expression
    from .rewriting import Rewrite
    from .scope import Scope
    from .variables import Words

REWRITING = ("set", "return", "rewrite", "if", "break")
MOST_VARIANTS = 64
TOO_MANY = "makes more cases than one location should have"
UNREACHED = "never reached: a return or a break stands before it"


class Story:
    """Tells the variants of the locations of one site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.book = site.book
        self.content = Content(self)
        self.depth = 0
        self.rule: Rule | None = None

    def of_rule(self, rule: Rule | None) -> list[Variant]:
        """All that a location does; without a location, what the server does by itself."""
        self.rule = rule
        scope = rule.scope if rule is not None else self.site.scope
        if rule is not None and scope.block.last("internal") is not None:
            self.unreached(scope.block.named(*REWRITING))
            return self.content.variants(scope, spot_of(rule), self.site.words(rule), None)
        server = [each for each in self.site.server.children if each.name in REWRITING]
        pending = [*server, *(each for each in scope.block.children if rule is not None and each.name in REWRITING)]
        return self.cases(pending, scope, spot_of(rule), self.site.words(rule))

    def of_expression(self, rule: Rule) -> list[Variant]:
        """What a `rewrite` of the server does for the paths that it matches."""
        self.rule = rule
        words = self.site.words(rule)
        try:
            rewrite = read_rewrite(rule.directive)
            return self.rewritten(rewrite, [], self.site.scope, spot_of(rule), words, None, {})
        except Unclear as unclear:
            self.book.missing(rule.directive, unclear.what, unclear.nearest)
            return []

    def cases(self, pending: list[Directive], scope: Scope, spot: Spot, words: Words) -> list[Variant]:
        """The story once for each value of a `map` whose variable is used here."""
        names = mapped_variables(self.site.maps, pending, scope)
        for name in names:
            if name in words.constants or name in words.captures:
                continue
            mapped = self.site.maps[name]
            try:
                cases = cases_of(self.site, mapped)
                if len(cases) > MOST_VARIANTS and mapped.by_path and spot.expression is not None:
                    raise Unclear("asks for paths within an expression", "routes by path")
            except Unclear as unclear:
                self.book.missing(mapped.directive, unclear.what, unclear.nearest)
                continue
            self.book.translated(mapped.directive)
            found: list[Variant] = []
            for case in cases:
                found += self.case(case, name, pending, scope, spot, words)
            return found
        return self.told(pending, scope, spot, words, None)

    def case(
        self, case: Case, name: str, pending: list[Directive], scope: Scope, spot: Spot, words: Words
    ) -> list[Variant]:
        """The story for one value of a `map`."""
        captures: dict[str, str] = {}
        if case.path is not None:
            if spot.exact:
                if not case.path.matches(spot.base):
                    return []
            elif never(case.path, spot) or self.is_elsewhere(case.path):
                return []
            elif spot.expression is not None:
                raise Unclear("an expression within an expression has no twin", "one expression for both")
            captures = rewrite_captures(case.path, covered(case.path, spot) if spot.exact else None)
        told = self.cases(pending, scope, spot, with_value(words, name, case.value, captures))
        found = self.under(case.condition, told)
        if case.path is None or spot.exact:
            return found
        directive = self.site.maps[name].directive
        return [each if each.path else replace(each, path=case.path, narrowed_by=directive) for each in found]

    def is_elsewhere(self, expression: Expression) -> bool:
        """Whether the one path that an expression means belongs to another location."""
        if expression.literal is None:
            return False
        rule = self.site.locations.find(expression.literal)
        return rule is not self.rule and not (rule is None and self.rule is None)

    def told(self, pending: list[Directive], scope: Scope, spot: Spot, words: Words, path: str | None) -> list[Variant]:
        """Goes through the rewrite rules in order; `path` is what they have made of the path so far."""
        for index, directive in enumerate(pending):
            rest = pending[index + 1 :]
            try:
                match directive.name:
                    case "set":
                        self.set(directive, words)
                    case "break":
                        self.book.translated(directive)
                        self.unreached(rest)
                        break
                    case "return":
                        self.unreached(rest)
                        return [self.returned(directive, scope, spot, words)]
                    case "rewrite":
                        done = self.rewrite(directive, rest, scope, spot, words, path)
                        if done is not None:
                            return done
                    case "if":
                        done = self.split(directive, rest, scope, spot, words, path)
                        if done is not None:
                            return done
            except Unclear as unclear:
                self.book.missing(directive, unclear.what, unclear.nearest)
        return self.content.variants(scope, spot, words, path)

    def unreached(self, rest: list[Directive]) -> None:
        """What stands behind a `return` or a `break`."""
        for directive in rest:
            for each in directive.all():
                self.book.needless(each, UNREACHED)

    def set(self, directive: Directive, words: Words) -> None:
        """A variable with a fixed text is known from here on; another one stands for its template."""
        if len(directive.args) < 2:
            return
        name, value = directive.args[0].lstrip("$"), directive.args[1]
        words.constants = {key: known for key, known in words.constants.items() if key != name}
        words.captures = {key: known for key, known in words.captures.items() if key != name}
        try:
            words.constants[name] = words.literal(value)
        except Unclear:
            words.captures[name] = words.template(value)
        self.book.translated(directive)

    def returned(self, directive: Directive, scope: Scope, spot: Spot, words: Words) -> Variant:
        named = self.named_error(directive, scope)
        if named is not None:
            self.book.translated(directive)
            return self.content.variants(named, replace(spot, base=""), words, None)[-1]
        action = returned(self.book, scope, directive, words, spot.base if spot.exact else None)
        return Variant(ALWAYS, self.content.with_common_filters(action, scope, words))

    def named_error(self, directive: Directive, scope: Scope) -> Scope | None:
        """`return 418` with `error_page 418 = @app` is a way to go to `@app`."""
        for page in scope.level("error_page"):
            if directive.first in page.args[:-1] and page.args[-1].startswith("@"):
                named = self.site.locations.named.get(page.args[-1])
                if named is not None:
                    self.book.translated(page, named.block)
                return named
        return None

    def rewrite(
        self, directive: Directive, rest: list[Directive], scope: Scope, spot: Spot, words: Words, path: str | None
    ) -> list[Variant] | None:
        """What a `rewrite` comes to; none, where the story goes on as if it were not there."""
        rewrite = read_rewrite(directive)
        rewrite.expression.check()
        if path is not None:
            raise Unclear(TWICE, "one rewrite: that says both")
        if never(rewrite.expression, spot):
            if directive.parent is not self.site.server:
                self.book.needless(directive, "no path of this location matches")
            return None
        groups = covered(rewrite.expression, spot)
        if groups is None and directive.parent is self.site.server:
            return None  # It is a rule of its own, before all locations.
        if groups is None and spot.expression is not None:
            raise Unclear("an expression within an expression has no twin", "one expression for both")
        return self.rewritten(rewrite, rest, scope, spot, words, groups, groups)

    def rewritten(
        self,
        rewrite: Rewrite,
        rest: list[Directive],
        scope: Scope,
        spot: Spot,
        words: Words,
        groups: dict[str, str] | None,
        known: dict[str, str] | None,
    ) -> list[Variant]:
        """The variant of the paths that a `rewrite` matches, then those that it does not."""
        captures = rewrite_captures(rewrite.expression, groups)
        inside = replace(words, captures={**words.captures, **captures})
        if rewrite.redirects:
            found = [Variant(ALWAYS, self.content.with_common_filters(redirected(rewrite, inside), scope, inside))]
        else:
            found = self.led_on(rewrite, rest, scope, spot, inside)
        self.book.translated(rewrite.directive)
        if rewrite.remark is not None:
            self.book.nearly(rewrite.directive, rewrite.remark)
        if known is not None:
            return found
        narrowed = [replace(each, path=rewrite.expression, narrowed_by=rewrite.directive) for each in found]
        return [*narrowed, *self.told(rest, scope, spot, words, None)]

    def led_on(self, rewrite: Rewrite, rest: list[Directive], scope: Scope, spot: Spot, words: Words) -> list[Variant]:
        """Within NGINX the request goes on under another path."""
        path = new_path(rewrite, words)
        if rewrite.flag == "break":
            self.unreached(rest)
            return self.content.variants(scope, spot, words, path)
        if not rewrite.flag and any(each.name in ("return", "rewrite", "if") for each in rest):
            return self.told(rest, scope, spot, words, path)
        target = self.site.locations.find(sample_path(rewrite.replacement))
        where = target.scope if target is not None else self.site.scope
        return self.content.variants(where, Spot() if where is not scope else spot, words, path)

    def split(
        self, directive: Directive, rest: list[Directive], scope: Scope, spot: Spot, words: Words, path: str | None
    ) -> list[Variant] | None:
        """An `if`: what is inside it, and what is not."""
        asked = self.answered(question(directive.args, words), spot)
        if directive.first == "$request_uri":
            self.book.nearly(directive, "the query is not looked at")
        inner = [*directive.children, *rest]
        if asked.guessed is not None:
            self.book.enter(directive, "missing", asked.guessed.what, asked.guessed.nearest)
        if asked.always is False:
            self.book.translated(directive)
            for child in directive.children:
                for each in child.all():
                    self.book.needless(each, "its condition never holds here")
            return None
        inside = replace(words, constants=dict(words.constants), captures=dict(words.captures))
        if asked.always is True:
            self.book.translated(directive)
            return self.told(inner, scope.inner(directive), spot, inside, path)
        within = self.told(inner, scope.inner(directive), spot, inside, path)
        outside = self.told(rest, scope, spot, replace(words, constants=dict(words.constants)), path)
        self.book.translated(directive)
        if asked.path is not None:
            if not asked.holds or spot.expression is not None:
                raise Unclear("asks what the path is not", "routes by path")
            narrowed = [replace(each, path=asked.path, narrowed_by=directive) for each in within]
            return [*narrowed, *outside]
        assert asked.condition is not None
        first, last = (within, outside) if asked.holds else (outside, within)
        return self.bounded([*self.under(asked.condition, first), *last], directive)

    def bounded(self, variants: list[Variant], directive: Directive) -> list[Variant]:
        if len(variants) > MOST_VARIANTS:
            raise Unclear(TOO_MANY, "one route per case")
        return variants

    def answered(self, asked: Question, spot: Spot) -> Question:
        """Questions that this place answers by itself: hosts, and paths where there is only one."""
        if asked.hosts:
            here = self.site.answers_for(asked.hosts)
            if here is None:
                raise Unclear("asks for a host among others", "a group for each host: match: HOST")
            return Question(True, always=here == asked.holds)
        if asked.path is not None:
            if spot.exact:
                return Question(True, always=asked.path.matches(spot.base) == asked.holds)
            if asked.path.always or covered(asked.path, spot) is not None:
                return Question(True, always=asked.holds)
            if never(asked.path, spot):
                return Question(True, always=not asked.holds)
            if re.search(r"\\\?", asked.path.source):
                raise Unclear("asks for path and query in one expression", "match: {path: …, query: …}")
            asked.path.check()
        return asked

    def under(self, condition: Condition, variants: list[Variant]) -> list[Variant]:
        """Variants that hold only under a condition."""
        found = []
        for each in variants:
            both = condition.both(each.condition)
            if both is not None:
                found.append(replace(each, condition=both))
        return found
