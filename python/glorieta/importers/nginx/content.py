"""What answers in the end: an upstream, files, or nothing that glorieta has; and who may ask."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...config.units import format_size
from .access import address_filters, authentication, challenge
from .action import ALWAYS, Action, Condition, Spot, Variant
from .compression import compress
from .headers import response_side
from .locations import location_args
from .proxying import OTHER_GATEWAYS, PASSING, proxied
from .serving import ELSEWHERE, GIVE_PATHS, Tried, files, tried
from .sharing import add_mirror, share_out, shares_of, with_variant
from .unclear import Unclear
from .units import size

if TYPE_CHECKING:
    from .directive import Directive
    from .scope import Scope
    from .story import Story
    from .variables import Words

Data = dict[str, Any]
LARGEST_BODY = "1m"
"""NGINX's own client_max_body_size."""
OWN_HANDLERS = {
    "stub_status": ("shows counts", "the admin address has /metrics"),
    "empty_gif": ("answers with a picture", "files: with one"),
    "js_content": ("runs JavaScript", "handlers in Python come with Handlers"),
    "content_by_lua_block": ("runs Lua", "handlers in Python come with Handlers"),
    "content_by_lua_file": ("runs Lua", "handlers in Python come with Handlers"),
    "perl": ("runs Perl", "handlers in Python come with Handlers"),
    "flv": ("seeks in video", "files: answers ranges"),
    "mp4": ("seeks in video", "files: answers ranges"),
    "dav_methods": ("takes files", "let a service take them"),
    "api": ("answers with figures", "the admin address has /metrics"),
}
CLOSED = {"respond": 503}
OTHER_LOCATION = "what {} says besides does not hold where it stands in for another path"


