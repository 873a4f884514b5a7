"""How one of several equal endpoints is chosen."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from .base import Noun, Shorthand, one_of
from .errors import Wrong
from .later import VALUES, not_yet
from .text import Word

ALGORITHMS = {
    "peak_ewma": "of two random endpoints the one with less latency × requests in flight",
    "round_robin": "in turn, smoothly by weight",
    "random": "by chance",
    "first_available": "the first usable one in the order written",
}


class Balance(Noun):
    """The algorithm, or the word whose value decides: one of both."""

    alternatives: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"algorithm", "hash"}),)

    algorithm: Annotated[str, one_of(*ALGORITHMS)] = "peak_ewma"
    """`peak_ewma`, `round_robin`, `random` or `first_available`."""
    hash: Word | None = None
    """A request word, such as `header.x-user`: requests with the same value meet the same endpoint."""


def expand_balance(value: Any) -> Any:
    """The algorithm's word alone."""
    if value == "hash":
        raise Wrong("does not say what to hash", "write {hash: header.x-user} or another request word")
    if isinstance(value, str):
        return {"algorithm": value}
    if isinstance(value, dict):
        for key in value:
            if key in VALUES:
                raise Wrong(not_yet(key, VALUES[key]))
        if "hash" in value and "algorithm" in value:
            raise Wrong("an algorithm and a hash exclude each other", "keep one of both")
    return value


BalanceValue = Annotated[Balance, Shorthand(expand_balance, ({"enum": list(ALGORITHMS)},))]
