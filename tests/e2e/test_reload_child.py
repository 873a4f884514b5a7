"""The child that compiles: it stays for the next change, and whatever becomes of it, the next change is applied."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from harness import Glorieta, get, unused_port, wait_until
from harness.handled_edge import children, put
from harness.large import Large

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHILD = "glorieta.control.child"
EDGE = """\
import sys
from glorieta import Edge

found = sys.stdin.read()
edge = Edge.load("glorieta.yaml")
"""


class House:
    """One listener whose answer has a mark, and a team's file with another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.admin = unused_port(), unused_port()
        (folder / "teams").mkdir()
        self.write("first")
        self.write_team("first")
        self.running: Glorieta | None = None

    def write(self, mark: str) -> None:
        put(self.folder / "glorieta.yaml", f"""\
version: 1
include: teams/{{team}}.yaml
admin: {{address: "127.0.0.1:{self.admin}"}}
log: off
listeners:
  web:
    bind: "127.0.0.1:{self.port}"
    admit: {{shop: /shop/*}}
    routes:
      /hello: {{respond: {{headers: {{x-mark: {mark}}}}}}}
""")  # fmt: skip

    def write_team(self, mark: str) -> None:
        text = f"groups: {{all: {{at: web, match: /shop/*, respond: {{headers: {{x-mark: {mark}}}}}}}}}\n"
        put(self.folder / "teams" / "shop.yaml", text)

    def run(self, reference: str = "glorieta.yaml") -> Glorieta:
        command = [sys.executable, "-m", "glorieta", "run", reference]
        self.running = Glorieta(command, self.folder, {"web": self.port}, self.admin).wait_ready()
        return self.running

    def marks(self) -> tuple[str | None, ...]:
        return tuple(get(self.port, path).header("X-Mark") for path in ("/hello", "/shop/x"))

    def wait_for(self, *marks: str) -> None:
        wait_until(lambda: self.marks() == marks, 15, f"the marks {marks}")

    def child(self) -> int:
        """The child that has said everything and waits."""
        assert self.running is not None
        found = wait_until(partial(children, self.running.pid, CHILD), 15, "a child")
        assert len(found) == 1
        return found[0]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    if made.running:
        made.running.check()
        made.running.stop()


def test_one_child_compiles_changes_that_follow_each_other(house: House) -> None:
    running = house.run()
    house.write_team("second")
    house.wait_for("first", "second")
    child = house.child()
    house.write("third")
    house.wait_for("third", "second")
    wait_until(lambda: running.stderr.count("reloaded") == 2, 15, "both differences")
    assert running.stderr.count("x-mark: first → second") == running.stderr.count("x-mark: first → third") == 1
    house.write_team("{")
    wait_until(lambda: "was refused; plan" in running.stderr, 15, "the refusal")
    house.write_team("fourth")
    house.wait_for("third", "fourth")
    assert house.child() == child


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_that_was_ended_is_missed_by_nobody(house: House, number: signal.Signals) -> None:
    running = house.run()
    house.write_team("second")
    house.wait_for("first", "second")
    child = house.child()
    os.kill(child, number)
    house.write("third")
    house.wait_for("third", "second")
    wait_until(lambda: running.stderr.count("reloaded") == 2, 15, "both differences")
    assert house.child() != child
    assert "refused" not in running.stderr


def test_a_child_that_is_ended_while_it_compiles_is_replaced_within_the_reload(house: House) -> None:
    """It is stopped first, so that it has been asked when it ends."""
    running = house.run()
    house.write_team("second")
    house.wait_for("first", "second")
    child = house.child()
    os.kill(child, signal.SIGSTOP)
    house.write("third")
    time.sleep(1.0)
    assert house.marks() == ("first", "second")
    os.kill(child, signal.SIGKILL)
    house.wait_for("third", "second")
    assert house.child() != child
    assert "refused" not in running.stderr


def test_a_process_that_has_run_code_of_the_users_is_asked_once(house: House) -> None:
    """And what the code reads from its standard input has ended, as it has for `glorieta run`."""
    (house.folder / "shop.py").write_text(EDGE)
    running = house.run("shop.py:edge")
    house.write_team("second")
    house.wait_for("first", "second")
    wait_until(lambda: not children(running.pid, CHILD), 15, "the end of the child")
    put(house.folder / "shop.py", EDGE + "edge.listeners['web'].routes['/hello'].respond.headers['x-mark'] = 'third'\n")
    house.wait_for("third", "second")
    wait_until(lambda: not children(running.pid, CHILD), 15, "the end of the child")


def test_a_large_configuration_has_a_child_ready_before_anything_changes(tmp_path: Path) -> None:
    admin = unused_port()
    large = Large(tmp_path, unused_port(), "127.0.0.1:1", 2000, 20, admin)
    command = [sys.executable, "-m", "glorieta", "run", str(large.file)]
    running = Glorieta(command, tmp_path, {"web": large.port}, admin).wait_ready()
    try:
        ready = wait_until(partial(children, running.pid, CHILD), 15, "a child")
        for mark in ("second", "third"):
            large.write("t7", mark)
            wait_until(lambda: get(large.port, "/t7/mark").header("X-Mark") == mark, 15, f"the mark {mark}")  # noqa: B023
            assert children(running.pid, CHILD) == ready
        running.check()
    finally:
        running.stop()


def test_no_child_outlives_the_serving_process(house: House) -> None:
    running = house.run()
    house.write_team("second")
    house.wait_for("first", "second")
    child = house.child()
    running.stop()
    house.running = None
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