class Content:
    """The end of each story."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.site = story.site
        self.book = story.book

    def variants(self, scope: Scope, spot: Spot, words: Words, path: str | None) -> list[Variant]:
        """The content, and what `limit_except` makes of other methods."""
        normal = Variant(ALWAYS, self.action(scope, spot, words, path))
        limited = scope.block.last("limit_except")
        if limited is None:
            return [normal]
        self.book.translated(limited)
        others = Variant(ALWAYS, self.action(scope.inner(limited), spot, words, path))
        return [replace(normal, condition=Condition(methods=limited.args)), others]

    def action(self, scope: Scope, spot: Spot, words: Words, path: str | None) -> Action:
        """One action; where it cannot be said, the route is closed."""
        origin = handler(scope) or scope.block
        try:
            made = self.guarded(scope, spot, words, path, origin)
        except Unclear as unclear:
            self.book.missing(origin, unclear.what, unclear.nearest)
            made = Action({"respond": 503}, origin, remarks=[f"{origin.text()}: {unclear.what}"])
        return made

    def guarded(self, scope: Scope, spot: Spot, words: Words, path: str | None, origin: Directive) -> Action:
        if scope.block.last("internal") is not None:
            self.book.translated(scope.block.last("internal"))
            inner = Action({"respond": 404}, origin, remarks=["NGINX reaches it only from within"])
            return self.with_common_filters(inner, scope, words)
        addresses = address_filters(self.book, scope)
        if addresses is None:
            return self.with_common_filters(Action({"respond": 403}, origin), scope, words)
        either = scope.value("satisfy") == "any" and bool(addresses)
        gate = authentication(self.book, scope)
        made = self.made(scope, spot, words, path, origin)
        if gate is not None and not either:
            remark = f"closed until authentication comes with Gateway; then: {target_words(made)}"
            return self.with_common_filters(Action({"respond": challenge(gate)}, gate, remarks=[remark]), scope, words)
        if addresses:
            made.filters = {**addresses, **made.filters}
        return self.with_common_filters(made, scope, words)

    def with_common_filters(self, action: Action, scope: Scope, words: Words) -> Action:
        """What holds for every kind of answer: the largest body, and headers for the client."""
        limit = scope.last("client_max_body_size")
        self.book.translated(limit)
        most = size(limit.first if limit is not None else LARGEST_BODY)
        headers = response_side(self.book, scope, words, next(iter(action.target)))
        if headers and "respond" in action.target and isinstance(action.target["respond"], dict):
            drop_content_type(headers)
        reads = limit is not None or action.proxies or "files" in action.target
        found: Data = {"max_body": format_size(most)} if most and reads else {}
        found |= action.filters
        kind = next(iter(action.target))
        compressed = compress(self.book, scope, kind) if kind in ("to", "files") else None
        if compressed is not None:
            found["compress"] = compressed
        if headers:
            found["headers"] = {**found.get("headers", {}), "response": headers}
        action.filters = found
        return action

    def made(self, scope: Scope, spot: Spot, words: Words, path: str | None, origin: Directive) -> Action:
        """By its handler, else files."""
        if origin.name in PASSING:
            return self.passed_on(scope, spot, words, path, origin)
        if origin.name in OTHER_GATEWAYS:
            what, nearest = OTHER_GATEWAYS[origin.name]
            raise Unclear(f"speaks {what}", nearest)
        if origin.name in OWN_HANDLERS:
            what, nearest = OWN_HANDLERS[origin.name]
            raise Unclear(what, nearest)
        return self.served(scope, spot, words, path, origin)

    def passed_on(self, scope: Scope, spot: Spot, words: Words, path: str | None, origin: Directive) -> Action:
        """To a service, to several that share the requests out, and copies to another."""
        shares, wish = shares_of(self.site.maps, origin), self.wish(scope)
        inner = words if shares is None else with_variant(words, shares, next(iter(shares.weights)))
        action = proxied(self.book, scope, origin, inner, spot, self.site.upstreams, wish, path)
        if shares is not None:
            share_out(self.site, scope, action, shares, words, wish)
        add_mirror(self.site, scope, action, words)
        return action

    def wish(self, scope: Scope) -> str:
        """A name for an upstream that has none: the location's last word, or the server's."""
        location = next((each for each in reversed(scope.blocks) if each.name == "location"), None)
        modifier, text = location_args(location) if location is not None else ("", "")
        words = re.findall(r"[A-Za-z0-9_.-]+", text) if not modifier.startswith("~") else []
        return words[-1] if words else self.site.label

    def served(self, scope: Scope, spot: Spot, words: Words, path: str | None, origin: Directive) -> Action:
        """Files, or what `try_files` leads to."""
        directive = scope.block.last("try_files")
        found = tried(self.book, directive, lambda uri: self.is_file(scope, uri)) if directive is not None else Tried()
        if found.fallback is None and found.elsewhere is None:
            found.fallback = self.error_fallback(scope)
        if found.elsewhere is not None:
            assert directive is not None
            made = self.elsewhere(directive, found.elsewhere, words)
            if made.target != CLOSED or path is not None:
                return made
            # What cannot be reached anyway must not hide the files.
        if path is not None and found.elsewhere is None:
            raise Unclear("files are found by the path that is asked for", GIVE_PATHS)
        if found.fallback is not None and directive is not None:
            rule = self.site.locations.find(found.fallback)
            if rule is not None and rule.scope.block is not scope.block:
                self.book.nearly(directive, OTHER_LOCATION.format(rule.directive.text()))
        return files(self.book, scope, spot, origin, found.fallback, found.index)

    def elsewhere(self, directive: Directive, where: str, words: Words) -> Action:
        """Everything goes to where NGINX goes for what is no file."""
        self.book.missing(directive, ELSEWHERE, GIVE_PATHS)
        if where.startswith("@"):
            scope = self.site.locations.named.get(where)
            if scope is None:
                raise Unclear(f"there is no location {where}")
            self.book.translated(scope.block)
        else:
            rule = self.site.locations.find(where) if where.startswith("/") else None
            if rule is None:
                raise Unclear(f"{where} leads to no location")
            scope = rule.scope
        self.story.depth += 1
        try:
            if self.story.depth > 8:
                raise Unclear("locations lead to each other")
            return self.story.told(rewriting_of(scope), scope, Spot(), words, None)[-1].action
        finally:
            self.story.depth -= 1

    def is_file(self, scope: Scope, uri: str) -> bool:
        """Whether NGINX would answer a path with a file of the same folder."""
        rule = self.site.locations.find(uri)
        other = rule.scope if rule is not None else self.site.scope
        if other.block is scope.block:
            return True
        return handler(other) is None and other.value("root") == scope.value("root")

    def error_fallback(self, scope: Scope) -> str | None:
        """`error_page 404 =200 /index.html` is a fallback."""
        for page in scope.level("error_page"):
            if (
                page.args[:2] == ("404", "=200")
                and page.args[-1].startswith("/")
                and self.is_file(scope, page.args[-1])
            ):
                self.book.translated(page)
                return page.args[-1]
        return None


def handler(scope: Scope) -> Directive | None:
    """The directive that answers; an `if` or a `limit_except` has that of the block around it."""
    for block in reversed(scope.blocks):
        for child in block.children:
            if child.name in PASSING or child.name in OTHER_GATEWAYS or child.name in OWN_HANDLERS:
                return child
        if block.name not in ("if", "limit_except"):
            break
    return None


def rewriting_of(scope: Scope) -> list[Directive]:
    return scope.block.named("set", "return", "rewrite", "if", "break")


def target_words(action: Action) -> str:
    kind, value = next(iter(action.target.items()))
    return f"{kind}: {value}" if isinstance(value, str | int) else kind


def drop_content_type(headers: Data) -> None:
    """A fixed answer says its type itself."""
    add = headers.get("add", {})
    for name in [each for each in add if each.lower() == "content-type"]:
        del add[name]
    if not add:
        headers.pop("add", None)
