"""Which cells are empty, and why: what a protocol or a library does not know, and what glorieta does not do yet."""

from __future__ import annotations


def why_empty(feature: str, client: str, upstream: str) -> str | None:
    """The reason, in a sentence for the documents; `None`: the feature works there."""
    if feature != "WebSocket":
        return None
    if client == "HTTP/3":
        return "WebSocket over HTTP/3 (RFC 9220) is not offered; browsers open WebSockets by HTTP/1.1 or HTTP/2."
    if upstream.startswith("HTTP/2"):
        return (
            "A WebSocket is not opened to a service that is spoken to by HTTP/2: the answer is 502 "
            "`upgrade_impossible`. Give such routes an upstream with `version: h1`."
        )
    return None
