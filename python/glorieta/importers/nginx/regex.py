"""NGINX's regular expressions (PCRE, matching anywhere) as glorieta's (linear time, matching the whole path)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from ...config.errors import Wrong
from ...config.match import check_regex
from .unclear import Unclear

GROUP = "g"
"""What the names of unnamed groups begin with: `$1` is `${path.g1}`."""
MOST_STARTS = 64
TAKES_REST = re.compile(r"(?<!\\)\.\*$|(?<!\\)\((?:\?<\w+>)?\.\*\)$")
"""An end that takes whatever follows."""
REGEX_LITERAL = re.compile(r"[^\\.+*?()\[\]{}|^$]*")
POSSESSIVE = re.compile(r"(?<!\\)[*+?}]\+")
LITERAL_LETTER = re.compile(r"[^\\.+*?()\[\]{}|^$]|\\[^A-Za-z0-9]")
LITERAL_HEAD = re.compile(rf"(?:{LITERAL_LETTER.pattern})*")
SIMPLE_CHOICE = re.compile(r"\((?:\?:)?([A-Za-z0-9_/~.|-]+)\)(?![*+?{])")


@dataclass(frozen=True)
class Expression:
    """A regular expression as NGINX reads it."""

    source: str
    insensitive: bool = False

    def __post_init__(self) -> None:
        if self.source.startswith("(?i)"):
            object.__setattr__(self, "source", self.source.removeprefix("(?i)"))
            object.__setattr__(self, "insensitive", True)

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """For asking which location a known path meets."""
        flags = re.IGNORECASE if self.insensitive else 0
        try:
            return re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", self.source), flags)
        except re.error as error:
            raise Unclear(f'the expression "{self.source}" cannot be read: {error.msg}') from None

    def matches(self, text: str) -> bool:
        return self.compiled.search(text) is not None

    @cached_property
    def alternatives(self) -> list[str]:
        return split_alternatives(self.source)

    @cached_property
    def starts(self) -> list[str]:
        """Texts with one of which everything that it matches begins; an empty one says nothing."""
        found: list[str] = []
        for each in self.alternatives:
            found += literal_starts(each[1:]) if each.startswith("^") else [""]
        return found

    @cached_property
    def literal(self) -> str | None:
        """The one path that it matches, where there is only one."""
        inner = self.source[1:-1] if self.source.startswith("^/") and ends_anchored(self.source) else "("
        found = re.sub(r"\\([^A-Za-z0-9])", "\0\\1", inner)
        if self.insensitive or re.search(r"(?<!\0)[\\.+*?()\[\]{}|^$]", found):
            return None
        return found.replace("\0", "")

    @property
    def normal(self) -> tuple[str, bool]:
        """Equal for two that match the same, as far as their texts show."""
        text = self.source.removeprefix("^").replace("\\/", "/")
        return (text[:-1] if ends_anchored(text) else text), self.insensitive

    def may_match_below(self, prefix: str) -> bool:
        """Whether it could match a path that begins with this prefix."""
        fold = str.lower if self.insensitive else str
        text = fold(prefix)
        return any(text.startswith(fold(start)) or fold(start).startswith(text) for start in self.starts)

    def whole(self, used: frozenset[str] = frozenset()) -> str:
        """The expression that matches whole paths; the groups that are used get names."""
        self.check()
        text = "|".join(whole_alternative(each) for each in split_alternatives(named_groups(self.source, used)))
        return f"(?i){text}" if self.insensitive else text

    def below(self, prefix: str, used: frozenset[str] = frozenset()) -> str:
        """The same for paths that begin with a prefix only."""
        if all(start.startswith(prefix) for start in self.starts):
            return self.whole(used)
        self.check()
        if not used and self.holds_below(prefix):
            return f"{escape(prefix)}.*"
        found = []
        for each in split_alternatives(named_groups(self.source, used)):
            found += self.alternative_below(each, prefix)
        return f"(?i){'|'.join(found)}" if self.insensitive else "|".join(found)

    def holds_below(self, prefix: str) -> bool:
        """Whether the prefix alone makes it match, whatever follows."""
        return not re.search(r"\$|\\[bBzZ]", self.source) and self.matches(prefix)

    def alternative_below(self, text: str, prefix: str) -> list[str]:
        if not text.startswith("^"):
            return [escape(prefix) + whole_alternative(text), *overlapping(text, prefix)]
        starts = literal_starts(text[1:])
        if all(start.startswith(prefix) for start in starts):
            return [whole_alternative(text)]
        if not any(start.startswith(prefix) or prefix.startswith(start) for start in starts):
            return []
        raise Unclear(f'the expression "{self.source}" holds within {prefix} only', "one expression for both")

    def check(self) -> None:
        """`Unclear` where the engine's expressions cannot do it."""
        if POSSESSIVE.search(self.source) or "(?>" in self.source:
            raise Unclear(f'the expression "{self.source}" is possessive', "write it without")
        try:
            check_regex(self.source)
        except Wrong as wrong:
            raise Unclear(wrong.message, wrong.fix) from None

    @property
    def always(self) -> bool:
        """Whether it matches every path."""
        return self.source in (
            "^",
            "^/",
            ".*",
            "^.*",
            "^.*$",
            "^(.*)$",
            "^/(.*)$",
            "(.*)",
            "^(.*)",
            "^/(.*)",
            "/",
            "^/.*",
            "^/.*$",
            ".",
            "^(/.*)$",
            "^(/.*)",
        )


