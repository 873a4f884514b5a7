"""Which optional parts of an answer are missing, told to machines by the header `glorieta-partial`.

It is a list of structured fields (RFC 9651 §3.1): `orders;r=timeout, ads;s=404;r=status`. Each item is a part;
`s` is the status that its upstream gave, `r` the kind of failure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from .errors import UpstreamError

if TYPE_CHECKING:
    from .errors import Kind

HEADER = "glorieta-partial"
TOKEN = re.compile(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/-]*")
LONGEST = 4096
"""Bytes of the header; what would be longer is cut at an item, so that no proxy on the way refuses the answer."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One part that is missing."""

    name: str
    reason: Kind | Literal["failed"]
    """`failed`: an exception of the handler's own part."""
    status: int | None = None
    """The upstream's status; none: it gave no answer."""

    def item(self) -> str:
        name = self.name if TOKEN.fullmatch(self.name) else structured_string(self.name)
        status = "" if self.status is None else f";s={self.status}"
        return f"{name}{status};r={self.reason}"


def structured_string(text: str) -> str:
    """A string of RFC 9651 §3.3.3, which is ASCII only; other characters become question marks."""
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(slots=True)
class PartialReport:
    """The missing parts of one answer, in the order in which they were found missing."""

    missing: list[Missing] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing)

    def add(self, name: str, error: Exception) -> None:
        """A part that was left out. One that is missing for the same reason again is told once."""
        failed = Missing(name, "failed")
        found = Missing(name, error.kind, error.status) if isinstance(error, UpstreamError) else failed
        if found not in self.missing:
            self.missing.append(found)

    def header(self) -> str:
        """The value of `glorieta-partial`."""
        value = ""
        for missing in self.missing:
            longer = f"{value}, {missing.item()}" if value else missing.item()
            if len(longer) > LONGEST:
                break
            value = longer
        return value

    def members(self) -> list[dict[str, Any]]:
        """The same for a body: `[{"part": "orders", "reason": "timeout"}]`, with `status` where there was one."""
        return [
            {"part": missing.name, "reason": missing.reason}
            | ({} if missing.status is None else {"status": missing.status})
            for missing in self.missing
        ]
