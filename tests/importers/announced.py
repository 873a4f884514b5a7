"""Differences that a note of the importer announces and that many configurations have: each by a name for `differs:`.

A difference is allowed only where the import has the note, and only as far as the note goes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from .documented import same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from glorieta.importers import Note

    from .comparing import Comparison, Difference

COUNTED = {200, 201, 204, 206, 301, 302, 303, 304, 307, 308}
"""Statuses on which NGINX puts `add_header` without `always`."""


@dataclass(frozen=True)
class Announced:
    directive: str
    """An expression for the directive that has the note."""
    says: str
    """Words of the note."""
    why: str
    holds: Callable[[Difference, Comparison], bool]

    def is_noted(self, notes: Iterable[Note]) -> bool:
        return any(
            note.kind in ("missing", "nearly") and re.match(self.directive, note.directive) and self.says in note.text
            for note in notes
        )


def own_path(difference: Difference, comparison: Comparison) -> bool:
    """NGINX has put the location's path where the service named its own."""
    wish = comparison.asked.header("X-Answer") or ""
    return (
        difference.what == "location"
        and wish in ("redirect-here", "redirect-below")
        and both_here(difference, comparison)
    )


def both_here(difference: Difference, comparison: Comparison) -> bool:
    here = f"http://{comparison.asked.host}/"
    return str(difference.nginx).startswith(here) and str(difference.glorieta).startswith(here)


def port_kept(difference: Difference, _: Comparison) -> bool:
    if difference.what not in ("host", "request x-forwarded-host"):
        return False
    return same(difference, lambda each: re.sub(r":\d+", "", each).lower())


def cached(difference: Difference, _: Comparison) -> bool:
    return difference.what == "answer expires" and difference.glorieta is None


def every_status(difference: Difference, comparison: Comparison) -> bool:
    counts = comparison.nginx.status in COUNTED
    return difference.what.startswith("answer ") and difference.nginx is None and not counts


def no_store_besides(difference: Difference, comparison: Comparison) -> bool:
    return difference.what == "answer cache-control" and comparison.is_built_in() and not comparison.glorieta.reached


def error_page(difference: Difference, comparison: Comparison) -> bool:
    status = comparison.nginx.status or 0
    return status >= 400 and difference.what in ("body", "type", "answer cache-control", "answer x-service")


def refused_444(difference: Difference, comparison: Comparison) -> bool:
    return comparison.nginx.status is None and comparison.glorieta.status == 400 and difference.what == "status"


def one_index(difference: Difference, comparison: Comparison) -> bool:
    return difference.what == "status" and comparison.nginx.status in (200, 206) and comparison.glorieta.status == 404


def varies(difference: Difference, _: Comparison) -> bool:
    return difference.what == "answer vary" and difference.nginx is None and difference.glorieta == ["Accept-Encoding"]


def path_encoded(difference: Difference, _: Comparison) -> bool:
    if difference.what == "body":
        return str(difference.nginx) == unquote(str(difference.glorieta))
    if not isinstance(difference.nginx, list) or not isinstance(difference.glorieta, list):
        return False
    return [each.encode("latin-1").decode() for each in difference.nginx] == [
        unquote(each) for each in difference.glorieta
    ]


ANNOUNCED = {
    "own-paths": Announced(
        "proxy_pass",
        "redirects of the service",
        "redirects of the service keep the path that proxy_pass gave",
        own_path,
    ),
    "host-as-sent": Announced(
        r"proxy_set_header Host \$host",
        "as the client sent it",
        "$host is without port and in small letters",
        port_kept,
    ),
    "no-expires": Announced("expires", "Cache-Control alone", "expires is written as Cache-Control alone", cached),
    "every-status": Announced(
        "add_header|expires", "answers of every status", "headers are put on answers of every status", every_status
    ),
    "own-errors": Announced(
        "add_header", "errors that glorieta", "glorieta's own errors say no-store besides", no_store_besides
    ),
    "path-encoded": Announced(
        "add_header|proxy_set_header|return", "percent-encoded", "a path in a header or a text is encoded", path_encoded
    ),
    "error-pages": Announced(
        "error_page", "answers errors with a page", "errors are answered with a short text", error_page
    ),
    "no-444": Announced("return 444", "closes the connection", "444 is answered with 400", refused_444),
    "one-index": Announced("index", "one name is looked for", "one name is looked for as index", one_index),
    "varies": Announced("gzip|brotli|zstd", "Vary: Accept-Encoding is said", "gzip_vary is always on", varies),
}