def whole_alternative(text: str) -> str:
    """Anchors at both ends become nothing, missing ones `.*`."""
    if text.startswith("^"):
        text = text[1:]
    elif not text.startswith(".*"):
        text = f".*{text}"
    if ends_anchored(text):
        text = text[:-1]
    elif not TAKES_REST.search(text):
        text = f"{text}.*"
    return text.replace("\\/", "/")


def ends_anchored(text: str) -> bool:
    return text.endswith("$") and (len(text) - len(text[:-1].rstrip("\\")) - 1) % 2 == 0


def literal_starts(text: str) -> list[str]:
    """The texts with which what an expression matches begins; a simple choice is followed into."""
    text = text.replace("\\/", "/").replace("\\-", "-").replace("\\.", "\0")
    found = REGEX_LITERAL.match(text)
    assert found is not None
    start, rest = found[0], text[found.end() :]
    if rest[:1] in ("?", "*", "{"):
        start = start[:-1]
        return [start.replace("\0", ".")]
    inner = one_group(rest)
    if inner is not None:
        return literal_starts(text[: found.end()] + inner)
    choice = SIMPLE_CHOICE.match(rest)
    if choice is None or "." in choice[1]:
        return [start.replace("\0", ".")]
    after = rest[choice.end() :]
    starts = [start + each + end for each in choice[1].split("|") for end in literal_starts(after)]
    return [each.replace("\0", ".") for each in starts] if len(starts) <= MOST_STARTS else [start.replace("\0", ".")]


def overlapping(text: str, prefix: str) -> list[str]:
    """The paths in which what an expression matches begins within the prefix and ends behind it."""
    found = []
    head = LITERAL_HEAD.match(text)
    letters = LITERAL_LETTER.findall(head[0]) if head else []
    if head and text[head.end() : head.end() + 1] in ("?", "*", "{"):
        letters = letters[:-1]
    rest = text[sum(map(len, letters)) :]
    plain = [each[-1] for each in letters]
    for length in range(1, len(plain) + 1):
        if prefix.endswith("".join(plain[:length])) and (length < len(plain) or rest):
            inside = "".join(letters[length:]) + rest
            found.append(escape(prefix) + whole_alternative(f"^{inside}"))
    return found


def one_group(text: str) -> str | None:
    """What a text is without the parentheses of a group at its beginning, where it has no choice in it."""
    opened = re.match(r"\((?!\?)|\(\?:|\(\?P?<\w+>", text)
    if opened is None:
        return None
    end = next((at for at, depth, inside in walk(text) if text[at] == ")" and depth == 0 and not inside), None)
    if end is None or "|" in text[:end] or text[end + 1 : end + 2] in ("?", "*", "{", "+"):
        return None
    return text[opened.end() : end] + text[end + 1 :]


def split_alternatives(text: str) -> list[str]:
    """At each `|` that stands in no group and no class."""
    parts, start = [], 0
    for position, depth, inside in walk(text):
        if text[position] == "|" and depth == 0 and not inside:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]


def named_groups(text: str, used: frozenset[str]) -> str:
    """Groups that `$1` and its kin speak of, with names."""
    pieces, start, number = [], 0, 0
    for position, _, inside in walk(text):
        if text[position] != "(" or inside or text.startswith("(?", position):
            if (
                text.startswith(("(?<", "(?P<"), position)
                and not inside
                and text[position + 3 : position + 4] not in "=!"
            ):
                number += 1
            continue
        number += 1
        if str(number) in used:
            pieces.append(f"{text[start:position]}(?<{GROUP}{number}>")
            start = position + 1
    return "".join([*pieces, text[start:]])


def walk(text: str) -> list[tuple[int, int, bool]]:
    """Position, depth of groups and whether within a class, for each character that is not escaped."""
    found, depth, inside, position = [], 0, False, 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            continue
        if inside:
            inside = character != "]"
            found.append((position, depth, True))
        else:
            depth -= character == ")"
            found.append((position, depth, False))
            depth += character == "("
            if character == "[":
                inside = True
                # The first character of a class is never its end.
                position += 2 if text[position + 1 : position + 2] == "^" else 1
                position += text[position : position + 1] == "]"
                continue
        position += 1
    return found


def escape(text: str) -> str:
    """A text that means itself."""
    return re.sub(r"([\\.+*?()\[\]{}|^$])", r"\\\1", text)
