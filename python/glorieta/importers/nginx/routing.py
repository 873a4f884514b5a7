"""From the variants of a site's locations to routes: keys, priorities, and the target of everything else."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from .action import ALWAYS, Action, Condition, Data, Variant
from .answers import redirect_data
from .directive import Directive
from .locations import Rule, within_firm
from .ordering import in_order
from .placing import REST, Placed, Placing, encoded, within, without_slash
from .regex import Expression, escape
from .rewriting import covered, numbered_groups, read_rewrite
from .site import Site, spot_of
from .story import Story
from .unclear import Unclear
from .variables import SEARCH

UNREACHED = "the server has answered before any location is looked for"


@dataclass
class Entry:
    """One route before it has its key."""

    placed: Placed
    condition: Condition
    action: Action
    order: tuple[Any, ...] = ()


@dataclass
class Routes:
    """What a listener or a group gets."""

    data: Data = field(default_factory=dict)
    """By key."""
    rest: Data | None = None
    """What everything else leads to."""
    origins: dict[str, Directive] = field(default_factory=dict)
    """By key; the empty one is that of the rest."""
    remarks: dict[str, list[str]] = field(default_factory=dict)


class Routing:
    """The routes of one site."""

    def __init__(self, site: Site, *, whole_segments: bool) -> None:
        self.site = site
        self.book = site.book
        self.story = Story(site)
        self.rules = [*self.first_rules(), *site.locations.rules, *within_firm(site.locations.rules)]
        self.whole_segments = whole_segments

    def routes(self) -> Routes:
        told = self.told()
        narrowed = {id(rule) for rule, variants in told if any(is_part(each) for each in variants)}
        placing = Placing([rule for rule, _ in told], self.whole_segments, narrowed)
        entries: list[Entry] = []
        known = dict(told)
        for rule, variants in told:
            entries += self.entries(rule, variants, placing)
            entries += self.beside(rule, variants, known, placing)
        return Keys(entries, placing).routes()

    def told(self) -> list[tuple[Rule, list[Variant]]]:
        """Each rule with what it does; always one for all other paths."""
        everything = self.everything()
        if self.server_answers():
            for scope in [*(rule.scope for rule in self.site.locations.rules), *self.site.locations.named.values()]:
                for each in scope.block.all():
                    self.book.needless(each, UNREACHED)
            return [(everything, self.story.of_rule(None))]
        found = []
        for rule in self.rules:
            if rule.kind == "first":
                variants = self.story.of_expression(rule)
            else:
                self.book.translated(rule.directive)
                variants = [each for each in self.story.of_rule(rule) if self.can_be_narrowed(rule, each)]
            if variants and self.can_be_asked(rule):
                found.append((rule, variants))
        if not any(rule.is_prefix and rule.text == "/" for rule in self.rules):
            found.append((everything, self.others()))
        return found

    def can_be_asked(self, rule: Rule) -> bool:
        """Whether the engine's expressions can say the paths."""
        try:
            if rule.expression is not None:
                rule.expression.below(rule.below) if rule.below else rule.expression.whole()
        except Unclear as unclear:
            if rule.again:
                self.book.nearly(rule.directive, f"is not asked for paths below {rule.below}", unclear.nearest)
                return False
            self.book.missing(rule.directive, f"{unclear.what}; the location is left out", unclear.nearest)
            return False
        return True

    def can_be_narrowed(self, rule: Rule, variant: Variant) -> bool:
        """Whether an expression for the part that a variant is for can be said."""
        if variant.path is None:
            return True
        try:
            variant.path.below(within(rule))
        except Unclear as unclear:
            self.book.missing(variant.narrowed_by or variant.action.origin, unclear.what, unclear.nearest)
            return False
        return True

    def everything(self) -> Rule:
        return Rule("prefix", "/", self.site.server, self.site.scope)

    def others(self) -> list[Variant]:
        """Without `location /`: what the server does for paths that no location takes."""
        if self.site.scope.last("root") is not None or self.site.server.last("try_files") is not None:
            return self.story.of_rule(None)
        variants = self.story.of_rule(None)
        nothing = Action({"respond": 404}, self.site.server)
        return [replace(each, action=nothing) if "files" in each.action.target else each for each in variants]

    def first_rules(self) -> list[Rule]:
        """Each `rewrite` of the server that matches some paths only."""
        found = []
        for directive in self.site.server.named("rewrite"):
            try:
                rewrite = read_rewrite(directive)
                rewrite.expression.check()
                if covered(rewrite.expression, spot_of(None)) is None:
                    found.append(
                        Rule("first", rewrite.expression.source, directive, self.site.scope, rewrite.expression)
                    )
            except Unclear as unclear:
                self.book.missing(directive, unclear.what, unclear.nearest)
        return found

    def server_answers(self) -> bool:
        """Whether the server itself answers everything."""
        for directive in self.site.server.named("return", "rewrite", "if"):
            if directive.name == "return":
                return True
            if directive.name == "if":
                if self.if_always(directive):
                    return True
                continue
            try:
                rewrite = read_rewrite(directive)
            except Unclear:
                continue
            if rewrite.redirects and covered(rewrite.expression, spot_of(None)) is not None:
                return True
        return False

    def if_always(self, directive: Directive) -> bool:
        if not directive.named("return"):
            return False
        from .conditions import question

        try:
            asked = self.story.answered(question(directive.args, self.site.words(None)), spot_of(None))
        except Unclear:
            return False
        return asked.always is True

    def entries(self, rule: Rule, variants: list[Variant], placing: Placing) -> list[Entry]:
        found = []
        variants = in_order(variants)
        conditional = any(each.condition != ALWAYS for each in variants if each.path is None)
        for number, variant in enumerate(variants):
            if placing.is_regex(rule) and variant.action.proxies:
                variant = replace(variant, action=without_strip(variant.action, rule))
            placed = self.placed(rule, variant.action, variant.path, placing)
            if placed.form == "any" and conditional:
                placed = Placed("regex", "/.*")
            action = adapted(variant.action, rule, placed)
            order = (*placing.order(rule), variant.path is None, number if variant.path is not None else 0)
            found.append(Entry(placed, variant.condition, action, order))
        return found

    def placed(self, rule: Rule, action: Action, narrow: Expression | None, placing: Placing) -> Placed:
        text = json.dumps(action.data())
        return placing.place(rule, numbered_groups(text), "${path.*}" in text, narrow)

    def beside(
        self, rule: Rule, variants: list[Variant], known: dict[Rule, list[Variant]], placing: Placing
    ) -> list[Entry]:
        """`/a` beside `/a/`, where NGINX does something else with it than glorieta's `/a/*`."""
        if not rule.is_prefix or not rule.text.endswith("/") or rule.text == "/":
            return []
        path_and_more = without_slash(self.site.locations, rule)
        if path_and_more is None:
            return []
        path, other, adds = path_and_more
        if adds:
            return [Entry(Placed("exact", encoded(path)), ALWAYS, self.slash_added(rule))]
        if placing.is_regex(rule):
            return []
        other = other or next((each for each in known if each.is_prefix and each.text == "/"), None)
        others = known.get(other, []) if other is not None else []
        if not others or same(others, variants):
            return []
        plain = [each for each in others if each.path is None and "path." not in json.dumps(each.action.data())]
        return [
            Entry(Placed("exact", encoded(path)), each.condition, of_one_path(each.action, other)) for each in plain
        ]

    def slash_added(self, rule: Rule) -> Action:
        action = Action({"redirect": redirect_data(rule.text + SEARCH, 301)}, rule.directive)
        return self.story.content.with_common_filters(action, rule.scope, self.site.words(rule))


