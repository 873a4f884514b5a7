"""The page for people who come from NGINX says of each directive what the importer makes of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from glorieta.importers import import_file
from harness.process import CHECKOUT

from .nginx import WHERE, configuration

if TYPE_CHECKING:
    from pathlib import Path

    from glorieta.importers import Imported

TEXT = (CHECKOUT / "docs/guides/from-nginx.md").read_text()
CODE = re.compile(r"`([^`]+)`")
KINDS = {"the same": "translated", "nearly": "nearly", "needless": "needless", "without a twin": "missing"}
HEADS = ("| where | NGINX | is | in glorieta |", "| where | NGINX | is | comes with |")
LATER = TEXT.split("### What comes later", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[tuple[str, str, str, str]]:
    """Where, the line, what it is said to be, and its twin."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0].strip("`") in WHERE:
            where, nginx = (CODE.fullmatch(cell) for cell in cells[:2])
            assert where and nginx, line
            found.append((where[1], nginx[1], cells[2], cells[3]))
    return found


ROWS = rows(TEXT)


def imported(where: str, line: str, folder: Path) -> tuple[Imported, int]:
    text, at = configuration(where, line)
    path = folder / "nginx.conf"
    path.write_text(text)
    return import_file(str(path)), at


def test_every_row_of_these_tables_is_understood() -> None:
    tables = [part for part in TEXT.split("\n\n") if part.startswith(HEADS)]
    assert len(ROWS) == sum(part.count("\n") - 1 for part in (table.strip() for table in tables)) > 40


@pytest.mark.parametrize(("where", "line", "said", "twin"), ROWS, ids=lambda value: value if ";" in value else "")
def test_a_directive_becomes_what_the_page_says(where: str, line: str, said: str, twin: str, tmp_path: Path) -> None:
    result, at = imported(where, line, tmp_path)
    note = next(note for note in result.notes if note.place.line == at)
    assert note.kind == KINDS[said], note
    if said in ("the same", "nearly"):
        missing = [code for code in CODE.findall(twin) if re.search("[:{]", code) and code not in result.yaml]
        assert not missing, f"{missing} in\n{result.yaml}"


@pytest.mark.parametrize(
    ("where", "line", "said", "issue"), rows(LATER), ids=lambda value: value if ";" in value else ""
)
def test_what_comes_later_is_named_so(where: str, line: str, said: str, issue: str, tmp_path: Path) -> None:
    result, at = imported(where, line, tmp_path)
    note = next(note for note in result.notes if note.place.line == at)
    assert f"comes with {issue}" in note.text


def test_what_is_closed_stays_closed(tmp_path: Path) -> None:
    """As the page promises for what would be open by accident."""
    for where, line in (("server", "auth_basic closed;"), ("location", "auth_request /auth;")):
        assert "401" in imported(where, line, tmp_path)[0].yaml
    assert "bind: 127.0.0.1:8443" in imported("server", "listen 8443 ssl;", tmp_path)[0].yaml
