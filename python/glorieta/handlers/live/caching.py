"""The strictest `Cache-Control` of several answers (RFC 9111 §5.2.2).

An answer made of parts may be kept only where, how and as long as every part may. A part that says nothing allows
nothing in particular: then there is no lifetime, and only what forbids is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .response import UpstreamResponse

DIRECTIVE = re.compile(r'\s*([A-Za-z-]+)(?:\s*=\s*(?:"([^"]*)"|([^\s,;"]*)))?\s*(?:,|$)')
FORBIDDING = ("no-cache", "must-revalidate", "proxy-revalidate", "no-transform", "must-understand")
"""Kept if one part has it, in this order."""
ALLOWING = ("public", "immutable")
"""Kept if all have it."""
LIFETIMES = ("max-age", "s-maxage", "stale-while-revalidate", "stale-if-error")
"""The shortest is kept, if all have it."""
LONGEST = 2**31
SAFE = frozenset({"GET", "HEAD"})


def directives(values: list[str]) -> dict[str, str]:
    """Directives by name, in lower case; of a repeated one the first."""
    found: dict[str, str] = {}
    for value in values:
        for match in DIRECTIVE.finditer(value):
            found.setdefault(match[1].lower(), match[2] if match[2] is not None else match[3] or "")
    return found


def number(text: str | None) -> int | None:
    """Seconds; none: not said, or not said well, which counts as stale (§4.2.1)."""
    if text is None:
        return None
    return min(int(text), LONGEST) if text.isascii() and text.isdigit() else 0


class Caching:
    """Collects what the parts allow."""

    __slots__ = ("_flags", "_lifetimes", "_unknown", "_vary")

    def __init__(self) -> None:
        self._flags: list[set[str]] = []
        self._lifetimes: list[dict[str, int]] = []
        self._unknown = False
        """Whether a part says nothing."""
        self._vary: dict[str, None] = {}

    def add(self, response: UpstreamResponse) -> None:
        """A part that went into the answer."""
        if response.method not in SAFE or not response.has("cache-control"):
            self._unknown = True
            return
        known = directives(response.headers.getlist("cache-control"))
        age = number(response.headers.get("age")) or 0
        lifetimes = {name: number(known.get(name)) for name in LIFETIMES}
        lifetimes["s-maxage"] = lifetimes["max-age"] if lifetimes["s-maxage"] is None else lifetimes["s-maxage"]
        left = {name: value for name, value in lifetimes.items() if value is not None}
        for name in ("max-age", "s-maxage"):
            if name in left:
                left[name] = max(left[name] - age, 0)
        self._flags.append(set(known))
        self._lifetimes.append(left)
        for value in response.headers.getlist("vary"):
            self._vary.update(dict.fromkeys(name.strip().lower() for name in value.split(",") if name.strip()))

    def add_unknown(self) -> None:
        """A part of which nobody knows what it allows."""
        self._unknown = True

    def header(self) -> str | None:
        """The value of `Cache-Control`; none: nothing can be said."""
        if not self._flags:
            return None
        some = set.union(*self._flags)
        every = set() if self._unknown else set.intersection(*self._flags)
        if "no-store" in some or "*" in self._vary:
            return "no-store"
        words = ["private"] if "private" in some else []
        words += [name for name in FORBIDDING if name in some]
        if "private" not in some and "no-cache" not in some:
            words += [name for name in ALLOWING if name in every]
        return ", ".join(words + self._shortest("private" in some)) or None

    def _shortest(self, private: bool) -> list[str]:
        if self._unknown:
            return []
        shortest = {
            name: min(times[name] for times in self._lifetimes)
            for name in LIFETIMES
            if all(name in times for times in self._lifetimes)
        }
        if private or shortest.get("s-maxage") == shortest.get("max-age"):
            shortest.pop("s-maxage", None)
        return [f"{name}={seconds}" for name, seconds in shortest.items()]

    def vary(self) -> list[str]:
        """Names of request headers on which a part depends."""
        return [name for name in self._vary if name != "*"]
