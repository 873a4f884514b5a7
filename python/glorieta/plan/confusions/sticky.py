"""One client stays on one endpoint, by the hash of something that names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..roles import balances
from .found import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...config.errors import Severity
    from .scene import Scene

SENTENCE = "One client stays on one endpoint: it scales worse, and losing that endpoint hurts more."
FIX = "balance by peak_ewma and keep state elsewhere; or hash path or query, if it is for their caches"
BY_CLIENT: dict[str, Severity] = {"client.ip": "warning", "cookie": "warning", "header": "note"}
"""The word or its first part, and how sure it is that it names a client: a header may be anything."""


def check(scene: Scene) -> Iterator[Found]:
    for upstream in scene.plan["upstreams"]:
        balance = upstream["balance"]
        if isinstance(balance, str) or not balances(upstream):
            continue
        word = balance["hash"]
        severity = BY_CLIENT.get(word) or BY_CLIENT.get(word.partition(".")[0])
        if severity:
            yield Found("sticky", severity, ("upstreams", upstream["id"], "balance"), SENTENCE, FIX)
