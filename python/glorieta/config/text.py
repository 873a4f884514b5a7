"""Texts in which the engine puts request values: templates, and the names of headers that go with them."""

from __future__ import annotations

from typing import Annotated, Any

from .base import Shorthand, checked_text
from .errors import Wrong
from .match import TOKEN
from .values import Kept
from .words import check_header_template, check_template, check_word

ENGINE_HEADERS = {
    "connection": "the engine writes it for each connection",
    "content-length": "the engine writes it from the body",
    "transfer-encoding": "the engine writes it from the body",
    "keep-alive": "the engine writes it for each connection",
    "proxy-connection": "the engine removes it",
    "te": "the engine writes it for each connection",
    "trailer": "the engine writes it from the body",
    "upgrade": "the engine passes it on where a tunnel is meant",
}


def check_changed_header(text: str) -> str:
    """A header that a configuration may change; the framing of messages is the engine's."""
    if not TOKEN.fullmatch(text):
        raise Wrong(f'"{text}" is no header name (RFC 9110 §5.1)')
    reason = ENGINE_HEADERS.get(text.lower())
    if reason:
        raise Wrong(f'"{text}" cannot be changed: {reason}')
    return text


def check_request_header(text: str) -> str:
    if text.lower() == "host":
        raise Wrong('"Host" is not set by headers', "use the route's host: preserve, upstream or a name")
    return check_changed_header(text)


def check_location(text: str) -> str:
    """A template for `Location`: a path, a URL, or a word that gives one."""
    if not text or text[0].isspace():
        raise Wrong("a redirect needs a location", "write a path or a URL, such as https://shop.example${path}")
    return check_header_template(text)


def check_rewrite(text: str) -> str:
    """A template for a path."""
    if not text.startswith(("/", "${path}", "${env:", "${file:")):
        raise Wrong(f'"{text}" does not begin with a slash', f'write "/{text}"')
    if "#" in text or any(ord(character) <= 32 or ord(character) >= 127 for character in text):
        raise Wrong(f'"{text}" has a character that no path has', "write it percent-encoded, such as %20")
    return check_template(text)


def check_log_template(text: str) -> str:
    return check_template(text, log=True)


def scalar_as_text(value: Any) -> Any:
    """A number in a place for text; in Python only, YAML's numbers arrive as text."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Template = Annotated[str, checked_text(check_template), Kept]
HeaderTemplate = Annotated[str, checked_text(check_header_template), Kept, Shorthand(scalar_as_text)]
LocationTemplate = Annotated[str, checked_text(check_location), Kept]
RewriteTemplate = Annotated[str, checked_text(check_rewrite), Kept]
RequestHeader = Annotated[str, checked_text(check_request_header)]
ResponseHeader = Annotated[str, checked_text(check_changed_header)]
Word = Annotated[str, checked_text(check_word)]
