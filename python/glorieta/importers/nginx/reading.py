"""From NGINX files to directives with places: `include` followed, escapes undone, size bounded."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import crossplane  # type: ignore[import-untyped]

from ...config.errors import ConfigError, Place, Problem
from .directive import Directive
from .unclosed import unclosed

LARGEST_FILE = 4 * 1024**2
MOST_DIRECTIVES = 200_000
MOST_DEPTH = 64
ESCAPES = {"t": "\t", "r": "\r", "n": "\n", '"': '"', "'": "'", "\\": "\\"}
ESCAPE = re.compile(r"\\([trn\"'\\])")
IN_HTTP = {"server", "upstream", "map", "geo", "split_clients", "limit_req_zone", "limit_conn_zone", "log_format"}
"""What stands at the top of a file that another one includes within `http`."""
FRAGMENT_FOLDERS = ("conf.d", "http.d", "sites-enabled", "sites-available", "snippets", "stream.d", "vhosts.d")
"""Folders of files that nginx.conf, one folder above, includes."""
QUOTES = ("'", '"')
FIXES = {
    "invalid number of arguments": 'if it goes on in the next line, a ";" is missing at its end',
    'unexpected "}"': "leave it out, or open its block",
}
WHERE = re.compile(r" in .+?:\d+$")


@dataclass
class Source:
    """A configuration that was read."""

    root: Directive
    """Stands around everything; it is no directive itself."""
    files: list[Path] = field(default_factory=list)
    absent: dict[int, str] = field(default_factory=dict)
    """Includes (by identity) whose file is not here."""
    unmatched: list[Directive] = field(default_factory=list)
    """Includes by a pattern that no file fits, which NGINX allows."""
    wrapper: Directive | None = None
    """An `http` that nobody wrote, put around a file of `conf.d` or `sites-enabled`."""

    def directives(self) -> list[Directive]:
        return [each for each in self.root.all() if each is not self.root and each is not self.wrapper]


def read(path: str | Path) -> Source:
    """Reads a file and what it includes; `ConfigError` names everything that is no NGINX configuration."""
    return Builder(str(path)).build()


def check_size(name: str) -> None:
    try:
        size = Path(name).stat().st_size
        if Path(name).is_dir():
            raise ConfigError([Problem((), "is a folder", "name a file, such as nginx.conf", file=name)])
    except OSError as error:
        raise ConfigError([Problem((), f"cannot be read: {error.strerror or error}", file=name)]) from None
    if size > LARGEST_FILE:
        raise ConfigError([Problem((), f"is larger than {LARGEST_FILE // 1024**2} MiB", file=name)])


def problem_of(error: dict[str, Any]) -> Problem:
    cause, line = error["callback"], error["line"]
    message = getattr(cause, "strerror", None) or str(cause)
    if isinstance(cause, StopIteration | RuntimeError) or not message:
        return problem_at_end(error["file"], 'ends within a directive: a ";" or "}" is missing')
    if "unexpected end of file" in message:
        return problem_at_end(error["file"], "ends within a block")
    place = Place(error["file"], line, 1) if line else None
    fix = next((fix for about, fix in FIXES.items() if about in message), None)
    return Problem((), WHERE.sub("", message), fix, place, error["file"])


def problem_at_end(file: str, message: str) -> Problem:
    """What is open where a file ends, where it begins; without that, what there is to say of the end."""
    text = Path(file).read_text(encoding="utf-8", errors="replace")
    found = unclosed(text)
    if found is None:
        return Problem((), message, place=Place(file, len(text.rstrip().splitlines()) or 1, 1), file=file)
    line, begins = found
    what, end = ("quote", begins) if begins in QUOTES else (f'"{begins}"', '"}"')
    return Problem((), f"this {what} is never closed", f"close it with {end}", Place(file, line, 1), file)


class Builder:
    """Reads files, and puts included ones where they are included."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parsed: dict[str, list[dict[str, Any]]] = {}
        self.problems: list[Problem] = []
        self.lines: dict[str, list[str]] = {}
        self.count = 0
        self.source = Source(Directive("", (), Place(name, 1, 1), []))
        folder = Path(name).parent
        above = [folder.parent] if folder.resolve().name in FRAGMENT_FOLDERS else []
        self.folders = [*above, folder]
        """Where relative includes start: the folder of nginx.conf."""

    def build(self) -> Source:
        root = self.source.root
        root.block = self.block(self.statements(self.name), self.name, root, (self.name,))
        self.source.files = [Path(name).absolute() for name in self.parsed]
        if self.problems:
            raise ConfigError(self.problems, files=self.source.files)
        self.wrap_fragment()
        return self.source

    def statements(self, name: str) -> list[dict[str, Any]]:
        """The statements of one file, which is read once."""
        if name not in self.parsed:
            check_size(name)
            payload = crossplane.parse(name, onerror=lambda error: error, check_ctx=False, single=True)
            self.problems += map(problem_of, payload["errors"])
            self.parsed[name] = payload["config"][0]["parsed"]
        return self.parsed[name]

    def block(
        self, statements: list[dict[str, Any]], file: str, parent: Directive, inside: tuple[str, ...]
    ) -> list[Directive]:
        found: list[Directive] = []
        for statement in statements:
            directive = self.directive(statement, file, parent, inside)
            found.append(directive)
            if directive.name == "include":
                found += self.included(directive, parent, inside)
        return found

    def directive(self, statement: dict[str, Any], file: str, parent: Directive, inside: tuple[str, ...]) -> Directive:
        self.count += 1
        if self.count > MOST_DIRECTIVES:
            message = f"has more than {MOST_DIRECTIVES} directives, included files counted"
            raise ConfigError([Problem((), message, file=file)])
        name = statement["directive"]
        place = Place(file, statement["line"], self.column(file, statement["line"], name))
        directive = Directive(name, tuple(map(unescaped, statement["args"])), place, parent=parent)
        if "block" in statement:
            directive.block = self.block(statement["block"], file, directive, inside)
        return directive

    def included(self, include: Directive, parent: Directive, inside: tuple[str, ...]) -> list[Directive]:
        found: list[Directive] = []
        for name in self.files_of(include):
            if name in inside:
                way = " → ".join([*inside[inside.index(name) :], name])
                raise ConfigError([Problem((), f"{name} includes itself: {way}", place=include.place)])
            if len(inside) > MOST_DEPTH:
                raise ConfigError([Problem((), f"files include each other {MOST_DEPTH} deep", place=include.place)])
            found += self.block(self.statements(name), name, parent, (*inside, name))
        return found

    def files_of(self, include: Directive) -> list[str]:
        """The files of one `include`, in their order; one that is not here is noted."""
        for folder in self.folders:
            pattern = str(folder / include.first)
            if glob.has_magic(pattern):
                found = sorted(glob.glob(pattern))
            else:
                found = [pattern] if Path(pattern).is_file() else []
            if found:
                return [os.path.normpath(each) if ".." in each else each for each in found]
        if glob.has_magic(include.first):
            self.source.unmatched.append(include)
        else:
            self.source.absent[id(include)] = "No such file or directory"
        return []

    def column(self, file: str, line: int, name: str) -> int:
        if file not in self.lines:
            self.lines[file] = Path(file).read_text(encoding="utf-8", errors="replace").split("\n")
        lines = self.lines[file]
        text = lines[line - 1] if line <= len(lines) else ""
        return max(text.find(name), 0) + 1

    def wrap_fragment(self) -> None:
        """A file of `conf.d` or `sites-enabled` has no `http` around it: one is put there."""
        root = self.source.root
        if any(child.name in ("http", "stream", "mail", "events") for child in root.children):
            return
        if any(child.name in IN_HTTP for child in root.children):
            http = Directive("http", (), root.place, root.block, root)
            for child in http.children:
                child.parent = http
            root.block = [http]
            self.source.wrapper = http


def unescaped(argument: str) -> str:
    """As NGINX reads a word: a backslash goes only before quotes, backslashes and t, r, n."""
    return ESCAPE.sub(lambda found: ESCAPES[found[1]], argument)
