"""Compression: `gzip`, and the modules for Brotli and zstd, which have the same directives under other names."""

from __future__ import annotations

from typing import Any

from ...config.compression import MEDIA_TYPE
from ...config.units import format_size
from .book import Book
from .directive import Directive
from .scope import Scope
from .units import size

Data = dict[str, Any]
MODULES = {"zstd": "zstd", "brotli": "br", "gzip": "gzip"}
"""Modules, and their algorithms; the first of them that a client takes is the one it gets."""
LEAST = "20"
"""NGINX's own gzip_min_length, and that of the others."""
MOST_LEVEL = 9
VARY = "Vary: Accept-Encoding is said of every such answer"
VIA = "requests that came through another proxy (Via) are answered as others are"
CREDENTIALS = (
    "answers that set a cookie, or are given to requests with Cookie or Authorization, stay as they are (BREACH); "
    "credentials: on compresses them, too"
)
ALIKE = "size and types hold for all algorithms; those of {} are written"


def compress(book: Book, scope: Scope, target: str) -> Data | None:
    """The filter of a location; `target` is what answers there."""
    used = {}
    for module, algorithm in MODULES.items():
        switch = scope.last(module)
        if switch is not None:
            book.translated(switch)
            if switch.first == "on":
                used[module] = algorithm
    if not used:
        return None
    first = next(iter(used))
    found: Data = {"algorithms": only(list(used.values()))}
    found |= settings(book, scope, first)
    levels = {algorithm: value for module, algorithm in used.items() if (value := level(book, scope, module))}
    if levels:
        found["levels"] = levels
    for other in list(used)[1:]:
        for directive in [scope.last(f"{other}_{name}") for name in ("types", "min_length")]:
            if directive is not None and not alike(scope, directive, first):
                book.nearly(directive, ALIKE.format(first))
            book.translated(directive)
    for module in used:
        differences(book, scope, module, target)
    return found


def only(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


def settings(book: Book, scope: Scope, module: str) -> Data:
    """Types and the smallest size; NGINX always compresses text/html."""
    named, least = scope.level(f"{module}_types"), scope.last(f"{module}_min_length")
    types = ["text/html"]
    for directive in named:
        wrong = [each for each in directive.args if each != "*" and not MEDIA_TYPE.fullmatch(each)]
        if wrong:
            book.nearly(directive, f"{', '.join(wrong)} is no media type")
        types += ["*/*" if each == "*" else each for each in directive.args if each not in wrong]
        book.translated(directive)
    book.translated(least)
    types = ["*/*"] if "*/*" in types else list(dict.fromkeys(types))
    return {"types": only(types), "min_size": format_size(size(least.first if least is not None else LEAST))}


def level(book: Book, scope: Scope, module: str) -> int | None:
    directive = scope.last(f"{module}_comp_level")
    if directive is None or not directive.first.isdigit():
        return None
    written = int(directive.first)
    if 1 <= written <= MOST_LEVEL:
        book.translated(directive)
    else:
        book.nearly(directive, f"levels go from 1 to {MOST_LEVEL}")
    return max(1, min(written, MOST_LEVEL))


def alike(scope: Scope, directive: Directive, first: str) -> bool:
    """Whether it says what that of the first module says."""
    own = scope.last(f"{first}_{directive.name.partition('_')[2]}")
    return own is not None and set(own.args) == set(directive.args)


def differences(book: Book, scope: Scope, module: str, target: str) -> None:
    """What NGINX does otherwise, entered at the directive that says it, or at the switch."""
    switch = scope.last(module)
    assert switch is not None
    vary, proxied = scope.last("gzip_vary"), scope.last(f"{module}_proxied")
    if vary is None or vary.first != "on":
        book.nearly(vary or switch, VARY)
    book.translated(vary)
    if module == "gzip" and (proxied is None or proxied.first != "any"):
        book.nearly(proxied or switch, VIA)
    book.translated(proxied)
    if target == "to":
        book.nearly(switch, CREDENTIALS)


def precompressed(book: Book, scope: Scope) -> list[str]:
    """Files that lie beside others, by `gzip_static` and its kin."""
    found = []
    for module, algorithm in MODULES.items():
        directive = scope.last(f"{module}_static")
        if directive is None:
            continue
        book.translated(directive)
        if directive.first == "always":
            book.nearly(directive, "is served to those who take it so")
        vary = scope.last("gzip_vary")
        if directive.first == "on" and (vary is None or vary.first != "on"):
            book.nearly(directive, VARY)
        if directive.first in ("on", "always"):
            found.append(algorithm)
    return found
