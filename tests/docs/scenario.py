"""One page played from top to bottom, as a reader would, in a folder of its own.

Files are written where the page shows them, commands are run where they stand, and what a page says that
they print is compared. What serves is started on a terminal and stays until another one takes its place or
the page ends. Everything that was started is ended by its process group.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from harness import wait_until
from harness.process import engine_binary

from .matching import contains, matches
from .moving import ADMIN, Moved
from .pages import CHECKOUT, Block, Page
from .terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

SERVES = re.compile(r"^(glorieta (run|dev|reverse|balance)|glorieta-engine [^-])", re.MULTILINE)
MAKE = re.compile(r"^make [a-z]+$", re.MULTILINE)
WHOLE = re.compile("^version:", re.MULTILINE)
ADMIN_SAID = re.compile("^admin:", re.MULTILINE)
COMMAND_SECONDS = 60.0
SERVING = "is running"


class Scenario:
    """Plays the blocks of one page."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.blocks = page.blocks()
        self.moved = Moved()
        for block in self.blocks:
            self.moved.notice(block.text)
        self.base = folder
        self.folder = self.prepare(folder)
        self.moved.port(ADMIN)
        self.terminal: Terminal | None = None
        self.groups: list[int] = []
        self.printed = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop_serving()
        finally:
            for group in self.groups:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)

    def prepare(self, folder: Path) -> Path:
        """A copy of the examples with ports moved; the folder in which the page's commands are run."""
        copy = folder / "examples"
        shutil.copytree(CHECKOUT / "examples", copy, ignore=shutil.ignore_patterns("__pycache__"))
        files = [path for path in copy.rglob("*") if path.suffix in (".yaml", ".py")]
        for path in files:
            self.moved.notice(path.read_text())
        for path in files:
            path.write_text(self.moved.there(path.read_text()))
        at = self.page.path.parent
        return folder / at.relative_to(CHECKOUT) if at.is_relative_to(CHECKOUT / "examples") else folder

    @property
    def home(self) -> Path:
        home = self.base / ".home"
        home.mkdir(exist_ok=True)
        return home

    @property
    def environment(self) -> dict[str, str]:
        path = [str(Path(sys.executable).parent), str(engine_binary().parent), os.environ["PATH"]]
        own = {"PATH": ":".join(path), "PYTHONPATH": str(CHECKOUT / "python"), "CI": "true", "NO_COLOR": "1"}
        # A reader's own authority stays as it is.
        own |= {"HOME": str(self.home), "XDG_DATA_HOME": ""}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        return {**kept, **own, "TERM": "xterm", "PYTHONDONTWRITEBYTECODE": "1"}

    def play(self) -> int:
        """All blocks; how many had something to do."""
        deeds: dict[tuple[str, str], Callable[[Block], None]] = {
            ("sh", ""): self.run,
            ("sh", "exits"): self.run,
            ("yaml", "file"): self.write,
            ("python", "file"): self.write,
            ("text", "file"): self.write,
            ("nginx", "file"): self.write,
            ("text", "prints"): self.compare,
            ("json", "prints"): self.compare,
            ("xml", "prints"): self.compare,
            ("text", "terminal"): self.look,
        }
        done = 0
        for block in self.blocks:
            if deed := deeds.get((block.language, block.mark)):
                deed(block)
                done += 1
        return done

    def write(self, block: Block) -> None:
        """Puts the file there in one step, as editors do. A whole file's admin address is this test's own."""
        path = self.folder / block.about.partition(",")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self.moved.there(block.text)
        if block.language == "yaml" and WHOLE.search(text) and not ADMIN_SAID.search(text):
            text += f"admin: 127.0.0.1:{self.moved.port(ADMIN)}\n"
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_text(text)
        fresh.replace(path)

    def run(self, block: Block) -> None:
        """Runs what ends, then starts what serves: one such command, the block's last."""
        script = MAKE.sub(lambda found: f"make --dry-run --directory {CHECKOUT} {found[0][5:]} > /dev/null", block.text)
        serving = SERVES.search(script)
        if serving is None:
            self.run_script(block, script)
            return
        if before := script[: serving.start()].strip():
            self.run_script(block, before)
        command = script[serving.start() :].strip()
        assert "\n" not in command, f"{block.place}: what serves is the last command of its block"
        self.serve(command)

    def run_script(self, block: Block, script: str) -> None:
        out = self.folder / ".printed"
        with out.open("wb") as file:
            process = subprocess.Popen(
                ["bash", "-euc", self.moved.there(script)],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.groups.append(process.pid)
        code = process.wait(COMMAND_SECONDS)
        self.printed = self.moved.back(out.read_text(errors="replace"))
        expected = int(block.about) if block.mark == "exits" else 0
        assert code == expected, f"{block.place} ended with {code}, not {expected}:\n{self.printed}"
        for port in re.findall(r"--port (\d+)", self.moved.there(script)):
            wait_until(lambda port=port: answers(int(port)), 10, f"somebody at port {port}")

    def serve(self, command: str) -> None:
        self.stop_serving()
        self.terminal = Terminal(self.moved.there(command), self.folder, self.environment)
        self.groups.append(self.terminal.process.pid)
        self.terminal.wait_said(SERVING)
        self.printed = ""

    def stop_serving(self) -> None:
        if self.terminal:
            terminal, self.terminal = self.terminal, None
            code = terminal.stop()
            assert code == 0, f"{terminal.command} ended with {code}:\n{terminal.said}"
            assert "panicked at" not in terminal.said, terminal.said

    def compare(self, block: Block) -> None:
        if self.terminal and not self.printed:
            self.look(block)
            return
        assert matches(block.text, self.printed), f"{block.place} shows\n{block.text}\nbut printed was\n{self.printed}"

    def look(self, block: Block) -> None:
        """What is said on a terminal may come a moment later."""
        terminal = self.terminal
        assert terminal, f"{block.place}: nothing serves"

        def said() -> bool:
            return contains(block.text, self.moved.back(terminal.said))

        try:
            wait_until(said, 10)
        except AssertionError:
            text = self.moved.back(terminal.said)
            raise AssertionError(f"{block.place} shows\n{block.text}\nbut on the terminal stands\n{text}") from None


def answers(port: int) -> bool:
    """Whether somebody listens at this port of this machine."""
    for host in ("127.0.0.1", "::1"):
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            return True
    return False
