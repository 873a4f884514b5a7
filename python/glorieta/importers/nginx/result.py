"""What the translation has made so far: the data of an `Edge`, with places and remarks by path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...config.errors import Place

Path = tuple[str, ...]


@dataclass
class Result:
    """Sections by name, as they will stand in the YAML."""

    settings: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    listeners: dict[str, Any] = field(default_factory=dict)
    groups: dict[str, Any] = field(default_factory=dict)
    upstreams: dict[str, Any] = field(default_factory=dict)
    at: dict[str, str] = field(default_factory=dict)
    """The listener of each group."""
    places: dict[Path, Place] = field(default_factory=dict)
    """Where in the NGINX files the value at a path was written."""
    remarks: dict[Path, list[str]] = field(default_factory=dict)
    """Comments above the key at a path."""

    def data(self) -> dict[str, Any]:
        sections = {
            **self.settings,
            "defaults": self.defaults,
            "listeners": self.listeners,
            "groups": self.groups,
            "upstreams": self.upstreams,
        }
        return {"version": 1, **{name: value for name, value in sections.items() if value}}
