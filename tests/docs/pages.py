"""The documents as their tests see them: pages, and in them blocks with what is to be done with each.

A block is fenced text. What is done with it follows from its language; a comment before it says more:

    <!-- test: check -->               a configuration that only needs to be right, because it names other machines
    <!-- test: refused -->             a configuration that must be refused
    <!-- test: part routes -->         a part of a configuration: routes, listener, upstream or top
    <!-- test: file glorieta.yaml -->  written under this name before the page's next commands run; `, refused` or `, check`
                                       may follow, or `, composed` for what is nothing without the page's other files
    <!-- test: exits 2 -->             commands that end with this code
    <!-- test: prints -->              what the commands before it print; `…` stands for anything
    <!-- test: terminal -->            what stands on the terminal of the glorieta that runs; `…` as before
    <!-- test: not run, WHY -->        text that nobody can run here
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- test: (\w+(?: run)?),? ?(.*?) -->\n\Z")
HEADING = re.compile(r"^#{1,6} +(.*?)\s*$", re.MULTILINE)
PARTS = ("routes", "listener", "upstream", "top")
MARKS = {
    "yaml": {"", "check", "refused", "part", "file"},
    "python": {"file", "part"},
    "sh": {"", "exits"},
    "json": {"prints"},
    "text": {"prints", "terminal", "file", "not run"},
    "nginx": {"file"},
    "xml": {"prints"},
}
"""The languages, and the marks that each may have."""


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: Path
    line: int
    language: str
    mark: str
    """The first word of its mark, or nothing."""
    about: str
    """The rest of the mark."""
    text: str

    @property
    def composed(self) -> bool:
        """Whether it is right only together with other files, so that the page's commands are its test."""
        return self.about.partition(", ")[2] == "composed"

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(CHECKOUT)}:{self.line}"


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return str(self.path.relative_to(CHECKOUT))

    def blocks(self) -> list[Block]:
        found = []
        for fence in FENCE.finditer(self.text):
            mark = MARK.search(self.text, 0, fence.start())
            line = self.text.count("\n", 0, fence.start()) + 1
            word, about = (mark[1], mark[2]) if mark else ("", "")
            found.append(Block(self.path, line, fence[1], word, about, fence[2]))
        return found

    def prose(self) -> str:
        """The text without its fenced blocks."""
        return FENCE.sub("", self.text)

    def anchors(self) -> set[str]:
        """The headings as GitHub links to them."""
        return {anchor(heading) for heading in HEADING.findall(self.prose())}


def anchor(heading: str) -> str:
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")


def pages() -> list[Page]:
    """The READMEs, the documents and the examples' own pages."""
    paths = [*CHECKOUT.glob("README*.md"), *(CHECKOUT / "docs").rglob("*.md"), *(CHECKOUT / "examples").rglob("*.md")]
    return [Page(path, path.read_text()) for path in sorted(paths)]


def blocks(*languages: str) -> list[Block]:
    """Every block in one of these languages."""
    return [block for page in pages() for block in page.blocks() if block.language in languages]
