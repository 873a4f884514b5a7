"""`rewrite`: whether it holds for all of a location, what its groups are then, and where it leads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...config.words import escape
from .action import Action, Spot
from .answers import REDIRECTING, redirect_data
from .directive import Directive
from .regex import GROUP, Expression, walk
from .unclear import Unclear
from .variables import SEARCH, TARGET, Words, capture_words

LITERAL_HEAD = re.compile(r"((?:[^\\.+*?()\[\]{}|^$]|\\[./_-])*)(.*)", re.DOTALL)
NAMES_QUERY = re.compile(r"\$\{?(?:args|query_string|request_uri)\b")
ONCE = "NGINX puts the client's query behind it a second time; a ? at the end stops that"
AND_STAYS = "a request without a query gets a & at the end of the new one"
CATCHING = ("(.*)", "(.*)$")
PASSING = ("", ".*", ".*$")
WHOLE_PATH = ("^/(.*)$", "^/(.*)", "/(.*)$", "/(.*)")
TWICE = "a path that was rewritten already is rewritten again"


@dataclass(frozen=True)
class Rewrite:
    """One `rewrite` as it reads."""

    directive: Directive
    expression: Expression
    replacement: str
    flag: str

    @property
    def redirects(self) -> bool:
        return self.flag in ("redirect", "permanent") or self.replacement.startswith(REDIRECTING)

    @property
    def adds_query(self) -> bool:
        """Whether the client's query is to follow; NGINX adds it unless the replacement ends with `?`."""
        return not self.replacement.endswith("?") and NAMES_QUERY.search(self.replacement) is None

    @property
    def remark(self) -> str | None:
        """What differs about the query."""
        if self.adds_query:
            return AND_STAYS if "?" in self.replacement else None
        return None if self.replacement.endswith("?") else ONCE


def read_rewrite(directive: Directive) -> Rewrite:
    if len(directive.args) < 2:
        raise Unclear("says no replacement")
    flag = directive.args[2] if len(directive.args) > 2 else ""
    source, replacement = directive.args[0], directive.args[1]
    if source in WHOLE_PATH:
        # What follows the first slash, put behind a slash, is the path itself.
        replacement = re.sub(r"/\$1(?!\d)", "$uri", replacement)
    source, replacement = with_slash_outside(source, replacement)
    return Rewrite(directive, Expression(source), replacement, flag)


def with_slash_outside(source: str, replacement: str) -> tuple[str, str]:
    """`^(/a.*)` as `^/(a.*)`, so that what is made of `$1` plainly begins with a slash."""
    if not source.startswith("^(/"):
        return source, replacement
    end = next((at for at, depth, inside in walk(source) if source[at] == ")" and depth == 0 and not inside), None)
    if end is None or "|" in source[:end] or source[end + 1 : end + 2] in ("*", "+", "?", "{"):
        return source, replacement
    return f"^/({source[3:end]}{source[end:]}", re.sub(r"\$1(?!\d)", "/$1", replacement)


def covered(expression: Expression, spot: Spot) -> dict[str, str] | None:
    """The groups, where the expression matches every path of the place; none, where it does not."""
    if spot.exact:
        found = expression.compiled.search(spot.base)
        if found is None:
            return None
        return {str(number): escape(found[number] or "") for number in range(1, expression.compiled.groups + 1)}
    if spot.expression is not None and spot.expression.normal == expression.normal:
        return capture_words([str(number) for number in range(1, expression.compiled.groups + 1)])
    if not spot.base:
        return always_groups(expression)
    source = expression.source
    head = LITERAL_HEAD.fullmatch(source[1:] if source.startswith("^") else source)
    if head is None or not source.startswith("^"):
        return always_groups(expression)
    literal, tail = re.sub(r"\\(.)", r"\1", head[1]), head[2]
    if spot.base.rstrip("/") == literal.rstrip("/") and tail.startswith("/?"):
        literal, tail = literal.rstrip("/") + "/", tail[2:]
    if literal.endswith("/") and tail.startswith("?") and spot.base.startswith(literal):
        tail = tail[1:]
    if not spot.base.startswith(literal) or spot.rest is None:
        return None
    left = escape(spot.base[len(literal) :])
    return tail_groups(tail, left, spot.rest)


def tail_groups(tail: str, left: str, rest: str) -> dict[str, str] | None:
    """The groups of what follows the literal: `left` of the location's text, then the rest of the path."""
    if tail in CATCHING:
        return {"1": left + rest}
    if tail in PASSING:
        return {}
    if left.startswith("/"):
        if tail in ("/(.*)", "/(.*)$", "/?(.*)", "/?(.*)$"):
            return {"1": left[1:] + rest}
        if tail in ("(/.*)", "(/.*)$"):
            return {"1": left + rest}
    return None


def always_groups(expression: Expression) -> dict[str, str] | None:
    """The groups of an expression that matches every path."""
    if not expression.always:
        return None
    return {"1": "${path}"} if expression.source not in WHOLE_PATH else {}


def never(expression: Expression, spot: Spot) -> bool:
    """Whether no path of the place matches."""
    if spot.exact:
        return not expression.matches(spot.base)
    return bool(spot.base) and not expression.may_match_below(spot.base)


def redirected(rewrite: Rewrite, words: Words) -> Action:
    """A redirect; NGINX puts the client's query behind it, unless the replacement ends with `?`."""
    status = 301 if rewrite.flag == "permanent" else 302
    text = rewrite.replacement
    location = words.template(text.removesuffix("?"))
    if rewrite.adds_query:
        location += "&${query}" if "?" in text else SEARCH
    location = location.replace("${path}${search}", TARGET)
    return Action({"redirect": redirect_data(location, status)}, rewrite.directive)


def new_path(rewrite: Rewrite, words: Words) -> str:
    """The template of the path that takes the place of the request's."""
    path, mark, query = rewrite.replacement.partition("?")
    template = words.template(path)
    if not mark:
        return template
    return f"{template}?{words.template(query.removesuffix('?'))}{'&${query}' if rewrite.adds_query else ''}"


def sample_path(replacement: str) -> str:
    """A path such as the replacement makes, to ask which location it meets."""
    return re.sub(r"\$\{?\w+\}?", "x", replacement.partition("?")[0])


def rewrite_captures(expression: Expression, known: dict[str, str] | None) -> dict[str, str]:
    if known is not None:
        return known
    names = [*(str(number) for number in range(1, expression.compiled.groups + 1)), *expression.compiled.groupindex]
    return capture_words(names)


def numbered_groups(text: str) -> frozenset[str]:
    """The numbers of groups that templates in a text speak of."""
    return frozenset(re.findall(rf"\$\{{path\.{GROUP}(\d+)\}}", text))
