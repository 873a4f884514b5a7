"""Files: `root`, `alias`, `index` and `try_files`."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .action import Action, Spot
from .book import Book
from .compression import precompressed
from .directive import Directive
from .scope import Scope
from .unclear import Unclear

if TYPE_CHECKING:
    from collections.abc import Callable

Data = dict[str, Any]
PREFIX = "/usr/share/nginx"
"""Where relative roots of the packages of Debian and of NGINX's own begin."""
DEFAULT_INDEX = "index.html"
FILE, FOLDER = ("$uri", "$document_uri", "${uri}"), ("$uri/", "$document_uri/", "${uri}/", "$uri/index.html")
ELSEWHERE = "files are looked for first only where the rest is files, too"
GIVE_PATHS = "give the files a path of their own (/static/*: {files: …}), or let the service serve them"


@dataclass
class Tried:
    """What `try_files` comes to."""

    index: bool = True
    fallback: str | None = None
    elsewhere: str | None = None
    """A named location or a path that something else than files answers."""


def files(book: Book, scope: Scope, spot: Spot, origin: Directive, fallback: str | None, index: bool) -> Action:
    """The route of a location that serves files."""
    alias = scope.block.last("alias") if scope.block.name in ("location", "if") else None
    root = scope.last("root")
    data: Data = {}
    options: Data = {}
    if alias is not None:
        data["root"], options = aliased(book, alias, spot)
    else:
        data["root"] = absolute(book, root) if root is not None else f"{PREFIX}/html"
    if "$" in data["root"]:
        raise Unclear("a folder that is chosen by the request has no twin", "one route per folder")
    name = index_name(book, scope) if index else "off"
    if name != DEFAULT_INDEX:
        data["index"] = name
    if speaks_of_hidden(spot):
        data["hidden"] = "on"
    if beside := precompressed(book, scope):
        data["precompressed"] = beside
    if alias is not None and spot.exact and alias.first.rpartition("/")[2] != spot.base.rpartition("/")[2]:
        # The one file under another name: it stands in for the name that is asked for.
        fallback = f"/{alias.first.rpartition('/')[2]}"
    if fallback is not None:
        data["fallback"] = fallback
    return Action({"files": data["root"] if len(data) == 1 else data}, origin, options)


def speaks_of_hidden(spot: Spot) -> bool:
    """Whether a location is for names that begin with a dot, such as `/.well-known/`."""
    text = spot.expression.source.replace("\\", "") if spot.expression is not None else spot.base
    return "/." in text.replace("/.*", "").replace("/.+", "")


def absolute(book: Book, directive: Directive) -> str:
    book.translated(directive)
    path = directive.first.rstrip("/") or "/"
    if path.startswith(("/", "$")):
        return path
    book.nearly(directive, f"is relative to NGINX's own folder, which is taken to be {PREFIX}")
    return posixpath.join(PREFIX, path)


def aliased(book: Book, alias: Directive, spot: Spot) -> tuple[str, Data]:
    """The folder, and the prefix that is taken off the path."""
    path = absolute(book, alias)
    if not spot.base:
        raise Unclear("alias by groups of an expression has no twin", "a prefix, with strip_prefix: true")
    if spot.exact:
        folder, name = posixpath.split(path)
        above, _, asked = spot.base.rpartition("/")
        if name != asked:
            book.nearly(alias, f"a file {asked} in {folder} would be served instead")
        return folder, {"strip_prefix": above} if above else {}
    if spot.base == "/":
        return path, {}
    if not spot.base.endswith("/") and alias.first.endswith("/"):
        book.nearly(alias, f"below {spot.base} nothing is found by a path without its slash")
    return path, {"strip_prefix": True if spot.rest == "${path.*}" else spot.base.rstrip("/")}


def index_name(book: Book, scope: Scope) -> str:
    found = scope.level("index")
    if not found:
        return DEFAULT_INDEX
    names = [name for each in found for name in each.args]
    plain = [name for name in names if "/" not in name and "$" not in name and not name.endswith(".php")]
    name = plain[0] if plain else DEFAULT_INDEX
    for each in found:
        if len(names) > 1:
            book.nearly(each, f"one name is looked for: {name}")
        elif not plain:
            book.missing(each, "a script as index has no twin", "let the application serve the folder")
        else:
            book.translated(each)
    return name


def tried(book: Book, directive: Directive, is_file: Callable[[str], bool]) -> Tried:
    """Reads `try_files`; `is_file` says whether a path of this server leads to files of the same root."""
    *looked_for, last = directive.args
    found = Tried(index=any(each in FOLDER for each in looked_for))
    strange = [each for each in looked_for if each not in FILE and each not in FOLDER]
    if strange:
        book.nearly(directive, f"{' '.join(strange)} is not looked for", "let the paths say the names of the files")
    if last.startswith("="):
        if last != "=404":
            book.nearly(directive, "what is not found is 404")
    elif last.startswith("@"):
        found.elsewhere = last
    else:
        path = last.partition("?")[0]
        if path.startswith("/") and "$" not in path and is_file(path):
            found.fallback = path
        else:
            found.elsewhere = path
    book.translated(directive)
    return found
