"""Headers in both directions: which ones glorieta sets by itself, and which a route must set, add or remove."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ...config.text import ENGINE_HEADERS
from .answers import ENCODED
from .book import Book
from .directive import Directive
from .scope import Scope
from .unclear import Unclear
from .units import duration
from .variables import Words

Data = dict[str, Any]
BY_ITSELF = {
    "x-forwarded-for": ("$proxy_add_x_forwarded_for", "$remote_addr"),
    "x-forwarded-proto": ("$scheme", "$http_x_forwarded_proto"),
    "x-forwarded-host": ("$host", "$http_host", "$host:$server_port"),
    "x-request-id": ("$request_id",),
}
"""Headers that every upstream gets, and the values by which they are meant."""
TOLD = "glorieta sends it by itself; what clients send under this name counts only from trusted_proxies"
CONNECTION = "the engine writes it for each connection; Upgrade and WebSocket pass by themselves"
PRESERVED = ("$http_host", "$host:$server_port", "$host:$proxy_port")
HOST_AS_SENT = "the host is kept as the client sent it, with its port and its capitals"
NO_STORE_TOO = "errors that glorieta answers by itself say no-store besides"
ONLY_SOME = "is put on answers of every status, not only on those that NGINX counts as successful"
OF_FILES = ("x-content-type-options",)
"""Headers that files have by themselves: another one beside it would be one too many."""
LONGEST = timedelta(days=3650)


@dataclass
class RequestSide:
    """What goes to the upstream."""

    host: str | None = None
    """The route's `host:`; none: what NGINX does by itself, which is the name of the upstream."""
    preserved: bool = False
    set: Data = field(default_factory=dict)
    remove: list[str] = field(default_factory=list)

    def data(self) -> Data:
        return {**({"remove": self.remove} if self.remove else {}), **({"set": self.set} if self.set else {})}


def request_side(book: Book, scope: Scope, words: Words) -> RequestSide:
    side = RequestSide()
    for directive in scope.level("proxy_set_header"):
        if len(directive.args) != 2:
            continue
        name, value = directive.args
        try:
            if name.lower() == "host":
                set_host(book, directive, value, words, side)
            else:
                set_header(book, directive, name, value, words, side)
        except Unclear as unclear:
            book.missing(directive, unclear.what, unclear.nearest)
    return side


def set_host(book: Book, directive: Directive, value: str, words: Words, side: RequestSide) -> None:
    if value in PRESERVED or value == "$host":
        side.preserved = True
        if value == "$host":
            book.nearly(directive, HOST_AS_SENT)
        else:
            book.translated(directive)
    elif value == "$proxy_host":
        book.translated(directive)
    elif value:
        template = words.template(value)
        if "${" in template:
            side.preserved = True
            raise Unclear("the Host for upstreams is fixed or the client's", "host: preserve, which is written now")
        side.host = template
        book.translated(directive)
    else:
        raise Unclear("a request without Host is none of HTTP/1.1", "host: upstream")


def set_header(book: Book, directive: Directive, name: str, value: str, words: Words, side: RequestSide) -> None:
    lower = name.lower()
    if lower in ENGINE_HEADERS:
        book.needless(directive, CONNECTION if lower in ("connection", "upgrade") else ENGINE_HEADERS[lower])
    elif lower == "x-forwarded-host" and value == "$host":
        book.nearly(directive, f"glorieta sends it by itself; {HOST_AS_SENT}")
    elif value in BY_ITSELF.get(lower, ()):
        book.needless(directive, TOLD)
    else:
        template = words.template(value)
        if template:
            side.set[name] = template
        else:
            side.remove.append(name)
        differing(book, directive, template)
        book.translated(directive)


def response_side(book: Book, scope: Scope, words: Words, target: str) -> Data:
    """What goes to the client: `add_header`, `expires`, and what is hidden of the upstream's."""
    add: dict[str, list[str]] = {}
    for directive in scope.level("add_header"):
        try:
            add_header(book, directive, words, add)
        except Unclear as unclear:
            book.missing(directive, unclear.what, unclear.nearest)
    found: Data = {}
    hidden = scope.level("proxy_hide_header", "grpc_hide_header") if target in ("to", "split") else []
    if hidden:
        found["remove"] = [directive.first for directive in hidden]
        book.translated(*hidden)
    expires = caching(book, scope)
    own = {name: add.pop(name)[-1] for name in list(add) if target == "files" and name.lower() in OF_FILES}
    if expires or own:
        found["set"] = {**expires, **own}
    if add:
        found["add"] = {name: values[0] if len(values) == 1 else values for name, values in add.items()}
    return found


def add_header(book: Book, directive: Directive, words: Words, add: dict[str, list[str]]) -> None:
    if len(directive.args) < 2:
        return
    name, value = directive.args[0], directive.args[1]
    if name.lower() in ENGINE_HEADERS:
        raise Unclear(f"{name} cannot be changed: {ENGINE_HEADERS[name.lower()]}")
    if not value:
        book.needless(directive, "an empty value adds nothing")
        return
    template = words.template(" ".join(value.split("\n")) if "\n" in value else value)
    if template:
        # A case of a map may have none: NGINX then leaves the header out.
        add.setdefault(name, []).append(template)
    differing(book, directive, template)
    if "always" not in directive.args[2:]:
        book.nearly(directive, ONLY_SOME)
    elif name.lower() == "cache-control":
        book.nearly(directive, NO_STORE_TOO)
    book.translated(directive)


def differing(book: Book, directive: Directive, template: str) -> None:
    """What is known to differ by the value alone."""
    if "${path}" in template:
        book.nearly(directive, ENCODED)


def caching(book: Book, scope: Scope) -> Data:
    """`expires` as Cache-Control, which every client of today prefers to Expires (RFC 9111 §5.3)."""
    directive = scope.last("expires")
    if directive is None or directive.first == "off":
        if directive is not None:
            book.needless(directive, "nothing is added unless it is written")
        return {}
    value = directive.args[-1]
    try:
        control = cache_control(value)
    except Unclear as unclear:
        book.missing(directive, unclear.what, unclear.nearest)
        return {}
    book.nearly(directive, "written as Cache-Control alone, on answers of every status")
    return {"Cache-Control": control}


def cache_control(value: str) -> str:
    if value == "max":
        return "max-age=315360000"
    if value == "epoch" or value.startswith("-"):
        return "no-cache"
    if value.startswith(("$", "@")):
        raise Unclear("Expires by a variable or by the time of day has no twin", "set Cache-Control on the routes")
    return f"max-age={min(duration(value), LONGEST) // timedelta(seconds=1)}"
