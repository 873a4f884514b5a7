"""A large configuration: one platform file and many teams' files, each with routes of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


PER_UPSTREAM = 25
KINDS = (
    "/{team}/r{number}/*: {{to: {upstream}, strip_prefix: true}}",
    "/{team}/r{number}: {upstream}",
    "GET /{team}/r{number}/{{id}}: {{to: {upstream}, deadline: 5s}}",
    "POST /{team}/r{number}: {{to: {upstream}, filters: {{max_body: 1MiB, headers: {{request: {{set: {{x-team: {team}}}}}}}}}}}",
)
"""Routes as people have them: a service below a prefix, one path, a parameter, something written."""


class Large:
    """Files below a folder, of which one team's can be written anew with another mark in its answers."""

    def __init__(self, folder: Path, port: int, endpoint: str, routes: int, files: int, admin: int = 0) -> None:
        self.folder = folder
        self.file = folder / "glorieta.yaml"
        self.port = port
        self.endpoint = endpoint
        self.routes = max(1, routes // files)
        (folder / "teams").mkdir()
        self.teams = [f"t{number}" for number in range(files)]
        self.file.write_text(self.platform(admin))
        for team in self.teams:
            self.write(team)

    def platform(self, admin: int) -> str:
        lines = ["version: 1", "include: teams/{team}.yaml"]
        lines += [f'admin: {{address: "127.0.0.1:{admin}"}}'] if admin else []
        lines += ["log: off", "listeners:", "  web:", f'    bind: "127.0.0.1:{self.port}"', "    admit:"]
        lines += [f"      {team}: /{team}/*" for team in self.teams]
        return "\n".join([*lines, "    routes:", "      /load: {to: load}", "upstreams:",
                          f'  load: {{endpoints: ["{self.endpoint}"]}}', ""])  # fmt: skip

    def team_text(self, team: str, mark: str) -> str:
        upstreams = max(1, self.routes // PER_UPSTREAM)
        lines = [f"team: {team}", "groups:", "  public:", "    at: web", f"    match: /{team}/*", "    routes:"]
        lines.append(f"      /{team}/mark: {{respond: {{body: ok, headers: {{x-mark: {mark}}}}}}}")
        for number in range(self.routes - 1):
            kind = KINDS[number % len(KINDS)]
            lines.append(f"      {kind.format(team=team, number=number, upstream=f'u{number % upstreams}')}")
        lines.append("upstreams:")
        lines += [f'  u{number}: {{endpoints: ["{self.endpoint}"]}}' for number in range(upstreams)]
        return "\n".join([*lines, ""])

    def write(self, team: str, mark: str = "first") -> None:
        """In one step, as editors and deployments do."""
        file = self.folder / "teams" / f"{team}.yaml"
        fresh = file.with_suffix(".new")
        fresh.write_text(self.team_text(team, mark))
        fresh.replace(file)
