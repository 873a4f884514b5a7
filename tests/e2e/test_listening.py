"""Where glorieta listens: addresses, Unix sockets, sockets from systemd; and what it says when it cannot."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from glorieta.plan.listeners import collide
from harness import RawClient, Runner, build, get, unused_port
from harness.plan import Document, http, plan, proxy, respond, route
from harness.process import engine_binary

if TYPE_CHECKING:
    from pathlib import Path
from typing import Any


def own(bind: str | list[str] = "", **changes: Any) -> Document:
    return plan(http([route("/*", respond("hello ${client.ip}"))], bind=bind), **changes)


def test_one_listener_at_several_addresses(launch: Runner) -> None:
    ports = [unused_port(), unused_port()]
    launch.engine(own([f"127.0.0.1:{ports[0]}", f"127.0.0.2:{ports[1]}"]))
    assert get(ports[0], "/").status == 200
    with socket.create_connection(("127.0.0.2", ports[1])) as client:
        client.sendall(build("GET", "/"))
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_every_address_means_both_families(launch: Runner) -> None:
    port = unused_port()
    launch.engine(own(f"*:{port}"))
    assert get(port, "/").text == "hello 127.0.0.1"
    try:
        client = socket.create_connection(("::1", port))
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")
    with client:
        client.sendall(build("GET", "/"))
        assert b"hello ::1" in client.recv(1000)


HOSTS = ("*", "[::]", "0.0.0.0", "127.0.0.1", "127.0.0.2", "[::1]")


@pytest.mark.parametrize(("first", "second"), list(permutations(HOSTS, 2)))
def test_what_counts_as_a_collision_cannot_be_bound(launch: Runner, first: str, second: str) -> None:
    """`check` and the kernel say the same of two addresses at one port, bound as the engine binds them."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    port = unused_port()
    binds = [f"{first}:{port}", f"{second}:{port}"]
    edge = launch.engine(own(binds, workers=1), ready=not collide(*binds))
    if collide(*binds):
        assert edge.wait_end() != 0
        assert "in use" in edge.stderr


def test_a_unix_socket(launch: Runner, tmp_path: Path) -> None:
    path = str(tmp_path / "web.sock")
    edge = launch.engine(own(f"unix:{path}"))
    assert get(path, "/").status == 200
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    with RawClient(path) as client:
        for _ in range(3):
            assert client.exchange(build("GET", "/")).text == "hello "
    assert edge.stop() == 0
    assert not os.path.exists(path)


def test_a_socket_file_that_a_killed_process_left_is_replaced(launch: Runner, tmp_path: Path) -> None:
    path = str(tmp_path / "web.sock")
    first = launch.engine(own(f"unix:{path}"))
    first.kill()
    assert os.path.exists(path)
    launch.engine(own(f"unix:{path}"))
    assert get(path, "/").status == 200


