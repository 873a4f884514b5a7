"""Mirrors: a copy of a request goes to another upstream, whose answer nobody sees.

```yaml
routes:
  /shop/*: {to: shop, mirror: shop-next}
  /cart/*: {to: cart, mirror: {to: cart-next, share: 10%, methods: [GET, POST], max_body: 16KiB}}
```
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from .base import OFF, TEXT, Noun, Shorthand, as_list, checked_text, is_off, whole
from .errors import Wrong
from .match import check_method
from .units import Bytes, Percent, Size, Timeout, format_size

SAFE = ("GET", "HEAD", "OPTIONS")
"""Methods that ask for nothing to be changed (RFC 9110 §9.2.1), but for TRACE, which is no business of a service."""
MOST_BODY = 1024**2


def expand_mirror(value: Any) -> Any:
    if is_off(value):
        return None
    return {"to": value} if isinstance(value, str) else value


def check_mirrored_method(text: str) -> str:
    if text.upper() == "CONNECT":
        raise Wrong("CONNECT asks for a tunnel, which has no copy", "leave it out")
    return check_method(text)


def check_share(value: Any) -> Any:
    if value in (0, "0", "0%") or is_off(value):
        raise Wrong("a share of nothing copies nothing", "write mirror: off, or a share of 1% to 100%")
    return value


def check_max_body(size: int) -> int:
    if size > MOST_BODY:
        raise Wrong(f"a body of {format_size(size)} is not kept for a copy", f"write {format_size(MOST_BODY)} at most")
    return size


class Mirror(Noun):
    """Who gets a copy of the requests. Text means `{to: text}`; `off`: nobody."""

    to: str | None = None
    """The upstream. Required."""
    share: Annotated[Percent, Shorthand(check_share)] = 100
    """How many of the requests are copied, a share of 1% to 100%."""
    methods: Annotated[list[Annotated[str, checked_text(check_mirrored_method)]], Shorthand(as_list, (TEXT,))] = Field(
        default_factory=lambda: list(SAFE)
    )
    """The methods of requests that are copied; `GET` means HEAD, too. Those that change something are copied only where
    they stand here: what they do is then done twice."""
    max_body: Annotated[Size, AfterValidator(check_max_body)] = Bytes(64 * 1024)
    """The longest body that is copied, a size of at most 1MiB. A request with a longer one is not copied, and
    counted."""
    in_flight: Annotated[int, whole(1, 10_000)] = 100
    """Copies that may be under way at a time, 1 to 10000; further ones are not sent, and counted."""
    timeout: Timeout = timedelta(seconds=10)
    """How long a copy may take, its answer included, a duration. The route's `timeouts` hold for its steps. It has no
    retries."""


MirrorValue = Annotated[Mirror | None, Shorthand(expand_mirror, (TEXT, OFF), off=True)]
