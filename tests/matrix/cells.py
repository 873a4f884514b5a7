"""Which cells are empty, and why: what a protocol or a library does not know, and what glorieta does not do yet."""

from __future__ import annotations


def why_empty(feature: str, client: str, upstream: str) -> str | None:
    """The reason, in a sentence for the documents; `None`: the feature works there."""
    return None
