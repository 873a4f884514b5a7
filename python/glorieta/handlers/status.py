"""Status codes by name: `status.HTTP_201_CREATED`, `status.WS_1008_POLICY_VIOLATION`."""

from __future__ import annotations

from http import HTTPStatus

_WEBSOCKET = {
    1000: "NORMAL_CLOSURE",
    1001: "GOING_AWAY",
    1002: "PROTOCOL_ERROR",
    1003: "UNSUPPORTED_DATA",
    1005: "NO_STATUS_RCVD",
    1006: "ABNORMAL_CLOSURE",
    1007: "INVALID_FRAME_PAYLOAD_DATA",
    1008: "POLICY_VIOLATION",
    1009: "MESSAGE_TOO_BIG",
    1010: "MANDATORY_EXT",
    1011: "INTERNAL_ERROR",
    1012: "SERVICE_RESTART",
    1013: "TRY_AGAIN_LATER",
    1014: "BAD_GATEWAY",
    1015: "TLS_HANDSHAKE",
}
_BOTH_NAMES = (
    ("REQUEST_ENTITY_TOO_LARGE", "CONTENT_TOO_LARGE", 413),
    ("REQUEST_URI_TOO_LONG", "URI_TOO_LONG", 414),
    ("REQUESTED_RANGE_NOT_SATISFIABLE", "RANGE_NOT_SATISFIABLE", 416),
    ("UNPROCESSABLE_ENTITY", "UNPROCESSABLE_CONTENT", 422),
)
"""Names of RFC 7231 and of RFC 9110; which of them Python has depends on its version."""

_CODES = {f"HTTP_{status.value}_{name}": status.value for name, status in HTTPStatus.__members__.items()}
_CODES |= {f"HTTP_{code}_{name}": code for *names, code in _BOTH_NAMES for name in names}
_CODES |= {f"WS_{code}_{name}": code for code, name in _WEBSOCKET.items()}

_TITLES = {413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
"""As RFC 9110 calls them; this version of Python has older names."""

NO_BODY = frozenset({204, 205, 304})
"""Statuses whose answers have no content (RFC 9110 §15)."""


def __getattr__(name: str) -> int:
    try:
        return _CODES[name]
    except KeyError:
        raise AttributeError(f"there is no status {name}") from None


def __dir__() -> list[str]:
    return sorted(_CODES)


def title(code: int) -> str:
    """A status in words, as in RFC 9110; of an unknown one its class."""
    if code in _TITLES:
        return _TITLES[code]
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Error" if code >= 400 else "Success"
