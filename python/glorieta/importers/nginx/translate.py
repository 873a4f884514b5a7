"""One NGINX configuration as an `Edge`, the YAML of it, and a note on each of its directives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...config.edge import Origin
from ...config.errors import ConfigError, Problem
from ...config.loading import load_text
from ..imported import Imported
from .book import Book
from .finishing import finish
from .hoisting import hoist
from .http import Http
from .places import relocated
from .reading import read
from .result import Result
from .settings import access_log, main_settings
from .stream import Stream
from .writing import write

NAME_THE_WHOLE = "name the file that includes this one, such as nginx.conf"

if TYPE_CHECKING:
    from .maps import Map
    from .reading import Source


def translate(path: str | Path, *, whole_segments: bool = False) -> Imported:
    """Reads a file; `ConfigError` names what is no NGINX configuration."""
    source = read(path)
    book, result = Book(), Result()
    maps = sections(source, book, result, whole_segments=whole_segments)
    finish(book, source, maps)
    if not result.listeners:
        message, fix = nothing_served(source)
        raise ConfigError([Problem((), message, fix, file=str(path))], files=source.files)
    hoist(result)
    notes = book.notes(source.directives())
    text = write(result, notes, str(path))
    loaded = load_text(text, "glorieta.yaml", Path(path).absolute().parent)
    origin = Origin(Path(path).absolute().parent, relocated(loaded.places, result.places, str(path)))
    return Imported(loaded.edge.settled(origin), text, tuple(notes), tuple(source.files))


def nothing_served(source: Source) -> tuple[str, str]:
    """Why there is no server, and the fix."""
    if any(each.name == "server" for each in source.root.all()):
        return "has no server that glorieta could be", NAME_THE_WHOLE
    if any(each.name in ("http", "stream") for each in source.root.children):
        none = [f"include {each.first} ({each.place})" for each in source.unmatched]
        found = f": no file fits {', '.join(none)}" if none else ""
        return f"has no server{found}", NAME_THE_WHOLE
    return "has no server: it is a part of one", f"put server {{ listen 80; … }} around it, or {NAME_THE_WHOLE}"


def sections(source: Source, book: Book, result: Result, *, whole_segments: bool) -> dict[str, Map]:
    result.settings |= main_settings(book, source.root)
    workers = source.root.last("worker_processes")
    if workers is not None:
        result.places[("workers",)] = workers.place
    maps: dict[str, Map] = {}
    for http in source.root.named("http"):
        book.translated(http)
        if any(each.first == "off" for each in http.all() if each.name == "merge_slashes"):
            pass
        else:
            result.defaults["route"] = {"merge_slashes": "on"}
        section = Http(book, http, result, whole_segments=whole_segments)
        section.translate()
        maps |= section.maps
        log, directive = access_log(book, http)
        result.settings |= log
        if directive is not None:
            result.places[("log",)] = directive.place
    for stream in source.root.named("stream"):
        book.translated(stream)
        Stream(book, stream, result).translate()
    return maps
