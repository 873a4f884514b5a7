"""Splits: requests are shared out among upstreams, such as two versions of one service, by weight.

```yaml
routes:
  /shop/*: {split: {stable: 95, canary: 5}}
  /cart/*: {split: {to: {stable: 95, canary: 5}, by: header.x-user}}
```

Whom a request meets is decided by a hash, so it meets the same variant again, and changing weights moves as few clients
as it can: raising a canary from 5 to 10 moves five of a hundred, all of them to the canary.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from .base import NamesOnly, Noun, Shorthand, checked_text, whole
from .errors import Wrong
from .match import TOKEN
from .words import FAMILIES, LATER, REQUEST_WORDS, check_word

COOKIE = "glorieta_split"
BY_COOKIE, BY_CHANCE = "cookie", "random"
KEYS = ("to", "by", "cookie")


def expand_split(value: Any) -> Any:
    """The weights alone."""
    if isinstance(value, str):
        raise Wrong("names one upstream, and a split has several", f"write to: {value}")
    if isinstance(value, dict) and value and value.keys().isdisjoint(KEYS):
        return {"to": value}
    return value


def check_by(text: str) -> str:
    """`cookie`, `random`, or a request word."""
    if text in (BY_COOKIE, BY_CHANCE):
        return text
    known = text.partition(".")[0]
    if text not in REQUEST_WORDS and known not in (*FAMILIES, *LATER):
        fix = "write cookie, random, or a request word, such as client.ip or header.x-user"
        raise Wrong(f'"{text}" decides nothing', fix)
    return check_word(text)


def check_cookie_name(text: str) -> str:
    if not TOKEN.fullmatch(text):
        raise Wrong(
            f'"{text}" is no name of a cookie (RFC 6265 §4.1.1)', f"write letters, digits and _, as in {COOKIE}"
        )
    return text


class Split(Noun):
    """Upstreams that share out the requests, each of which could answer all of them. Upstreams and their weights alone,
    as in `{stable: 95, canary: 5}`, mean `{to: {stable: 95, canary: 5}}`."""

    to: Annotated[dict[str, Annotated[int, whole(0, 10_000)]], NamesOnly] = Field(default_factory=dict)
    """The upstreams, each with its weight relative to the others', 0 to 10000; 0: it gets none. Required."""
    by: Annotated[str, checked_text(check_by)] = BY_COOKIE
    """What decides which of them a request meets: `cookie` (glorieta gives one to whoever has none), `random` (each
    request for itself), or a request word such as `client.ip` or `header.x-user`, whose equal values meet the same one;
    where a request has no such value, its client's address decides."""
    cookie: Annotated[str, checked_text(check_cookie_name)] = COOKIE
    """The cookie's name, where the cookie decides. It holds one of 65,536 numbers, lasts as long as the browser runs
    (`Path=/; HttpOnly; SameSite=Lax`, by HTTPS `Secure`) and is not forwarded. An answer that shared caches may keep
    does not set it."""


SplitValue = Annotated[
    Split, Shorthand(expand_split, ({"type": "object", "additionalProperties": {"type": "integer"}},))
]
