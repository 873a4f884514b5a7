"""What holds for every page: nothing in it is passed over in silence, and every link leads somewhere."""

from __future__ import annotations

import re
import subprocess

import pytest
from typer.main import get_command

from glorieta.cli.main import app
from harness.process import CHECKOUT

from .pages import MARKS, PARTS, Block, Page, pages

ALL = pages()
LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
INLINE = re.compile(r"`([^`\n]+)`")
COMMANDS = set(get_command(app).commands)  # type: ignore[attr-defined]
MISTAKABLE = re.compile(r"^\s*(\$ |# )?(glorieta|make|curl|python|pip|systemctl) ", re.MULTILINE)
GENERATED = "<!-- Generated "


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_every_block_says_what_is_done_with_it(page: Page) -> None:
    for block in page.blocks():
        assert block.language in MARKS, f"{block.place}: what is to be done with {block.language or 'no language'}?"
        assert block.mark in MARKS[block.language], f"{block.place}: {block.language} cannot be {block.mark!r}"
        check_about(block)
    assert page.text.count("```") == 2 * len(page.blocks()), f"{page.name}: a fence is not understood"
    assert page.text.count("<!-- test:") == sum(bool(block.mark) for block in page.blocks()), "a mark is lost"


def check_about(block: Block) -> None:
    if block.mark == "not run":
        assert len(block.about.split()) >= 2, f"{block.place}: a block that is not run says why"
    elif block.mark == "part":
        assert block.about in PARTS, f"{block.place}: part of what?"
    elif block.mark == "exits":
        assert block.about in ("1", "2", "130"), f"{block.place}: no such exit code"
    elif block.mark == "file":
        name, _, how = block.about.partition(", ")
        assert name and not name.startswith("/") and how in ("", "refused", "check", "composed"), block.place


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_what_is_composed_is_tried_by_commands(page: Page) -> None:
    found = page.blocks()
    for number, block in enumerate(found):
        if block.composed:
            assert any(later.language == "sh" for later in found[number:]), f"{block.place}: nothing reads it"


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_no_command_hides_in_text(page: Page) -> None:
    for block in page.blocks():
        if block.language == "text" and block.mark != "not run":
            assert not MISTAKABLE.search(block.text), f"{block.place}: a command that nobody runs"


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Page) -> None:
    for link in LINK.findall(page.prose()):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        path = (page.path.parent / target).resolve() if target else page.path
        assert path.exists(), f"{page.name}: {link} leads nowhere"
        if anchor:
            assert anchor in Page(path, path.read_text()).anchors(), f"{page.name}: {link} has no such heading"


def test_every_page_is_found_from_the_readme() -> None:
    by_path = {page.path: page for page in ALL}
    found, waiting = set(), [CHECKOUT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in found or path not in by_path:
            continue
        found.add(path)
        links = (link.partition("#")[0] for link in LINK.findall(by_path[path].prose()))
        waiting += [(path.parent / link).resolve() for link in links if link and not link.startswith("https://")]
    assert {page.name for page in ALL if page.path not in found} == set()


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_commands_in_sentences_exist(page: Page) -> None:
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
    for text in INLINE.findall(page.prose()):
        words = text.split()
        if words[0] == "glorieta" and len(words) > 1 and words[1].islower() and not words[1].startswith("-"):
            assert words[1] in COMMANDS, f"{page.name}: there is no `{text}`"
        if words[0] == "make" and len(words) == 2:
            assert words[1] in targets, f"{page.name}: there is no `{text}`"


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.name)
def test_files_in_sentences_exist(page: Page) -> None:
    """A path such as `engine/plan/src/filter.rs` is one of the repository's."""
    tops = {path.name for path in CHECKOUT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    for text in INLINE.findall(page.prose()):
        top = text.partition("/")[0]
        if re.fullmatch(r"[\w./-]+", text) and "/" in text and top in tops - {"target", "dist"}:
            assert (CHECKOUT / text).exists(), f"{page.name}: there is no {text}"


@pytest.mark.parametrize("page", [page for page in ALL if GENERATED not in page.text], ids=lambda page: page.name)
def test_lines_are_readable(page: Page) -> None:
    for number, line in enumerate(page.prose().splitlines(), 1):
        assert len(line) <= 120 or line.startswith(("|", "![")), (
            f"{page.name}: line {number} without blocks is too long"
        )


def test_every_example_has_its_page_and_is_tracked() -> None:
    folders = sorted(path for path in (CHECKOUT / "examples").iterdir() if path.is_dir())
    assert [path.name for path in folders] == [
        "bff",
        "canary",
        "grpc",
        "load-balancer-l4",
        "load-balancer-l7",
        "python-edge",
        "reverse-proxy",
        "static-site",
        "tls",
        "udp",
    ]
    for folder in folders:
        assert (folder / "README.md").is_file()
        ignored = subprocess.run(["git", "check-ignore", "-q", str(folder)], cwd=CHECKOUT, check=False)
        assert ignored.returncode == 1
