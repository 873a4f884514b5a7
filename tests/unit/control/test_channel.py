"""The control socket: who may ask, what happens to clients that misbehave, and to sockets left behind."""

from __future__ import annotations

import json
import os
import selectors
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glorieta.control import channel
from glorieta.control.channel import Client, ControlBusy, ControlServer, Document, ask


class Loop:
    """Drives a server as the control loop does."""

    def __init__(self, path: str, handle: Callable[[ControlServer, Document, Client], None]) -> None:
        self.selector = selectors.DefaultSelector()
        self.server = ControlServer(path, self.selector, lambda question, client: handle(self.server, question, client))
        self.ended = threading.Event()
        self.later: list[Callable[[], None]] = []
        """What the loop's own thread is to do next."""
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self) -> None:
        while not self.ended.is_set():
            for key, mask in self.selector.select(0.02):
                key.data(mask)
            while self.later:
                self.later.pop()()
            self.server.drop_late(time.monotonic())

    def stop(self) -> None:
        self.ended.set()
        self.thread.join(5)
        self.server.close()


Serve = Callable[..., Loop]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    loops: list[Loop] = []

    def start(handle: Callable[[ControlServer, Document, Client], None] | None = None) -> Loop:
        def echo(server: ControlServer, question: Document, client: Client) -> None:
            server.answer(client, {"heard": question})

        loops.append(Loop(str(tmp_path / "x.control"), handle or echo))
        loops[-1].thread.start()
        return loops[-1]

    yield start
    for loop in loops:
        loop.stop()


def test_a_question_is_answered_and_the_connection_ends(serve: Serve) -> None:
    loop = serve()
    path = Path(loop.server.path)
    assert ask(path, {"do": "status"}, 2.0) == {"heard": {"do": "status"}}
    assert ask(path, {"do": "again"}, 2.0) == {"heard": {"do": "again"}}


def test_only_the_owner_may_connect(serve: Serve) -> None:
    loop = serve()
    assert stat.S_IMODE(os.stat(loop.server.path).st_mode) == 0o600


def test_an_answer_may_come_later_and_be_large(serve: Serve) -> None:
    waiting: list[tuple[ControlServer, Client]] = []
    loop = serve(lambda server, question, client: waiting.append((server, client)))
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(ask(Path(loop.server.path), {"do": "plan"}, 5.0)))
    asking.start()
    end = time.monotonic() + 5
    while not waiting and time.monotonic() < end:
        time.sleep(0.01)
    assert asking.is_alive()
    server, client = waiting[0]
    plan = "x" * 3_000_000
    loop.later.append(lambda: server.answer(client, {"plan": plan}))
    asking.join(5)
    assert answers == [{"plan": plan}]


@pytest.mark.parametrize("garbage", [b"not json\n", b"[1, 2]\n", b'"do"\n', b"\xff\xfe\n"])
def test_garbage_is_answered_with_a_sentence(serve: Serve, garbage: bytes) -> None:
    loop = serve()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        client.connect(loop.server.path)
        client.sendall(garbage)
        answer = client.makefile("rb").readline()
    assert "error" in json.loads(answer)


def test_an_endless_question_is_cut(serve: Serve) -> None:
    loop = serve()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(2)
        client.connect(loop.server.path)
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                client.sendall(b"x" * 4096)
                time.sleep(0.005)
    assert ask(Path(loop.server.path), {}, 2.0) == {"heard": {}}


def test_clients_that_say_nothing_are_dropped_and_block_nobody(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "ASK_SECONDS", 0.3)
    loop = serve()
    silent = []
    for _ in range(channel.MOST_CLIENTS):
        silent.append(socket.socket(socket.AF_UNIX))
        silent[-1].settimeout(3)
        silent[-1].connect(loop.server.path)
    assert all(each.recv(1) == b"" for each in silent)
    for each in silent:
        each.close()
    assert ask(Path(loop.server.path), {"now": 1}, 2.0) == {"heard": {"now": 1}}


def test_a_client_that_leaves_before_its_answer_is_nobodys_trouble(serve: Serve) -> None:
    waiting: list[Client] = []
    loop = serve(lambda server, question, client: waiting.append(client))
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(loop.server.path)
        client.sendall(b"{}\n")
        end = time.monotonic() + 5
        while not waiting and time.monotonic() < end:
            time.sleep(0.01)
    loop.later.append(lambda: loop.server.answer(waiting[0], {"late": "x" * 1_000_000}))
    end = time.monotonic() + 5
    while loop.server.clients and time.monotonic() < end:
        time.sleep(0.01)
    assert not loop.server.clients


def test_a_second_server_does_not_take_the_first_ones_place(serve: Serve) -> None:
    loop = serve()
    with pytest.raises(ControlBusy):
        ControlServer(loop.server.path, selectors.DefaultSelector(), lambda question, client: None)
    assert ask(Path(loop.server.path), {}, 2.0) == {"heard": {}}


def test_a_socket_that_a_crash_left_behind_is_replaced(serve: Serve, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "x.control"))
    loop = serve()
    assert ask(Path(loop.server.path), {}, 2.0) == {"heard": {}}


def test_the_path_is_removed_at_the_end_unless_somebody_elses_socket_is_there(serve: Serve, tmp_path: Path) -> None:
    selector = selectors.DefaultSelector()
    server = ControlServer(str(tmp_path / "y.control"), selector, lambda question, client: None)
    server.close()
    assert not (tmp_path / "y.control").exists()
    server = ControlServer(str(tmp_path / "y.control"), selector, lambda question, client: None)
    os.unlink(tmp_path / "y.control")
    (tmp_path / "y.control").write_text("somebody else's")
    server.close()
    assert (tmp_path / "y.control").exists()


def test_asking_nobody_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ask(tmp_path / "nothing.control", {}, 1.0)


def test_no_answer_in_time_is_an_error(serve: Serve) -> None:
    loop = serve(lambda server, question, client: None)
    with pytest.raises(TimeoutError):
        ask(Path(loop.server.path), {}, 0.2)
