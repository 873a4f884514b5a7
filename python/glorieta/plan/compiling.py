"""What every part of compiling shares: the edge, and a place to note what is wrong without stopping."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..config.errors import Path, Problem, Severity
from ..config.places import Places
from .applications import Applications

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path as FilePath

    from ..config.edge import Edge
    from .certificates.checks import Files
    from .certificates.names import Covering
    from .model import Plan, Route

NOT_REMOVED = "do not remove it there"
"""The fix where a layer has removed what another one names."""


@dataclass(frozen=True)
class Surroundings:
    """What a configuration cannot know, decided by whoever compiles it."""

    terminal: bool = False
    """Whether the log's lines are read by a person."""
    admin_socket: str | None = None
    """The admin socket where the configuration says `auto`."""
    secrets: bool = True
    """Whether certificates and keys must be at hand."""
    running: Callable[[], Plan | None] | None = None
    """Gives the Plan that runs: what it has read of certificates stays in use, whatever has become of the files."""


@dataclass
class Compiling:
    """One run of the compiler."""

    edge: Edge
    surroundings: Surroundings = field(default_factory=Surroundings)
    missing: frozenset[Path] = frozenset()
    """Paths that were taken out because they are wrong: nothing more is said of them."""
    problems: list[Problem] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    """Upstreams that something leads to."""
    meant: dict[tuple[str, str], str] = field(default_factory=dict)
    """Which upstream a name means, by who says it: many routes say the same."""
    routes: list[tuple[Route, Path]] = field(default_factory=list)
    """All routes of the Plan and where each was written."""
    incomplete: bool = False
    """Whether whole files are missing: a name that is not there may be in one of them."""
    unsure: set[Path] = field(default_factory=set)
    """Routes of which it is not known what they match, because that is wrong."""
    applications: Applications = field(default_factory=Applications)
    """Python that answers requests."""
    files: set[FilePath] = field(default_factory=set)
    """What was read while compiling: the Plan depends on it, too."""
    covered: dict[str, list[Covering]] = field(default_factory=dict)
    """What the certificates of each listener say; nothing where not all of them are at hand."""
    ordered: dict[str, tuple[list[str], Path]] = field(default_factory=dict)
    """By its file what each certificate is ordered for, and where that is written."""
    switches: dict[str, Path] = field(default_factory=dict)
    """Listeners that nobody wrote, and the switch that asks for each."""

    def __post_init__(self) -> None:
        origin = self.edge.origin
        self.places = origin.places if origin else Places()

    @cached_property
    def files_in_use(self) -> set[str]:
        """Files of certificates and keys that the running Plan has read."""
        from .tls import files_of

        running = self.surroundings.running() if self.surroundings.running is not None else None
        return files_of(running) if running is not None else set()

    @cached_property
    def pem_files(self) -> Files:
        """Files of certificates and keys, each read once."""
        from .certificates.checks import Files

        return Files(self.surroundings.secrets)

    def error(
        self, path: Path, message: str, fix: str | None = None, *, also: Path | None = None, key: bool = False
    ) -> None:
        self.note("error", path, message, fix, also, key)

    def warn(self, path: Path, message: str, fix: str | None = None, *, also: Path | None = None) -> None:
        self.note("warning", path, message, fix, also, True)

    def confuse(
        self,
        severity: Severity,
        path: Path,
        message: str,
        fix: str | None = None,
        *,
        also: Path | None = None,
        key: bool = False,
        code: str,
    ) -> None:
        """Notes a confusion of roles."""
        self.note(severity, path, message, fix, also, key, code)

    def note(
        self,
        severity: Severity,
        path: Path,
        message: str,
        fix: str | None,
        also: Path | None,
        key: bool,
        code: str | None = None,
    ) -> None:
        key = key or (also is not None and code is None)
        self.problems.append(self.places.problem(path, message, fix, key=key, also=also, severity=severity, code=code))

    def has_told(self, path: Path, also: Path) -> bool:
        """Whether these two were told to collide already."""
        both = self.places.written(path), self.places.written(also)
        return any((problem.path, problem.also) == both for problem in self.problems)

    def is_missing(self, path: Path) -> bool:
        """Whether this, or something around it, was taken out."""
        return bool(self.missing) and any(path[: len(each)] == each for each in self.missing)

    def removed(self, section: str, names: Iterable[str]) -> Path | None:
        """The first of these objects that a layer has removed, or the whole section."""
        paths: list[Path] = [(section, name) for name in names]
        return next((path for path in [*paths, (section,)] if path in self.places.removed), None)

    def removed_listener(self) -> Path | None:
        """A listener that a layer has removed, or all of them."""
        removed = [path for path in self.places.removed if path[0] == "listeners" and len(path) <= 2]
        return min(removed, default=None, key=str)

    @property
    def lost_listener(self) -> bool:
        """Whether a listener was taken out as a whole, so that nobody can say which one was meant."""
        return self.incomplete or any(len(path) <= 2 and path[:1] in ((), ("listeners",)) for path in self.missing)

    def is_touched(self, path: Path) -> bool:
        """Whether this, something around it or something within it was taken out."""
        return self.is_missing(path) or any(each[: len(path)] == path for each in self.missing)

    def has_touched(self, path: Path, names: Iterable[str]) -> bool:
        return bool(self.missing) and any(self.is_touched((*path, name)) for name in names)

    def absolute(self, text: str, path: Path) -> str:
        """A path as the engine takes it: relative ones start at the folder of the file that says them."""
        return os.path.normpath(text if os.path.isabs(text) else self.places.source(path).folder / text)
