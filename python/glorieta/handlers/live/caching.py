"""The strictest `Cache-Control` of several answers (RFC 9111 §5.2.2).

An answer made of parts may be kept only where, how and as long as every part may. A part that says nothing allows
nothing in particular: then there is no lifetime, and only what forbids is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .response import UpstreamResponse

DIRECTIVE = re.compile(r'(?:"[^"]*(?:"|$)|[^",])+')
"""What stands between commas; one between quotes parts nothing."""
FORBIDDING = ("no-cache", "must-revalidate", "proxy-revalidate", "no-transform", "must-understand")
"""Kept if one part has it, in this order."""
ALLOWING = ("public", "immutable")
"""Kept if all have it."""
LIFETIMES = ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error")
"""The shortest is kept, if all have it. The first two are counted from when the answer was made."""
LONGEST = 2**31
"""RFC 9111 §1.2.2."""
SAFE = frozenset({"GET", "HEAD"})
BLANK = " \t\r\n\f"


def directives(values: list[str]) -> dict[str, str]:
    """Directives by name, in lower case; of a repeated one the first."""
    found: dict[str, str] = {}
    for value in values:
        for directive in DIRECTIVE.findall(value):
            name, _, text = directive.partition("=")
            found.setdefault(name.strip(BLANK).lower(), text.strip(BLANK))
    return found


def seconds(text: str) -> int:
    """What cannot be read counts as stale (RFC 9111 §4.2.1)."""
    if not (text.isascii() and text.isdigit()):
        return 0
    digits = text.lstrip("0")
    return LONGEST if len(digits) > len(str(LONGEST)) else min(int(digits or "0"), LONGEST)


def unquoted(text: str) -> str:
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text


class Caching:
    """Collects what the parts allow. Its twin is the engine's `policy::gather::Caching`."""

    __slots__ = ("_every", "_lifetimes", "_some", "_vary")

    def __init__(self) -> None:
        self._some: set[str] = set()
        self._every: set[str] | None = None
        """What all parts have said so far; none: there is no part."""
        self._lifetimes: dict[str, int] = {}
        """The shortest so far, of those that every part has."""
        self._vary: dict[str, None] = {}

    def add(self, response: UpstreamResponse) -> None:
        """A part that went into the answer."""
        if response.method not in SAFE or not (response.has("cache-control") or response.has("vary")):
            self.add_unknown()
            return
        known = directives(response.headers.getlist("cache-control"))
        lifetimes = {name: seconds(unquoted(known[name])) for name in LIFETIMES if name in known}
        if "max-age" in lifetimes:
            lifetimes.setdefault("s-maxage", lifetimes["max-age"])
        age = seconds(response.headers.get("age") or "")
        for name in ("max-age", "s-maxage"):
            if name in lifetimes:
                lifetimes[name] = max(lifetimes[name] - age, 0)
        self._note(set(known), lifetimes)
        for value in response.headers.getlist("vary"):
            names = (name.strip(BLANK).lower() for name in value.split(","))
            self._vary.update(dict.fromkeys(name for name in names if name))

    def add_unknown(self) -> None:
        """A part that says nothing, such as the answer to a POST."""
        self._every, self._lifetimes = set(), {}

    def _note(self, flags: set[str], lifetimes: dict[str, int]) -> None:
        self._some |= flags
        if self._every is None:
            self._every, self._lifetimes = flags, lifetimes
            return
        self._every &= flags
        self._lifetimes = {
            name: min(shortest, lifetimes[name]) for name, shortest in self._lifetimes.items() if name in lifetimes
        }

    def header(self) -> str | None:
        """The value of `Cache-Control`; none: nothing can be said."""
        some, every = self._some, self._every or set()
        if "no-store" in some or "*" in self._vary:
            return "no-store"
        words = ["private"] if "private" in some else []
        words += [name for name in FORBIDDING if name in some]
        if "private" not in some and "no-cache" not in some:
            words += [name for name in ALLOWING if name in every]
        return ", ".join(words + self._shortest("private" in some)) or None

    def _shortest(self, private: bool) -> list[str]:
        shortest = self._lifetimes
        left_out = private or shortest.get("s-maxage") == shortest.get("max-age")
        names = [name for name in LIFETIMES if name in shortest and not (left_out and name == "s-maxage")]
        return [f"{name}={shortest[name]}" for name in names]

    def vary(self) -> list[str]:
        """Names of request headers on which a part depends."""
        return [name for name in self._vary if name != "*"]
