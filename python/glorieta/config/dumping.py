"""From an `Edge` to the YAML that a person would write for it: only what was written, in the shortest form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from .document import PLAIN, TAG, TEXT
from .listener import Listener
from .nouns import own_first
from .route import Route
from .upstream import Upstream

if TYPE_CHECKING:
    from .base import Noun
    from .edge import Edge

WIDTH = 110
NUMBER = re.compile(r"-?[0-9]+")
NOUNS: dict[str, type[Noun]] = {"listener": Listener, "route": Route, "upstream": Upstream}
"""Nouns that say first what is their own."""
ORDER = ("version", "workers", "server_name", "drain", "watch", "log", "admin", "defaults")
"""What stands before listeners, groups and upstreams."""


class Dumper(yaml.CSafeDumper):
    """PyYAML's, which quotes only what our reading of plain scalars needs."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is not yaml.ScalarNode:
            return f"{TAG}map" if kind is yaml.MappingNode else f"{TAG}seq"
        if NUMBER.fullmatch(value):
            return f"{TAG}int"
        return PLAIN.get(value, TEXT).split("/")[0] if implicit[0] else TEXT


def dump(edge: Edge) -> str:
    """The text; loading it gives an equal edge."""
    written = edge.model_dump(mode="json", exclude_unset=True)
    written["version"] = edge.version
    ordered = {key: written[key] for key in ORDER if key in written}
    ordered |= {key: value for key, value in written.items() if key not in ordered}
    return yaml.dump(
        shortened(ordered), Dumper=Dumper, sort_keys=False, width=WIDTH, allow_unicode=True, default_flow_style=None
    )


def shortened(value: Any, parent: str = "") -> Any:
    """The short forms where nothing is lost by them."""
    if isinstance(value, list):
        items = [shortened(each, f"{parent}[]") for each in value]
        return items[0] if parent in ONE_FOR_MANY and len(items) == 1 and isinstance(items[0], str) else items
    if not isinstance(value, dict):
        return value
    short = SHORT.get(parent)
    if short and list(value) == [short]:
        return shortened(value[short], short)
    if parent in NOUNS:
        value = {key: value[key] for key in own_first(NOUNS[parent]) if key in value}
    inside = NAMED_INSIDE.get(parent)
    return {key: shortened(each, inside or key) for key, each in value.items()}


SHORT = {
    "route": "to",
    "endpoints[]": "address",
    "redirect": "location",
    "files": "root",
    "health": "path",
    "balance": "algorithm",
    "log": "to",
    "admin": "address",
}
"""Mappings that, with this key only, are written as its value alone."""
NAMED_INSIDE = {"routes": "route", "listeners": "listener", "upstreams": "upstream", "groups": "group", "set": "value"}
"""Mappings whose keys are names: what each holds."""
ONE_FOR_MANY = ("bind", "trusted_proxies", "allow", "deny", "remove", "method", "host")
"""Lists that are written as one text where they have one item."""
