"""From a file to an `Edge`: text, document, models; every error of all three at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .checking import Partial, check
from .document import LARGEST_TEXT, Document, read_document
from .edge import Edge, Origin
from .errors import ConfigError, Place, Problem, sort_problems
from .pause import without_collecting

if TYPE_CHECKING:
    from .places import Places


@dataclass(frozen=True)
class Loaded:
    """A configuration that can be compiled."""

    edge: Edge
    places: Places
    files: tuple[Path, ...]
    """Absolute paths of everything that the result depends on."""
    warnings: tuple[Problem, ...] = ()


def load(path: str | Path) -> Loaded:
    """Reads a YAML file; `ConfigError` names everything that is wrong with it."""
    file = Path(path)
    absolute = Path(path).absolute()
    try:
        text = read_text(file)
    except ConfigError as error:
        error.files = (absolute,)
        raise
    return load_text(text, str(path), absolute.parent, absolute)


def load_text(text: str, file: str = "<text>", folder: Path | None = None, path: Path | None = None) -> Loaded:
    """Reads YAML; `file` is its name in errors, relative paths start at `folder`."""
    folder = (folder or Path.cwd()).absolute()
    with without_collecting():
        document = read_document(text, file, folder)
        partial = understand(document, folder)
    partial.files = tuple(sorted(document.files | ({path} if path else set())))
    if partial.problems:
        raise ConfigError(partial.problems, partial, partial.files)
    return Loaded(partial.edge, document.places, partial.files)


def understand(document: Document, folder: Path) -> Partial:
    """What a document says, as far as it can be understood."""
    if document.data is None:
        return Partial(Edge(), frozenset({()}), document.problems)
    if not isinstance(document.data, dict):
        problem = Problem((), "a mapping is expected: version, listeners, upstreams", file=document.places.file)
        return Partial(Edge(), frozenset({()}), [*document.problems, problem])
    written_version = document.data.get("version")
    partial = check(document.data, document.places, document.unread)
    partial.problems += document.problems
    if written_version is None and ("version",) not in document.unread:
        where = document.places.find(()) or Place(document.places.file, 1, 1)
        partial.problems.append(Problem(("version",), "is missing", "write version: 1 at the top", where))
    partial.problems = sort_problems(partial.problems)
    partial.edge.settled(Origin(folder, document.places))
    return partial


def read_text(file: Path) -> str:
    """The text of a file; what cannot be read is a `ConfigError`."""
    name = str(file)
    try:
        if file.is_dir():
            raise ConfigError([Problem((), "is a folder", "name a file, such as glorieta.yaml", file=name)])
        with file.open("rb") as source:
            content = source.read(LARGEST_TEXT + 1)
    except OSError as error:
        raise ConfigError([Problem((), f"cannot be read: {error.strerror or error}", file=name)]) from None
    if len(content) > LARGEST_TEXT:
        raise ConfigError([Problem((), f"is larger than {LARGEST_TEXT // 1024**2} MiB", file=name)])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        place = Place(name, line, column)
        raise ConfigError([Problem((), "is not UTF-8 text", "save the file as UTF-8", place)]) from None
