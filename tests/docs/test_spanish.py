"""The Spanish pages say what the English ones say: a change of one that the other lacks is found here.

Sentences are a translator's. What can be compared is compared: headings, blocks, tables, lists, links and pictures.
"""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from glorieta.config.role import ROLES
from harness.process import CHECKOUT

from .pages import FENCE, Page

DOCS = CHECKOUT / "docs"
SPANISH = [CHECKOUT / "README.es.md", *sorted((DOCS / "es").rglob("*.md"))]
PICTURES = sorted((DOCS / "images" / "es").glob("*.svg"))
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\n]+)`")
ITEM = re.compile(r"^ *(-|\d+\.) ", re.MULTILINE)
VIEW = re.compile(r"^!\[.*?\]\(([^)\s]+)\)$", re.MULTILINE)


def english(path: Path) -> Path:
    """The page, or the picture, of which this is the Spanish one."""
    if path.parent == CHECKOUT:
        return path.with_name(path.name.replace(".es.", "."))
    if path.suffix == ".svg":
        return path.parent.parent / path.name
    return DOCS / path.relative_to(DOCS / "es")


def both(path: Path) -> tuple[Page, Page]:
    twin = english(path)
    assert twin.is_file(), f"{path.name} is the Spanish of nothing"
    return Page(path, path.read_text()), Page(twin, twin.read_text())


def cells(page: Page) -> list[int]:
    """How many cells each row of each table has."""
    return [len(re.findall(r"(?<!\\)\|", line)) for line in page.prose().splitlines() if line.startswith("|")]


def shape(page: Page) -> list[str]:
    """What the page consists of, in its order: headings by level, blocks, items of lists, rows of tables, pictures."""
    found = []
    for line in FENCE.sub("```\n", page.text).splitlines():
        if heading := re.match(r"#+ ", line):
            found.append(heading[0])
        elif line.startswith(("```", "|", "![", "<!--")):
            found.append(line[:2])
        elif item := ITEM.match(line):
            found.append(item[0])
    return found


def destinations(page: Page) -> list[Path]:
    """Where its links lead, each in English: a Spanish page links to what there is in Spanish."""
    found = []
    for link in LINK.findall(page.prose()):
        target = link.partition("#")[0]
        if link.startswith("https://"):
            found.append(Path(link))
            continue
        path = Path(os.path.normpath(page.path.parent / target)) if target else page.path
        found.append(english(path) if path in (*SPANISH, *PICTURES) else path)
    return sorted(found)


def other_language(page: Page) -> Path:
    """Where the first link of a page that exists twice leads: to its twin."""
    first = LINK.search(page.prose())
    assert first, page.name
    return Path(os.path.normpath(page.path.parent / first[1]))


def test_there_is_one_for_the_readme_and_each_role() -> None:
    roles = {f"{role}.md" for role in ROLES}
    assert {path.name for path in SPANISH} == {"README.es.md", "roles.md", *roles}


@pytest.mark.parametrize("path", SPANISH, ids=lambda path: path.name)
def test_the_pages_have_one_shape(path: Path) -> None:
    spanish, page = both(path)
    assert shape(spanish) == shape(page)
    assert cells(spanish) == cells(page)


@pytest.mark.parametrize("path", SPANISH, ids=lambda path: path.name)
def test_blocks_and_marks_are_the_same(path: Path) -> None:
    spanish, page = both(path)
    assert [(block.language, block.mark, block.text) for block in spanish.blocks()] == [
        (block.language, block.mark, block.text) for block in page.blocks()
    ]


@pytest.mark.parametrize("path", SPANISH, ids=lambda path: path.name)
def test_words_of_the_language_are_not_translated(path: Path) -> None:
    spanish, page = both(path)
    assert sorted(CODE.findall(spanish.prose())) == sorted(CODE.findall(page.prose()))


@pytest.mark.parametrize("path", SPANISH, ids=lambda path: path.name)
def test_links_lead_to_the_same_in_spanish_where_that_exists(path: Path) -> None:
    spanish, page = both(path)
    assert other_language(spanish) == page.path
    assert other_language(page) == path
    # Its own twin is what only one of the two links to.
    assert [link for link in destinations(spanish) if link != page.path] == [
        link for link in destinations(page) if link != page.path
    ]
    for link in LINK.findall(spanish.prose())[1:]:
        target = link.partition("#")[0]
        if target and not link.startswith("https://"):
            leads = Path(os.path.normpath(path.parent / target))
            twins = [each for each in (*SPANISH, *PICTURES) if english(each) == leads]
            assert not twins, f"{link} is there in Spanish"


@pytest.mark.parametrize("path", SPANISH, ids=lambda path: path.name)
def test_it_is_spanish(path: Path) -> None:
    words = re.findall(r"[a-záéíóúñü]+", CODE.sub("", Page(path, path.read_text()).prose()).lower())
    share = sum(word in {"de", "la", "el", "que", "en", "un", "una", "los", "las", "y", "no", "es"} for word in words)
    assert share / len(words) > 0.2
    strangers = sum(word in {"the", "of", "and", "is", "which", "that"} for word in words)
    assert strangers / len(words) < 0.01


@pytest.mark.parametrize("path", SPANISH, ids=lambda path: path.name)
def test_english_text_is_in_no_paragraph(path: Path) -> None:
    spanish, page = both(path)
    known = {part.strip() for part in page.prose().split("\n\n") if len(CODE.sub("", part).split()) > 6}
    known = {part for part in known if not part.startswith("<!--")}
    assert known & {part.strip() for part in spanish.prose().split("\n\n")} == set()


def drawn(path: Path) -> list[tuple[str, dict[str, str]]]:
    """All elements of a picture with their attributes, without language and ids of texts."""
    return [
        (element.tag, {name: value for name, value in element.attrib.items() if not name.endswith("}lang")})
        for element in ElementTree.parse(path).iter()
    ]


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.name)
def test_pictures_differ_in_their_words_only(path: Path) -> None:
    assert drawn(path) == drawn(english(path))


def test_every_picture_of_a_spanish_page_is_a_spanish_one() -> None:
    shown = {
        Path(os.path.normpath(path.parent / target)) for path in SPANISH for target in VIEW.findall(path.read_text())
    }
    assert shown == set(PICTURES)