def is_part(variant: Variant) -> bool:
    """Whether an expression is for a part of a location; one path alone is a route of its own."""
    return variant.path is not None and variant.path.literal is None


def same(one: list[Variant], other: list[Variant]) -> bool:
    return [(each.condition, each.action.data()) for each in one] == [
        (each.condition, each.action.data()) for each in other
    ]


def of_one_path(action: Action, rule: Rule | None) -> Action:
    """A prefix is taken off one path only where it is named."""
    if action.options.get("strip_prefix") is not True or rule is None:
        return action
    return replace(action, options={**action.options, "strip_prefix": rule.text.rstrip("/")})


def without_strip(action: Action, rule: Rule) -> Action:
    """A prefix that an expression has to escape is not seen at its beginning: a rewrite says the same."""
    if action.options.get("strip_prefix") is not True or escape(rule.text) == rule.text:
        return action
    options = {key: value for key, value in action.options.items() if key != "strip_prefix"}
    return replace(action, options={**options, "rewrite": "/${path.*}"})


def adapted(action: Action, rule: Rule, placed: Placed) -> Action:
    """The action as it reads where its prefix has become an expression."""
    if placed.form != "regex" or not rule.is_prefix:
        return action
    options = dict(action.options)
    if options.get("strip_prefix") is True:
        options["strip_prefix"] = rule.text.rstrip("/")
    text = json.dumps([action.target, options, action.filters])
    target, options, filters = json.loads(text.replace("${path.*}", f"${{path.{REST}}}"))
    return replace(action, target=target, options=options, filters=filters)


