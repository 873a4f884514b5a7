"""What systemd is told, by a socket as systemd makes it."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from glorieta.control import notify


def test_states_go_to_the_socket_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(2)
        systemd.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify.tell(notify.READY, notify.status("Serving\nplan"))
        assert systemd.recv(4096) == b"READY=1\nSTATUS=Serving plan"


def test_abstract_names_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(2)
        systemd.bind("\0glorieta-test-notify")
        monkeypatch.setenv("NOTIFY_SOCKET", "@glorieta-test-notify")
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        notify.tell(*notify.reloading())
        state, clock = systemd.recv(4096).decode().split("\n")
    assert state == "RELOADING=1"
    name, _, value = clock.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(value) < before + 10_000_000


@pytest.mark.parametrize("address", ["", "relative", "/nonexistent/notify"])
def test_nobody_to_tell_is_no_trouble(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.tell(notify.STOPPING)
