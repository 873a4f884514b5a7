"""The edge: everything that one file, or one Python object, says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, PrivateAttr

from .accept import Accepted
from .acme import Acme
from .admin import Admin, AdminValue
from .base import (
    TEXT,
    FullName,
    Name,
    NamesOnly,
    Noun,
    Shorthand,
    Switch,
    Switchable,
    as_list,
    checked_text,
    left_to_defaults,
    whole,
)
from .errors import Wrong
from .group import Group
from .handler import Handlers
from .include import IncludeValue
from .listener import Listener, ListenerDefaults
from .log import Log, LogValue
from .route import RouteDefaults
from .tests import Case, TestKey
from .units import Duration
from .upstream import Upstream, UpstreamDefaults
from .words import NAME as TOKEN

if TYPE_CHECKING:
    from .places import Places


def check_server_name(text: str) -> str:
    if not TOKEN.fullmatch(text):
        raise Wrong(f'"{text}" is no name for Via and Server', "write one word, such as edge-1")
    return text


def check_version(value: Any) -> int:
    if value == "1" or (value == 1 and value is not True):
        return 1
    raise Wrong(f'"{value}" is no version that this glorieta reads', "write version: 1")


@dataclass(frozen=True)
class Origin:
    """Where an edge came from: relative paths start at its folder, and errors name its places."""

    folder: Path
    places: Places
    files: tuple[Path, ...] = ()
    """Everything that was read for it."""
    globs: tuple[str, ...] = ()
    """Patterns by which files were looked for."""


class Defaults(Noun):
    """What holds for everything that does not say otherwise."""

    listener: ListenerDefaults = Field(default_factory=left_to_defaults(ListenerDefaults))
    """Defaults of all listeners."""
    route: RouteDefaults = Field(default_factory=left_to_defaults(RouteDefaults))
    """Defaults of all routes."""
    upstream: UpstreamDefaults = Field(default_factory=left_to_defaults(UpstreamDefaults))
    """Defaults of all upstreams."""


class Edge(Noun):
    """One glorieta: its listeners, groups and upstreams."""

    version: Annotated[int, Shorthand(check_version, narrows={"const": 1})] = 1
    """The version of this language: 1. Required in a file that stands alone or includes others, not in these."""
    include: Annotated[list[IncludeValue], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Further files, one or several: paths, patterns such as `conf.d/*.yaml` and, for teams, `teams/{team}.yaml`, and
    edges in Python such as `teams/billing.py:edge`; relative to this file."""
    team: Name | None = None
    """Whose file this is. The file that includes it says so, and this must agree or be left out; only where no
    listener has `admit`, a file may say it by itself. Its names become `TEAM/…`; it says groups, upstreams, defaults
    and tests, and the files that include it open the listeners."""
    listeners: Annotated[dict[Name, Listener], NamesOnly] = Field(default_factory=dict)
    """Listeners by name."""
    groups: Annotated[dict[FullName, Group], NamesOnly] = Field(default_factory=dict)
    """Groups of routes by name."""
    upstreams: Annotated[dict[FullName, Upstream], NamesOnly] = Field(default_factory=dict)
    """Upstreams by name."""
    defaults: Defaults = Field(default_factory=left_to_defaults(Defaults))
    """What holds for everything that does not say otherwise; in a team's file, for what is the team's."""
    handlers: Handlers = Field(default_factory=left_to_defaults(Handlers))
    """How the processes work in which Python answers requests."""
    acme: Annotated[Acme | None, Switchable] = None
    """Where certificates are ordered that listeners ask for with `tls: {acme: …}`."""
    tests: Annotated[dict[TestKey, Case], NamesOnly] = Field(default_factory=dict)
    """Requests by `METHOD URL` or by name, and what must become of each; `glorieta test` asks them all."""
    accept: Accepted = Field(default_factory=dict)
    """Confusions that are known and meant everywhere (in a team's file: in what is the team's): the code of each, and
    why."""
    admin: Annotated[AdminValue | None, Switchable] = Field(default_factory=left_to_defaults(Admin))
    """Where liveness, metrics and the read-only view are served; `off`: nowhere."""
    log: LogValue = Field(default_factory=left_to_defaults(Log))
    """The access log."""
    workers: Annotated[int, whole(1, 1024)] | None = None
    """Worker threads; fixed at start. Left out: one for each CPU that affinity and cgroup allow."""
    drain: Duration = timedelta(seconds=45)
    """How long requests under way may take after SIGTERM, or after their listener was removed; a duration."""
    server_name: Annotated[Annotated[str, checked_text(check_server_name)] | None, Switchable] = None
    """One word that names this glorieta in `Via`, and in `Server` of answers it makes itself. `off` or left out: no
    `Server`, and `glorieta` in `Via`."""
    watch: Switch = True
    """Whether `glorieta run` applies changes of its files by itself."""

    _origin: Origin | None = PrivateAttr(default=None)

    @property
    def origin(self) -> Origin | None:
        """Where it was read from; none for one that was made in Python."""
        return self._origin

    def settled(self, origin: Origin | None) -> Edge:
        """The same, known to come from there."""
        self._origin = origin
        return self

    @classmethod
    def load(cls, path: str | Path, *overlays: str | Path) -> Edge:
        """Reads a YAML file and what it includes; further ones are laid over it.

        `ConfigError` names everything that is wrong with them.
        """
        # Loading makes edges, so it stands above this module.
        from .loading import load_any

        for each in (path, *overlays):
            if not isinstance(each, str | PathLike):
                raise TypeError(
                    f"Edge.load() takes files, not {type(each).__name__}; write Edge.load('base.yaml', 'prod.yaml')"
                )
        return load_any((path, *overlays)).edge

    def dump(self) -> str:
        """The YAML that a person would write for this: what was written, in the shortest form."""
        from .dumping import dump

        return dump(self)

    def save(self, path: str | Path) -> None:
        """Writes `dump()` to a file."""
        Path(path).write_text(self.dump(), encoding="utf-8")
