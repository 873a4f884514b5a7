"""From an `Edge` to the YAML that a person would write for it: only what was written, in the shortest form."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import yaml

from .address import UNIX
from .admin import AUTO
from .document import PLAIN, TAG, TEXT
from .errors import ConfigError, Problem
from .formatting import format_text
from .gather import Gather, Part
from .listener import Listener
from .log import STREAMS
from .nouns import own_first
from .numbers import NUMBER
from .route import Route
from .upstream import Upstream
from .written import written_data

if TYPE_CHECKING:
    from .base import Noun
    from .edge import Edge
    from .errors import Path

WIDTH = 110
NOUNS: dict[str, type[Noun]] = {
    "gather": Gather,
    "listener": Listener,
    "part": Part,
    "route": Route,
    "upstream": Upstream,
}
"""Nouns that say first what is their own."""
PATHS = (
    ("files", "root"),
    ("log", "to"),
    ("admin", "socket"),
    ("tls", "certificate"),
    ("tls", "key"),
    ("tls", "authorities"),
    ("clients", "authorities"),
    ("clients", "revoked"),
)
NO_PATHS = (AUTO, *STREAMS)
"""Words that stand where a path might."""
ORDER = ("version", "team", "include", "workers", "server_name", "drain", "watch", "log", "admin", "defaults")
"""What stands before listeners, groups and upstreams."""


class Dumper(yaml.CSafeDumper):
    """PyYAML's, which quotes only what our reading of plain scalars needs."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is not yaml.ScalarNode:
            return f"{TAG}map" if kind is yaml.MappingNode else f"{TAG}seq"
        if not implicit[0]:
            return TEXT
        if NUMBER.fullmatch(value):
            return f"{TAG}int" if value.lstrip("-").isdigit() else f"{TAG}float"
        return PLAIN.get(value, TEXT).split("/")[0]


def dump(edge: Edge) -> str:
    """The text, in the form that `fmt` gives files; loading it gives an equal edge."""
    refuse_teams(edge)
    written = {**from_one_folder(edge, written_data(edge)), "version": edge.version}
    ordered = {key: written[key] for key in ORDER if key in written}
    ordered |= {key: value for key, value in written.items() if key not in ordered}
    text = yaml.dump(
        shortened(ordered), Dumper=Dumper, sort_keys=False, width=WIDTH, allow_unicode=True, default_flow_style=None
    )
    return format_text(text, "this edge")


def refuse_teams(edge: Edge) -> None:
    """One file has one namespace, so it cannot hold what several teams' files say."""
    named = next((name for name in (*edge.groups, *edge.upstreams) if "/" in name), None)
    if named is not None:
        fix = "dump each team's edge, and what includes them"
        raise ConfigError([Problem((), f'"{named}" is a team\'s, and one file cannot hold several namespaces', fix)])


def from_one_folder(edge: Edge, data: dict[str, Any]) -> dict[str, Any]:
    """Relative paths of files in other folders as absolute ones: in one text they would start elsewhere."""
    origin = edge.origin
    if origin is None or all(source.folder == origin.folder for _, source in origin.places.grafts.values()):
        return data

    def moved(value: Any, path: Path) -> Any:
        if isinstance(value, dict):
            return {key: moved(each, (*path, key)) for key, each in value.items()}
        if isinstance(value, list):
            return [moved(each, (*path, index)) for index, each in enumerate(value)]
        if not isinstance(value, str) or value in NO_PATHS or not is_path(value, path):
            return value
        folder, unix = origin.places.source(path).folder, UNIX if value.startswith(UNIX) else ""
        relative = value.removeprefix(UNIX)
        return value if folder == origin.folder else f"{unix}{os.path.normpath(folder / relative)}"

    return {key: moved(value, (key,)) for key, value in data.items()}


def is_path(value: str, path: Path) -> bool:
    """Whether this is a file's path, or a Unix socket's."""
    return (
        path[-2:] in PATHS
        or path[-3:-2] == ("certificates",)
        or (value.startswith(UNIX) and (path[-1] == "address" or path[2:3] == ("bind",)))
    )


def shortened(value: Any, parent: str = "") -> Any:
    """The short forms where nothing is lost by them."""
    if isinstance(value, list) and parent not in VALUES:
        items = [shortened(each, f"{parent}[]") for each in value]
        return items[0] if parent in ONE_FOR_MANY and len(items) == 1 and isinstance(items[0], str) else items
    if not isinstance(value, dict):
        return value
    if parent in VALUES:
        return value
    if parent == "optional" and not value:
        return True
    short = SHORT.get(parent)
    if short and list(value) == [short]:
        return shortened(value[short], short)
    if parent in NOUNS:
        value = {key: value[key] for key in own_first(NOUNS[parent]) if key in value}
    inside = NAMED_INSIDE.get(parent)
    return {key: shortened(each, inside or key) for key, each in value.items()}


SHORT = {
    "route": "to",
    "include[]": "files",
    "endpoints[]": "address",
    "redirect": "location",
    "files": "root",
    "health": "path",
    "balance": "algorithm",
    "log": "to",
    "admin": "address",
    "hsts": "max_age",
}
"""Mappings that, with this key only, are written as its value alone."""
VALUES = ("body", "default")
"""Values of any kind, which have no short forms."""
NAMED_INSIDE = {
    "routes": "route",
    "listeners": "listener",
    "upstreams": "upstream",
    "groups": "group",
    "parts": "part",
    "set": "value",
}
"""Mappings whose keys are names: what each holds."""
ONE_FOR_MANY = (
    "include",
    "bind",
    "redirect",
    "trusted_proxies",
    "allow",
    "deny",
    "remove",
    "method",
    "host",
    "select",
    "drop",
    "flatten",
    "forward",
    "after",
)
"""Lists that are written as one text where they have one item."""
