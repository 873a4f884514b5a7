"""Why each endpoint gets its share of an upstream's requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...config.address import is_literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Endpoint, Upstream

HOW = {
    "peak_ewma": "of two drawn at random, the one with the smaller latency × requests in flight",
    "round_robin": "in turn",
    "random": "at random",
    "first_available": "the first in the list that is up",
}
SHARE = {
    "peak_ewma": "while all are equally fast",
    "round_robin": "of the turns",
    "random": "by chance",
}
HASH = "the same value leads to the same endpoint, as long as it is up"
NAME = "all addresses of the name"


def how(upstream: Upstream) -> str:
    """How an endpoint is chosen, where there is a choice."""
    balance = upstream["balance"]
    if isinstance(balance, dict):
        return f"by the hash of {balance['hash']}: {HASH}"
    return HOW.get(balance, balance)


def legend(upstreams: list[Upstream]) -> Iterator[str]:
    """What the words for balancing mean, of those that stand in the list of upstreams: once, below it."""
    choosing = [each["balance"] for each in upstreams if chooses(each)]
    words = {balance if isinstance(balance, str) else "hash" for balance in choosing}
    for word, meaning in {**HOW, "hash": HASH}.items():
        if word in words:
            yield f"{word}: {meaning}"


def chooses(upstream: Upstream) -> bool:
    return len(upstream["endpoints"]) > 1 or not isinstance(upstream["balance"], str)


def shares(upstream: Upstream) -> list[str]:
    """In words, for each endpoint."""
    endpoints = upstream["endpoints"]
    if len(endpoints) == 1:
        return [alone(endpoints[0])]
    total = sum(endpoint["weight"] for endpoint in endpoints)
    return [share(upstream, index, endpoint, total) for index, endpoint in enumerate(endpoints)]


def alone(endpoint: Endpoint) -> str:
    return "all" if is_literal(endpoint["address"]) else NAME


def share(upstream: Upstream, index: int, endpoint: Endpoint, total: int) -> str:
    balance = upstream["balance"]
    name = "" if is_literal(endpoint["address"]) else ", over all addresses of the name"
    if balance == "first_available":
        return ("all while it is up" if index == 0 else "while those above are down") + name
    percent = f"{100 * endpoint['weight'] / total:.0f}%"
    what = "of the values" if isinstance(balance, dict) else SHARE.get(balance, "")
    weight = f" (weight {endpoint['weight']} of {total})" if endpoint["weight"] != 1 else ""
    return f"{percent} {what}{weight}{name}"
