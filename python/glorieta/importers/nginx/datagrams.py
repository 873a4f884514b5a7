"""`stream` by UDP: sessions of datagrams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .units import duration_text

if TYPE_CHECKING:
    from .book import Book
    from .scope import Scope

Data = dict[str, Any]
NOTHING_CONNECTS = "datagrams have no connections"


def session_settings(book: Book, scope: Scope) -> Data:
    """When sessions end."""
    silence, responses, requests = (scope.last(name) for name in ("proxy_timeout", "proxy_responses", "proxy_requests"))
    connect = scope.last("proxy_connect_timeout")
    book.translated(silence, responses)
    if connect is not None and not book.knows(connect):
        book.needless(connect, NOTHING_CONNECTS)
    if requests is not None and requests.first != "0":
        book.nearly(requests, "a session ends with its answers or in silence, not by a number of datagrams")
    elif requests is not None:
        book.translated(requests)
    # NGINX ends a session after ten minutes of silence, glorieta after one.
    found: Data = {"timeouts": {"session": duration_text(silence.first) if silence is not None else "10m"}}
    if responses is not None:
        found["responses"] = int(responses.first)
    return found
