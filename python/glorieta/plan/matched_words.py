"""Conditions on words that can never be met: what the listener never learns, and what a word never says.

Words of TLS have values only where the listener speaks it, those of clients' certificates only where it asks for them.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from ..config.match import VERIFIED
from ..config.words import as_written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config.errors import Path
    from ..config.listener import Listener
    from ..config.match import Condition, Match
    from .compiling import Compiling
    from .routes import Scope

CERTIFICATE = "client.certificate."
ALWAYS = {
    VERIFIED: "true or false",
    "scheme": "http or https",
    "protocol": "such as HTTP/2",
    "listener": "a listener's name",
    "request_id": "such as a prefix",
}
"""Words that every request has, and what they say."""
SAYS = {
    VERIFIED: (re.compile("true|false"), "true or false"),
    "scheme": (re.compile("https?"), "http or https"),
    "protocol": (re.compile(r"HTTP/(1\.[01]|2|3)"), "HTTP/1.0, HTTP/1.1, HTTP/2 or HTTP/3"),
    "tls.version": (re.compile(r"1\.[23]"), "1.2 or 1.3"),
    "sni": (re.compile(r"[^A-Z*]+"), "one name in lower case, or {regex: …}"),
    f"{CERTIFICATE}fingerprint": (re.compile("[0-9a-f]{64}"), "64 hexadecimal digits in lower case"),
}
"""What words say, and how that reads."""


def check_words(compiling: Compiling, name: str, listener: Listener, scope: Scope) -> None:
    """All conditions on words that a scope and its routes are written with."""
    for match, place in matches(scope):
        for word, condition in match.words.items():
            path: Path = (*place, "match", "words", word)
            check_value(compiling, word, condition, path)
            if not (is_met_in_clear(word, condition) or compiling.is_touched(("listeners", name, "tls"))):
                check_spoken(compiling, listener, word, path)


def matches(scope: Scope) -> Iterator[tuple[Match, Path]]:
    if scope.match is not None:
        yield scope.match, scope.path
    for key, route in scope.noun.routes.items():
        if route.match is not None:
            yield route.match, (*scope.path, "routes", key)


def check_value(compiling: Compiling, word: str, condition: Condition, path: Path) -> None:
    """Refuses what a word never says, and to ask whether something is there that always is."""
    if condition.present is not None and word in ALWAYS:
        message = f"every request has {word}, so it is never absent and says nothing"
        compiling.error(path, message, f"write what it must be, {ALWAYS[word]}")
    text = condition.exact
    if text is None or holds_references(text):
        return
    said = as_written(text)
    if word in SAYS and not SAYS[word][0].fullmatch(said):
        compiling.error(path, f'{word} is never "{said}"', f"write {SAYS[word][1]}")
    if word == "client.ip" and (fix := why_no_address(said)):
        compiling.error(path, f'{word} is never "{said}"', fix)


def holds_references(text: str) -> bool:
    return as_written(text, lambda _: "") != as_written(text)


def why_no_address(text: str) -> str | None:
    """What helps where a text is not an address as the engine writes it (RFC 5952)."""
    try:
        written = str(ip_address(text))
    except ValueError:
        return "write one address; networks are for filters: allow and deny"
    return None if written == text else f"write {written}"


def check_spoken(compiling: Compiling, listener: Listener, word: str, path: Path) -> None:
    """Warns of words that no connection to the listener has."""
    if word in ("sni", "tls.version") and listener.tls is None:
        compiling.warn(path, f"can never match: the listener has no tls:, so nobody has {word}", "write tls: there")
    if word.startswith(CERTIFICATE) and (listener.tls is None or listener.tls.clients is None):
        message = "can never match: the listener asks for no certificates of clients"
        compiling.warn(path, message, "write tls: {clients: {authorities: FILE}} there")


def is_met_in_clear(word: str, condition: Condition) -> bool:
    return condition.present is False or (word == VERIFIED and condition.exact != "true")