class Keys:
    """Gives routes their keys and expressions their priorities."""

    def __init__(self, entries: list[Entry], placing: Placing) -> None:
        self.entries = entries
        self.found = Routes()
        self.priorities = self.by_order()
        self.orders: dict[str, tuple[Any, ...]] = {}
        """The place of each route, where two have one path: the first of them stays."""

    def by_order(self) -> dict[str, int]:
        """The priority of each expression; the last has none."""
        texts: list[str] = []
        for entry in sorted(
            (each for each in self.entries if each.placed.form == "regex"), key=lambda each: each.order
        ):
            if entry.placed.text not in texts:
                texts.append(entry.placed.text)
        return {text: len(texts) - 1 - index for index, text in enumerate(texts)}

    def routes(self) -> Routes:
        for entry in self.entries:
            if entry.placed.form == "any":
                self.found.rest = entry.action.data()
                self.found.origins[""] = entry.action.origin
                self.note("", entry.action)
            else:
                self.add(entry)
        return self.found

    def add(self, entry: Entry) -> None:
        pattern = f"~{entry.placed.text}" if entry.placed.form == "regex" else entry.placed.text
        priority = self.priorities.get(entry.placed.text, 0) if entry.placed.form == "regex" else 0
        data = entry.action.data()
        if priority:
            data = {**data, "priority": priority}
        key, match = self.key(pattern, entry.condition)
        if match is not None:
            data = {"match": match, **data}
        if key in self.found.data and self.orders[key] <= entry.order:
            return
        self.orders[key] = entry.order
        self.found.data[key] = data
        self.found.origins[key] = entry.action.origin
        self.note(key, entry.action)

    def key(self, pattern: str, condition: Condition) -> tuple[str, Data | None]:
        """The key, and what it cannot say."""
        if condition == ALWAYS:
            return pattern, None
        if len(condition.methods) == 1 and not condition.headers and not condition.query:
            return f"{condition.methods[0]} {pattern}", None
        name, number = slug(pattern, condition), 2
        wanted = name
        while name in self.found.data:
            name, number = f"{wanted}-{number:02}", number + 1
        return name, {"path": pattern, **condition.match()}

    def note(self, key: str, action: Action) -> None:
        if action.remarks:
            self.found.remarks.setdefault(key, []).extend(action.remarks)


def slug(pattern: str, condition: Condition) -> str:
    """A name for a route: its path's words, and what it asks for."""
    words = re.findall(r"[A-Za-z0-9]+", pattern.split("?<")[0])
    asked = [
        *(each.lower() for each in condition.methods[:1]),
        *(name for name, _ in (*condition.headers, *condition.query)),
    ]
    text = "-".join([*(words[:4] or ["all"]), "if", *asked])
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)[:56]
