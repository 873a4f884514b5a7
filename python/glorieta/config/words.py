"""Request values by one word each, the same in hash, matches, templates and logs: `client.ip`, `header.x-user`.

A template is text with `${word}` in it; the engine fills it in for every request and never expands
what came from a request again. `$$` is a dollar sign.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .errors import Wrong, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUEST_WORDS = {
    "client.ip": "the client's address, or what a trusted proxy said in front of it",
    "client.port": "the client's port",
    "method": "the request's method",
    "scheme": "http or https",
    "host": "the requested host, without port",
    "path": "the requested path, normalised",
    "query": "the text after the question mark",
    "search": "the query with its question mark; nothing where there is none",
    "target": "path and query",
    "protocol": "HTTP/1.1, HTTP/1.0, HTTP/2 or HTTP/3",
    "sni": "the name that the client asked for by TLS (SNI)",
    "tls.version": "the version of TLS that the client speaks, such as 1.3; nothing in clear",
    "client.certificate.subject": (
        "the subject of the client's verified certificate, such as `CN=billing, O=Shop`; a comma in a value is `\\,`"
    ),
    "client.certificate.names": (
        "the names in the client's verified certificate, joined by `, `; a comma within one is `\\,`"
    ),
    "client.certificate.fingerprint": "SHA-256 of the client's verified certificate, in hexadecimal",
    "client.certificate.verified": "whether the client has proved who it is: true or false",
    "request_id": "the request's id",
    "listener": "the listener's name",
    "route": "the route's name",
}
FAMILIES = {
    "header": "a request header",
    "cookie": "a cookie",
    "query": "a query parameter",
    "path": "a parameter of the route's path, a named group of its regex, or * for what /* stood for",
}
LOG_WORDS = {
    "time": "when the request arrived (RFC 3339)",
    "status": "the answer's status",
    "grpc.status": "what became of a call of gRPC: its status, a number",
    "reason": "glorieta's own word when it answered itself",
    "detail": "the same for a person, such as `localhost:3000 refused`",
    "trace.id": "the trace's id, from `traceparent`",
    "duration": "from the request's first byte to the answer's last, in milliseconds",
    "upstream": "the upstream's name",
    "endpoint": "the endpoint's address",
    "tries": "how often the request was sent to an endpoint",
    "mirror": "what became of the request's copy: `sent`, or why it was dropped",
    "bytes.in": "bytes of the request's body",
    "bytes.out": "bytes of the answer's body",
    "compression.ratio": "how many times longer the answer was before `compress`, such as 5.20; else nothing",
}
MATCHED_BY = {
    "header": "headers",
    "query": "query",
    "search": "query",
    "path": "path",
    "target": "path",
    "method": "method",
    "host": "host",
}
"""Words that `match` has keys of their own for, and those keys."""
LATER = {
    "claim": "Gateway",
    "consumer": "Gateway",
    "session": "Gateway",
    "trace": "Scale-out",
}
NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
OUTSIDE = ("env:", "file:")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
REFERENCE = re.compile(r"\$\$|\$\{((?:env|file):[^}]*)\}")
"""In a text that keeps its references but has no words: any other dollar sign is one."""
MARK = re.compile(r"\$\$|\$\{([^}]*)(\}?)|\$(?!\{)")


def check_word(word: str, *, log: bool = False, parameters: frozenset[str] | None = None) -> str:
    """The word itself, or `Wrong`. `parameters`: the names that `path.NAME` may use (`None`: not known here)."""
    known = REQUEST_WORDS | LOG_WORDS if log else REQUEST_WORDS
    if word in known:
        return word
    if word in LOG_WORDS:
        raise Wrong(f'"{word}" is known only to the access log', "use it in log.format")
    family, dot, name = word.partition(".")
    if family in LATER:
        raise Wrong(f'"{word}" comes with {LATER[family]}, not yet')
    if not dot or not is_named(family, name):
        patterns = [f"{each}.{name or 'NAME'}" for each in FAMILIES]
        raise Wrong(f'"{word}" is no request value', did_you_mean(word, [*known, *patterns]))
    if family == "path" and parameters is not None and name not in parameters:
        fix = did_you_mean(name, parameters) or f"put {{{name}}} into the route's path"
        raise Wrong(f'the route\'s path has no parameter "{name}"', fix)
    return f"{family}.{name.lower()}" if family == "header" else word


def check_matched_word(word: str) -> str:
    """The word itself, or `Wrong`: it must be known before routes are, and have no key of its own in `match`."""
    if word in LOG_WORDS:
        raise Wrong(f'"{word}" is known only once the request has been answered', "match by what the request says")
    word = check_word(word)
    family, _, name = word.partition(".")
    if word == "route" or (family == "path" and name):
        raise Wrong(f'"{word}" is known only once the route is', "match.path says what the path must be")
    if family in MATCHED_BY:
        key = MATCHED_BY[family]
        raise Wrong(f'"{word}" has a key of its own', f"write {key}: {{{name}: …}}" if name else f"use match.{key}")
    return word


def is_named(family: str, name: str) -> bool:
    """Whether a family of words knows such names; headers and cookies are tokens (RFC 9110 §5.6.2)."""
    if family in ("header", "cookie"):
        return NAME.fullmatch(name) is not None
    return family in FAMILIES and name != ""


def template_words(text: str) -> Iterator[str]:
    """The words of a template, in order."""
    if "$" not in text:
        return
    for found in MARK.finditer(text):
        if found[0] == "$":
            raise Wrong(f'"{text}" has a single $', "write $$ for a dollar sign, ${word} for a value")
        if found[1] is None:
            continue
        if not found[2]:
            raise Wrong(
                f'"{text}" opens "${{" and never closes it', "close it with }, or write $${ for the text itself"
            )
        yield found[1]


def check_template(text: str, *, log: bool = False) -> str:
    """The text itself, or `Wrong`: every word is known, and nothing could split a header or a line."""
    for word in template_words(text):
        if word.startswith(OUTSIDE):
            check_reference(word)
        else:
            check_word(word, log=log)
    return text


def check_reference(word: str) -> None:
    """A value that the engine reads when the Plan is applied, in the form that loading a file gives it."""
    kind, _, name = word.partition(":")
    if kind == "env" and not VARIABLE.fullmatch(name):
        raise Wrong(f'"${{{word}}}" names no variable', "write ${env:NAME}")
    if kind == "file" and not name.startswith("/"):
        raise Wrong(f'"${{{word}}}" is relative, and nothing says to what', "write an absolute path")


def referring(check: Callable[[str], object] | None = None) -> Callable[[str], str]:
    """The check of a text that keeps its references. What one with references says is known to the engine alone."""

    def checked(text: str) -> str:
        references = [found[1] for found in REFERENCE.finditer(text) if found[1]]
        for reference in references:
            check_reference(reference)
        if check is not None and not references:
            check(as_written(text))
        return text

    return checked


def as_written(text: str, shown: Callable[[str], str] | None = None) -> str:
    """What a text that keeps its references says, with each reference standing for itself, as `shown` gives it."""

    def said(found: re.Match[str]) -> str:
        if found[1] is None:
            return "$"
        return shown(found[0]) if shown else found[0]

    return REFERENCE.sub(said, text) if "$" in text else text


def check_parameters(text: str, parameters: frozenset[str]) -> None:
    """`Wrong` if the template names a path parameter that its route does not have."""
    for word in template_words(text):
        if word.startswith("path."):
            check_word(word, parameters=parameters)


def check_header_template(text: str) -> str:
    """A template for a header's value: no control characters (RFC 9110 §5.5)."""
    if CONTROL.search(text):
        raise Wrong("a header's value has no line breaks or control characters")
    return check_template(text)


def escape(text: str) -> str:
    """Text that a template gives out unchanged."""
    return text.replace("$", "$$")
