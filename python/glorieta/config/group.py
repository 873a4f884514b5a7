"""Groups: routes that belong together, with a role and an owner. Several may share a listener."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from .accept import Accepted
from .base import NamesOnly, Noun, left_to_defaults
from .filter import Filters
from .gather import Gather
from .handler import AsgiValue, HandlerValue
from .match import MatchValue
from .role import Role
from .route import RouteDefaults, RouteKey, RouteValue
from .split import SplitValue
from .target import TARGETS, FilesValue, RedirectValue, RespondValue


class GroupDefaults(Noun):
    """What holds for everything in a group that does not say otherwise."""

    route: RouteDefaults = Field(default_factory=left_to_defaults(RouteDefaults))
    """Defaults of the group's routes, over those of the whole file."""


class Group(Noun):
    """Routes that belong together: the unit that has a role and an owner."""

    alternatives: ClassVar[tuple[frozenset[str], ...]] = (frozenset(TARGETS),)

    at: str | None = None
    """The listener. May be left out where there is only one for HTTP."""
    match: MatchValue | None = None
    """Which requests the group may take; its routes stay within. Text means `HOST/PATH`."""
    role: Role | None = None
    """What the group is for, as a contract: more than the role contains is an error. Left out: inferred."""
    owner: str | None = None
    """Who answers for it: a team or an address; shown by `explain` and in the JSON view."""
    client: str | None = None
    """The kind of client that the group is shaped for, such as `mobile`: it is a BFF. Left out: what its router
    says."""
    filters: Filters = Field(default_factory=left_to_defaults(Filters))
    """Filters of all routes of the group, merged over the listener's."""
    routes: Annotated[dict[RouteKey, RouteValue], NamesOnly] = Field(default_factory=dict)
    """Routes by `[METHOD] /path` (the whole path, as requested) or by name. Their order means nothing."""
    to: str | None = None
    """The upstream of all requests of the group that no route matches. Where the group's `match` says more than
    hosts, this is a route of that match among the others: `match: /orders/*` comes before regular expressions."""
    split: SplitValue | None = None
    """Share out what no route matches among several upstreams: `{stable: 95, canary: 5}`."""
    handler: HandlerValue | None = None
    """A router in Python, `module:name` or `file.py:name`: each of its routes is a route here; its paths are whole
    paths."""
    asgi: AsgiValue | None = None
    """Have an application by the ASGI standard answer what no route matches; text means `{application: text}`."""
    gather: Gather | None = None
    """Make one answer of several upstreams' for what no route matches."""
    redirect: RedirectValue | None = None
    """Answer what no route matches with another address."""
    respond: RespondValue | None = None
    """Answer what no route matches with a fixed response."""
    files: FilesValue | None = None
    """Answer what no route matches with files of a folder."""
    defaults: GroupDefaults = Field(default_factory=left_to_defaults(GroupDefaults))
    """What holds for the group's routes that do not say otherwise."""
    accept: Accepted = Field(default_factory=dict)
    """Confusions that are known and meant in this group: the code of each, and why."""
