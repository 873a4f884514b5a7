"""glorieta with what the importer made of a configuration of the corpus, and what it said about each line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import crossplane

from glorieta.importers import import_file
from glorieta.plan.build import build, build_edge

from .layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glorieta.importers import Imported, Note

    from .corpus import Case
    from .layout import Service


class Twin:
    """glorieta with the YAML that the importer made of the same files."""

    def __init__(self, case: Case, folder: Path, services: dict[str, Service]) -> None:
        self.case = case
        self.layout = lay_out(case, folder, "g", services)
        self.main = self.layout.nginx / "nginx.conf"
        self.entry = self.layout.nginx / case.entry
        self.imported: Imported = import_file(self.entry)
        self.file = folder / "glorieta.yaml"
        self.file.write_text(self.imported.yaml, encoding="utf-8")

    def written(self) -> dict[tuple[str, int, str], list[str]]:
        """What stands in the files, read without the importer: file, line and name → directives without quotes."""
        payload = crossplane.parse(str(self.main), check_ctx=False)
        assert payload["status"] == "ok", payload["errors"]
        found: dict[tuple[str, int, str], list[str]] = {}
        around = () if self.case.entry == "nginx.conf" else (self.main, self.layout.nginx / "mime.types")
        for config in payload["config"]:
            if Path(config["file"]) not in around:
                for each in flat(config["parsed"]):
                    text = self.layout.written(" ".join([each["directive"], *each["args"]]))
                    found.setdefault((config["file"], each["line"], each["directive"]), []).append(text)
        return found

    def said(self, kind: str) -> list[str]:
        """The directives that are noted so, as the corpus writes them."""
        written = self.written()
        return sorted(written[place_of(note)][0] for note in self.imported.notes if note.kind == kind)

    def plan(self) -> dict[str, Any]:
        """As `glorieta run` would make it of the YAML, but for the admin address."""
        return without_admin(build(str(self.file), secrets=False).plan)

    def plan_of_objects(self) -> dict[str, Any]:
        return without_admin(build_edge(self.imported.edge, secrets=False).plan)


def without_admin(plan: Any) -> dict[str, Any]:
    return {**plan, "admin": {**plan["admin"], "address": "off", "socket": None}}


def place_of(note: Note) -> tuple[str, int, str]:
    return note.place.file, note.place.line, note.directive.split(" ")[0]


def flat(parsed: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in parsed:
        yield each
        yield from flat(each.get("block") or [])
