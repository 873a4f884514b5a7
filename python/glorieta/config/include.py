"""`include`: which further files belong to a configuration, and whose they are.

Whose a file is decides what it may take. So the file that includes it says that, by a name or by where the file lies
(`teams/{team}.yaml`); what a file says of itself could be anything.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import model_validator

from .base import TEXT, Name, Noun, Shorthand, checked_text
from .errors import Wrong

TEAM = "{team}"
"""Stands in a pattern for the team's name."""
A_PATH = "write a path, such as conf.d/*.yaml"
PLACEHOLDER = re.compile(r"\{(\w*)\}")


def check_files(text: str) -> str:
    """A path or a pattern; `{team}` at most once, and so that nobody has to guess what it stands for."""
    names = PLACEHOLDER.findall(text)
    for name in names:
        if name != "team":
            raise Wrong(f'"{text}" has "{{{name}}}", and only {{team}} means something here', "write {team}, or *")
    if len(names) > 1:
        raise Wrong(f'"{text}" has {{team}} twice', "write it once, and * for the other")
    if names:
        before, part = around_team(text)
        if any("**" in each for each in before):
            raise Wrong(
                f'"{text}" has ** before {{team}}, so which folder is meant cannot be told', "write * for one folder"
            )
        if glob.has_magic(part.replace(TEAM, "")):
            raise Wrong(
                f'"{part}" has a pattern beside {{team}}, so where the name ends cannot be told', "write {team}"
            )
    return text


def around_team(pattern: str) -> tuple[list[str], str]:
    """The parts of a pattern before the one with `{team}`, and that one."""
    parts = pattern.split("/")
    index = next(index for index, part in enumerate(parts) if TEAM in part)
    return parts[:index], parts[index]


def team_in(pattern: str, path: str) -> str:
    """What `{team}` stands for in a path that the pattern has found."""
    before, part = around_team(pattern)
    prefix, _, suffix = part.partition(TEAM)
    own = path.split("/")[len(before)]
    return own[len(prefix) : len(own) - len(suffix)]


def expand_include(value: Any) -> Any:
    """`teams/*.yaml` is short for `{files: teams/*.yaml}`."""
    if value == {"team": None}:
        raise Wrong("YAML reads { } as a mapping", 'put the whole pattern in quotes: "{team}"')
    if isinstance(value, str):
        return {"files": value}
    if not isinstance(value, Mapping | Noun):
        raise Wrong("a file is expected here", A_PATH)
    return value


class Include(Noun):
    """Further files, and whose they are. Text means `files`."""

    files: Annotated[str, checked_text(check_files)] = ""
    """A path, a pattern such as `conf.d/*.yaml`, or an edge in Python such as `teams/billing.py:edge`; relative to
    this file. In a pattern `{team}` stands for one name (a folder, or a part of a file's name), and what it finds is
    the team whose file that is: `teams/{team}.yaml`, `teams/{team}/**/*.yaml`. Required."""
    team: Name | None = None
    """The team whose files these are, where their path does not say it. Left out, and without `{team}`: they are
    whose this file is."""

    @model_validator(mode="after")
    def says_one_team(self) -> Self:
        if not self.files:
            raise Wrong("a file is expected here", A_PATH)
        if TEAM in self.files and self.team is not None:
            raise Wrong(f'"{self.files}" says the team already', "leave team out, or write * for {team}")
        return self


IncludeValue = Annotated[Include, Shorthand(expand_include, (TEXT,))]
