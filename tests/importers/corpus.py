"""The configurations: each has a folder with what stands in /etc/nginx, and `expected.yaml`, which says what is known.

`expected.yaml`:

- `kind`: one line, what people use it for.
- `entry`: the file that is imported; left out, `nginx.conf`. Where that is not the main file, NGINX gets one around it.
- `site`: files that stand elsewhere, such as /var/www/html/index.html.
- `missing`, `nearly`: the directives that must be noted so, as they are written, each once. No other may be.
- `differs`: differences that those notes announce, each of which must occur: a name of announced.py, or `what` differs
  and `why`, with the directive of the `note` and, where it is not everywhere, `path`, `host`, `method`, `header`, `nginx`.
- `requests`: requests beside the generated ones, as `METHOD HOST/PATH` or a mapping.
- `samples`: expression → paths that it matches, where none can be made of it.
- `shares`: requests whose spread over endpoints is compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "corpus"
ALL = "*"


@dataclass(frozen=True)
class Differs:
    """A difference that is allowed: where, in what, and because of which directive that has a note."""

    why: str
    what: tuple[str, ...]
    note: str | None
    """The directive; none where the difference is one of the language (docs/guides/from-nginx.md)."""
    path: re.Pattern[str]
    host: re.Pattern[str]
    method: re.Pattern[str]
    header: str | None
    nginx: int | None
    """Only where NGINX answers with this status."""

    @classmethod
    def read(cls, data: dict[str, Any]) -> Differs:
        what = data.pop("what")
        made = cls(
            data.pop("why"),
            (what,) if isinstance(what, str) else tuple(what),
            data.pop("note", None),
            re.compile(data.pop("path", ".*")),
            re.compile(data.pop("host", ".*")),
            re.compile(data.pop("method", ".*")),
            data.pop("header", None),
            data.pop("nginx", None),
        )
        assert not data, f"unknown keys of differs: {data}"
        return made

    def covers(self, what: str) -> bool:
        return any(each in (ALL, what) or (each.endswith(ALL) and what.startswith(each[:-1])) for each in self.what)


@dataclass(frozen=True)
class Shares:
    """Requests of which as many as NGINX's must reach each endpoint."""

    path: str
    host: str
    count: int
    within: float
    """How far the share of an endpoint may be from that of NGINX."""
    port: str
    why: str | None
    """Why the shares may differ; none where they must not. Every request must reach one of them in any case."""


@dataclass(frozen=True)
class Case:
    name: str
    kind: str
    entry: str
    site: dict[str, str]
    missing: list[str]
    nearly: list[str]
    differs: list[Differs]
    known: list[str]
    """Names of announced.py."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    samples: dict[str, list[str]] = field(default_factory=dict)
    shares: list[Shares] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    def files(self) -> list[Path]:
        """Everything but what the tests say about it, relative to /etc/nginx."""
        found = [path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file()]
        return sorted(path for path in found if path.name != "expected.yaml")


@cache
def read_case(name: str) -> Case:
    data = yaml.safe_load((FOLDER / name / "expected.yaml").read_text(encoding="utf-8"))
    site = data.pop("site", {})
    if isinstance(site, list):
        site = {path: f"this is {path}\n" for path in site}
    differs = data.pop("differs", [])
    made = Case(
        name,
        data.pop("kind"),
        data.pop("entry", "nginx.conf"),
        site,
        data.pop("missing", []),
        data.pop("nearly", []),
        [Differs.read(each) for each in differs if isinstance(each, dict)],
        [each for each in differs if isinstance(each, str)],
        [asked(each) for each in data.pop("requests", [])],
        data.pop("samples", {}),
        [share(each) for each in data.pop("shares", [])],
    )
    assert not data, f"unknown keys of {name}/expected.yaml: {data}"
    return made


def asked(request: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(request, dict):
        return request
    method, _, url = request.partition(" ")
    host, slash, path = url.partition("/")
    return {"method": method, "host": host, "path": slash + path}


def share(data: dict[str, Any]) -> Shares:
    made = Shares(
        data.pop("path", "/"),
        data.pop("host", "any.example"),
        data.pop("count", 60),
        float(str(data.pop("within", "5%")).rstrip("%")) / 100,
        str(data.pop("port", "80")),
        data.pop("why", None),
    )
    assert not data, f"unknown keys of shares: {data}"
    return made


def names() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/expected.yaml"))
