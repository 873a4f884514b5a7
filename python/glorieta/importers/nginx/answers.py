"""Answers that NGINX gives by itself: `return`, and redirects by `rewrite`."""

from __future__ import annotations

from typing import Any

from ...config.target import REDIRECTS, WITHOUT_BODY
from .action import Action
from .book import Book
from .directive import Directive
from .scope import Scope
from .unclear import Unclear
from .variables import Words

Data = dict[str, Any]
DEFAULT_TYPE = "text/plain"
BUILT_IN_TYPES = {"html": "text/html", "gif": "image/gif", "jpg": "image/jpeg"}
"""What NGINX knows without `types`."""
ONE_TYPE = "its type is the same for every path, whatever its extension"
ENCODED = "the path is percent-encoded here"
CLOSES = 444
HANG_UP = "NGINX closes the connection without an answer; glorieta answers 400"
REDIRECTING = ("http://", "https://", "$scheme")


def returned(book: Book, scope: Scope, directive: Directive, words: Words, path: str | None) -> Action:
    """`return CODE [TEXT]` or `return URL`; `path` is the exact one, where there is only one."""
    first = directive.first
    if not first.isdigit():
        action = redirect(directive, 302, first, words)
    elif int(first) in REDIRECTS and len(directive.args) > 1:
        action = redirect(directive, int(first), directive.args[1], words)
    else:
        action = Action(respond(book, scope, directive, words, path), directive)
    book.translated(directive)
    return action


def redirect(directive: Directive, status: int, location: str, words: Words) -> Action:
    template = words.template(location)
    if not template or template[0].isspace():
        raise Unclear("a redirect without a location", "write one")
    return Action({"redirect": redirect_data(template, status)}, directive)


def redirect_data(location: str, status: int) -> Data | str:
    return location if status == 302 else {"location": location, "status": status}


def respond(book: Book, scope: Scope, directive: Directive, words: Words, path: str | None) -> Data:
    status = int(directive.first)
    if status == CLOSES:
        book.nearly(directive, HANG_UP)
        return {"respond": 400}
    if not 200 <= status <= 599:
        raise Unclear(f"{status} is no final status", "200 to 599")
    text = directive.args[1] if len(directive.args) > 1 else ""
    body = words.template(text)
    if not body or status in WITHOUT_BODY:
        return {"respond": status}
    if path is None and not any(each.first.lower() == "content-type" for each in scope.level("add_header")):
        book.nearly(directive, ONE_TYPE)
    if "${path}" in body:
        book.nearly(directive, ENCODED)
    headers = {"content-type": content_type(book, scope, path)}
    return {"respond": {**({"status": status} if status != 200 else {}), "headers": headers, "body": body}}


def content_type(book: Book, scope: Scope, path: str | None) -> str:
    """The type that NGINX gives a text of its own: by the path's extension, else `default_type`."""
    written = [
        each for each in scope.level("add_header") if each.first.lower() == "content-type" and len(each.args) > 1
    ]
    if written:
        book.nearly(written[-1], "is the only Content-Type; NGINX sends a second one")
        return written[-1].args[1]
    default = scope.last("default_type")
    book.translated(default)
    extension = path.rpartition("/")[2].rpartition(".")[2] if path and "." in path.rpartition("/")[2] else ""
    types = scope.last("types")
    if extension and types is None and extension in BUILT_IN_TYPES:
        return BUILT_IN_TYPES[extension]
    for child in types.children if extension and types is not None else ():
        if extension in child.args:
            return child.name
    return default.first if default is not None and default.first else DEFAULT_TYPE
