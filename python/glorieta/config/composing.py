"""Several files as one configuration: whose names are whose, and what is said twice.

The platform's files are one namespace, each team's another; what a team says of itself as a whole (`defaults`,
`accept`) is laid under its own groups and upstreams, so that whoever reads the result needs to know nothing of teams.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .base import is_free
from .checking import described, unknown_key
from .edge import Edge, check_version
from .errors import Path, Problem, Wrong, did_you_mean
from .group import Group
from .layers import Entries, Layers, Said, named
from .places import place_in
from .shapes import Shape
from .unit import NAMED, full_name
from .upstream import Upstream

if TYPE_CHECKING:
    from yaml import Node

    from .unit import Reading, Unit

MAPPINGS = (*NAMED, "tests", "defaults", "accept")
"""Sections of names (or kinds, or codes), of which each file may say some."""
OF_THE_FILE = ("include", "team")
"""What a file says of itself, not of the whole."""
OF_A_TEAM = ("groups", "upstreams", "defaults", "tests", "include", "accept")
UNDER = ("defaults", "accept")
"""What a team says of all that is its own."""
TEAM_DEFAULTS = ("route", "upstream")


@dataclass
class Section:
    """A mapping to which several files add."""

    name: Node
    frame: Said
    """The part that stands first."""
    entries: Entries = field(default_factory=dict)

    def said(self, layers: Layers) -> Said:
        return layers.mapping(self.frame, self.entries)


class Composition:
    """Takes in units, the file that includes the others first."""

    def __init__(self, reading: Reading, root: Unit) -> None:
        self.reading = reading
        self.layers = Layers(reading.places)
        self.frame = Said(root.data, root.node, root.source)
        self.whole: Entries = {}
        self.sections: dict[str, Section] = {}
        self.under: dict[str, dict[str, Section]] = {}
        """Sections of `UNDER` by team."""

    def add(self, unit: Unit) -> None:
        said = Said(unit.data, unit.node, unit.source)
        for key, value in unit.data.items():
            if value is None or is_free(key) or key in OF_THE_FILE:
                continue
            name, child = self.layers.child(said, key, value)
            if unit.source.team and key in Edge.model_fields and key not in (*OF_A_TEAM, "version"):
                message = f"\"{key}\" is for the platform's files, and this one is team {unit.source.team}'s"
                self.refuse((key,), name, child, message, f"a team's file says {', '.join(OF_A_TEAM)}")
            elif key == "version" and key in self.whole:
                self.check_version(child)
            elif key in MAPPINGS:
                self.add_section(key, name, child, unit.source.team)
            elif key not in Edge.model_fields and key in self.whole:
                self.reading.problems.append(unknown_key((key,), value, unit.places))
            else:
                self.put((key,), self.whole, name, child)

    def check_version(self, said: Said) -> None:
        try:
            check_version(said.data)
        except Wrong as wrong:
            self.refuse(("version",), said.node, said, wrong.message, wrong.fix)

    def add_section(self, key: str, name: Node, said: Said, team: str | None) -> None:
        """One file's part of a section, under its team's name."""
        if not isinstance(said.data, dict):
            self.refuse((key,), said.node, said, f"a mapping is expected here, not {described(said.data)}")
            return
        sections = self.under.setdefault(team, {}) if team and key in UNDER else self.sections
        section = sections.setdefault(key, Section(name, said))
        for each, value in said.data.items():
            if is_free(each):
                continue
            full = full_name(team, key, each)
            each_name, child = self.layers.child(said, each, value)
            self.put((key, full), section.entries, named(full, each_name), child)

    def put(self, path: Path, entries: Entries, name: Node, said: Said) -> None:
        """Puts a value in; what is there already was said by another file."""
        first = entries.get(name.value)
        if first is None:
            entries[name.value] = name, said
            return
        place, other = place_in(said.source.file, name), place_in(first[1].source.file, first[0])
        fix = "give one of them another name" if path[0] in NAMED else "keep one of both"
        self.reading.problems.append(Problem(path, "stands in two files", fix, place, said.source.file, path, other))

    def refuse(self, path: Path, node: Node, said: Said, message: str, fix: str | None = None) -> None:
        place = place_in(said.source.file, node)
        self.reading.problems.append(Problem(path, message, fix, place, said.source.file))
        self.reading.incomplete = True

    def result(self) -> Said:
        """The whole."""
        for team, sections in self.under.items():
            self.lay_under(team, sections)
        for key, section in self.sections.items():
            self.whole[key] = section.name, section.said(self.layers)
        return self.layers.mapping(self.frame, self.whole)

    def lay_under(self, team: str, sections: dict[str, Section]) -> None:
        """What a team says of all that is its own, under what each of it says."""
        if "defaults" in sections:
            defaults = sections["defaults"]
            self.check_defaults(defaults)
            if "upstream" in defaults.entries:
                self.lay_under_all("upstreams", team, defaults.entries["upstream"][1])
            if "route" in defaults.entries:
                route = self.layers.mapping(defaults.frame, {"route": defaults.entries["route"]})
                self.lay_under_all("groups", team, self.holding("defaults", defaults, route))
        if "accept" in sections:
            accept = self.holding("accept", sections["accept"], sections["accept"].said(self.layers))
            for section in ("groups", "upstreams"):
                self.lay_under_all(section, team, accept)

    def holding(self, key: str, section: Section, said: Said) -> Said:
        """A mapping that says nothing but this."""
        return self.layers.mapping(section.frame, {key: (section.name, said)})

    def check_defaults(self, defaults: Section) -> None:
        for key, (name, said) in defaults.entries.items():
            if key == "listener":
                fix = "write it in the platform's file"
                self.refuse(("defaults", key), name, said, "a team has no listeners", fix)
            elif key not in TEAM_DEFAULTS:
                self.refuse(("defaults",), name, said, f'unknown key "{key}"', did_you_mean(key, TEAM_DEFAULTS))

    def lay_under_all(self, section: str, team: str, beneath: Said) -> None:
        shape = Shape(Group if section == "groups" else Upstream)
        entries = self.sections[section].entries if section in self.sections else {}
        for key, (name, said) in entries.items():
            if key.startswith(f"{team}/") and isinstance(said.data, dict):
                entries[key] = name, self.layers.lay(shape, beneath, said)
