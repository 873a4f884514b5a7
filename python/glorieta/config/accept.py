"""`accept`: confusions that somebody knows of and means, each with the reason; and the codes that there are."""

from __future__ import annotations

from typing import Annotated

from .base import checked_text
from .errors import Wrong, did_you_mean
from .later import not_yet

CODES = (
    "balances-one",
    "bff-two-clients",
    "custom-calls-one",
    "hop-to-self",
    "l4-reads-http",
    "mirror-to-self",
    "mirrored-writes",
    "office-is-one",
    "retries-multiply",
    "reverse-as-forward",
    "side-door",
    "split-unsticks",
    "sticky",
    "unequal-endpoints",
)
"""Confusions that this version finds."""
IMPOSSIBLE = ("l4-reads-http", "reverse-as-forward")
"""Those that ask for what no engine does: whatever the reason, they would be ignored."""
LATER = {
    "around-the-mesh": "Mesh",
    "forward-as-reverse": "Forward proxy",
    "gateway-aggregates": "Gateway",
    "intercept-407": "Forward proxy",
    "mesh-does-function": "Mesh",
    "mesh-for-outsiders": "Mesh",
    "open-proxy": "Forward proxy",
    "proxy-knows-callers": "Gateway",
    "tokens-in-browser": "Gateway",
}
"""Confusions of roles that are not built yet → the issue that brings them."""


def check_code(code: str) -> str:
    if code in LATER:
        raise Wrong(not_yet(code, LATER[code]), "leave it out until then")
    if code not in CODES:
        raise Wrong(f'there is no confusion "{code}"', did_you_mean(code, CODES))
    if code in IMPOSSIBLE:
        raise Wrong(f'"{code}" cannot be accepted: what it asks for cannot be done', "leave it out")
    return code


def check_reason(reason: str) -> str:
    if not reason.strip():
        raise Wrong("a reason is missing", "say why it is meant, and until when")
    return reason


Code = Annotated[str, checked_text(check_code)]
Reason = Annotated[str, checked_text(check_reason)]
Accepted = dict[Code, Reason]
"""Code → why."""