def test_a_unix_socket_in_use_and_a_file_in_its_place_are_errors(launch: Runner, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    launch.engine(own(f"unix:{path}"))
    second = launch.engine(own(f"unix:{path}"), ready=False)
    assert second.wait_end() != 0
    assert str(path) in second.stderr
    assert get(str(path), "/").status == 200
    file = tmp_path / "file"
    file.write_text("precious")
    third = launch.engine(own(f"unix:{file}"), ready=False)
    assert third.wait_end() != 0
    assert file.read_text() == "precious"


def test_a_port_in_use_is_an_error_that_names_it(launch: Runner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        edge = launch.engine(own(f"127.0.0.1:{port}"), ready=False)
        assert edge.wait_end() not in (0, -6)
    assert f"127.0.0.1:{port}" in edge.stderr
    assert "in use" in edge.stderr


def test_a_second_glorieta_does_not_share_the_port_unnoticed(launch: Runner) -> None:
    first = launch.engine(own())
    second = launch.engine(own(f"127.0.0.1:{first.port}"), ready=False)
    assert second.wait_end() != 0
    assert f"127.0.0.1:{first.port}" in second.stderr
    assert get(first.port, "/").status == 200


@pytest.mark.parametrize("bind", ["systemd:web", "systemd:1"])
def test_sockets_from_systemd(launch: Runner, bind: str) -> None:
    """One by name or by place; a client that came before glorieta is served when it has come."""
    other, web = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    port = web.getsockname()[1]
    early = RawClient(port, timeout=20)
    early.send(build("GET", "/early"))
    edge = launch.engine(own(bind), sockets={"other": other.fileno(), "web": web.fileno()})
    assert early.read_response().status == 200
    clients = [RawClient(port) for _ in range(20)]
    assert all(client.exchange(build("GET", "/")).status == 200 for client in clients)
    for client in clients:
        client.close()
    assert edge.stop() == 0
    late = RawClient(port)
    late.close()
    other.close()
    web.close()


def test_a_unix_socket_from_systemd_stays_systemds(launch: Runner, tmp_path: Path) -> None:
    path = str(tmp_path / "web.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    edge = launch.engine(own("systemd:web"), sockets={"web": listener.fileno()})
    assert get(path, "/").status == 200
    assert edge.stop() == 0
    assert os.path.exists(path)


def test_a_socket_that_systemd_did_not_hand_over(launch: Runner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web:
        edge = launch.engine(own("systemd:api"), sockets={"web": web.fileno()}, ready=False)
        assert edge.wait_end() != 0
    assert "systemd:api" in edge.stderr
    assert "web" in edge.stderr
    without = launch.engine(own("systemd:web"), ready=False)
    assert without.wait_end() != 0
    assert "systemd:web" in without.stderr


def test_systemd_is_told_when_it_serves(launch: Runner, tmp_path: Path) -> None:
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(tmp_path / "notify"))
    notify.settimeout(10)
    launch.engine(own(), environment={"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert b"READY=1" in notify.recv(4096)
    notify.close()


def run_engine(tmp_path: Path, plan: Document | str, *options: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "plan.json"
    file.write_text(plan if isinstance(plan, str) else json.dumps(plan))
    return subprocess.run([engine_binary(), *options, file], capture_output=True, text=True, timeout=10, check=False)


def whole(**changes: object) -> Document:
    made = own(f"127.0.0.1:{unused_port()}", **changes)
    made["access_log"]["to"] = "off"
    return made


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_a_refused_plan_names_every_problem(tmp_path: Path, options: tuple[str, ...]) -> None:
    bad = whole()
    bad["listeners"][0]["routes"] += [
        route("/a", proxy("nowhere"), id="web/a"),
        route("/b", respond("${no.such.word}"), id="web/b"),
        route("~/(", respond("x"), id="web/c"),
    ]
    result = run_engine(tmp_path, bad, *options)
    assert result.returncode == 2
    lines = result.stderr + result.stdout
    for word in ("nowhere", "no.such.word", "web/a", "web/b", "web/c"):
        assert word in lines, lines
    assert len(lines.splitlines()) >= 3


@pytest.mark.parametrize("text", ["", "nonsense", "{}", '{"format": 1}', '{"format": 2}', "[]"])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    result = run_engine(tmp_path, text)
    assert result.returncode == 2
    assert result.stderr
    assert "panicked" not in result.stderr


def test_unknown_keys_are_refused(tmp_path: Path) -> None:
    result = run_engine(tmp_path, {**whole(), "surprise": 1})
    assert result.returncode == 2
    assert "surprise" in result.stderr


def test_check_says_nothing_against_a_good_plan(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        good = whole()
        good["listeners"][0]["bind"] = [f"127.0.0.1:{taken.getsockname()[1]}"]
        assert run_engine(tmp_path, good, "--check").returncode == 0, "checking opens no socket"


def test_a_missing_plan(tmp_path: Path) -> None:
    result = subprocess.run(
        [engine_binary(), tmp_path / "none.json"], capture_output=True, text=True, timeout=10, check=False
    )
    assert result.returncode in (1, 2)
    assert "none.json" in result.stderr
