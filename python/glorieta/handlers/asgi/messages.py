"""What is said to an ASGI application of a request (ASGI 3, HTTP and WebSocket message format 2.5)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from ..transport import Fields, Start

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

VERSIONS = {"http/1.0": "1.0", "http/1.1": "1.1", "h2": "2", "h3": "3"}
ABOUT = {"version": "3.0", "spec_version": "2.5"}


class AsgiMisuse(RuntimeError):
    """An application sent a message that has no place here."""


def connection_scope(start: Start, root_path: str, state: dict[str, Any]) -> dict[str, Any]:
    """The scope of a request; whoever takes it adds its type."""
    path, scheme = start.path, start.scheme
    headers = start.raw_headers
    host = next((value for name, value in headers if name == b"host"), b"")
    return {
        "asgi": dict(ABOUT),
        "http_version": VERSIONS.get(start.protocol, "1.1"),
        "scheme": scheme,
        "path": unquote(path) if "%" in path else path,
        "raw_path": path.encode("latin-1"),
        "query_string": start.query.encode("latin-1"),
        "root_path": root_path,
        "headers": headers,
        "client": (start.client, 0),
        "server": server_of(host.decode("latin-1"), scheme),
        "state": state,
    }


def server_of(host: str, scheme: str) -> tuple[str, int]:
    """Name and port that the client asked for."""
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        return name.strip("[]"), int(port)
    return host.strip("[]"), 443 if scheme in ("https", "wss") else 80


def fields_of(headers: Any) -> Fields:
    """Header fields that an application sends."""
    return [(bytes(name).decode("latin-1").lower(), bytes(value).decode("latin-1")) for name, value in headers]


def unexpected(message: Message, wanted: str) -> AsgiMisuse:
    return AsgiMisuse(f'the application sent "{message.get("type")}" where {wanted} belongs')
