"""A contender that runs: started, answering, and shown to do what its table says it does."""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.peers.contender import Contender, Setting
from bench.processes import Child, Children, Failure, wait_until
from bench.rows import DUTIES, Layer, Row, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.machine import Cores

READY_SECONDS = 15.0
ANSWER_SECONDS = 5.0
HTTP_OK = 200
REFUSED = 422
SHOWN = 200
"""Characters of an answer that a message shows."""
CHUNK = 1 << 20


@dataclass
class Running:
    """A started contender, and what its access log should hold by now."""

    contender: Contender
    setting: Setting
    child: Child
    expected_lines: int = field(default=0)

    @property
    def name(self) -> str:
        return self.contender.name

    @property
    def pid(self) -> int:
        return self.child.pid

    def expect(self, row: Row, requests: int) -> None:
        """A line for each request, or for each layer 4 connection."""
        per_request = row.layer is Layer.HTTP or row.new_connections
        self.expected_lines += requests if per_request else row.connections

    def log_lines(self) -> int:
        return count_lines(self.setting.log)


def start(contender: Contender, children: Children, cores: Cores, folder: Path, table: Table, backend: int) -> Running:
    http_port, tcp_port, admin_port, *inner = free_ports(6)
    inner_ports = (inner[0], inner[1], inner[2])
    setting = Setting(table, http_port, tcp_port, backend, admin_port, inner_ports, folder / contender.name)
    how = contender.prepare(setting)
    child = children.start(
        contender.name, how.command, cores.proxy, setting.folder, output=how.output, environment=how.environment
    )
    running = Running(contender, setting, child)
    for layer in sorted(contender.layers):
        wait_for(running, setting.port(layer))
    if table is not Table.HANDLERS:
        check_duties(running)
    return running


def wait_for(running: Running, port: int) -> None:
    path = running.contender.ready_path
    if not wait_until(lambda: not running.child.running() or answers(port, path), READY_SECONDS):
        raise Failure(f"{running.name} does not answer:\n{running.child.last_lines()}")
    if not running.child.running():
        raise Failure(f"{running.name} ended at once:\n{running.child.last_lines()}")
    running.expected_lines += 1


def answers(port: int, path: str) -> bool:
    try:
        return ask(port, "GET", path)[0] == HTTP_OK
    except (OSError, http.client.HTTPException):
        return False


def ask(port: int, method: str, path: str, body: str | None = None) -> tuple[int, str]:
    """Status and body of the answer; `body` is JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def check_duties(running: Running) -> None:
    """Whether the backend sees what this table asks of every contender, no more and no less."""
    _, seen = ask(running.setting.http_port, "GET", DUTIES)
    running.expected_lines += 1
    if wrong := wrong_duties(seen, running.setting.table):
        raise Failure(f"{running.name} is not configured as the {running.setting.table} table says: {wrong}")


def wrong_duties(seen: str, table: Table) -> str | None:
    values = dict(word.split("=", 1) for word in seen.split())
    wanted = table is Table.EQUAL
    for key, header in (("for", "X-Forwarded-For"), ("id", "X-Request-ID")):
        if bool(values.get(key)) is not wanted:
            return f"{header} {'is missing' if wanted else 'is there'}"
    return None


def check_answers(row: Row, running: Sequence[Running]) -> None:
    """Whether all who take part in a row answer the same, byte for byte, and refuse the same."""
    answered = {one.name: ask(one.setting.http_port, row.method, row.path, row.body) for one in running}
    if wrong := differing(answered):
        raise Failure(f"the row {row.id} is not the same for everybody: {wrong}")
    for one in running:
        if row.wrong_body is None:
            continue
        status, _ = ask(one.setting.http_port, row.method, row.path, row.wrong_body)
        if status != REFUSED:
            raise Failure(f"{one.name} answers {status} to a body that the row {row.id} wants refused with {REFUSED}")


def differing(answered: Mapping[str, tuple[int, str]]) -> str | None:
    """By contender: status and body."""
    for name, (status, _) in answered.items():
        if status != HTTP_OK:
            return f"{name} answers {status}"
    bodies = {name: body for name, (_, body) in answered.items()}
    first = next(iter(bodies), "")
    for name, body in bodies.items():
        if body != bodies[first]:
            return f"{name} answers {body[:SHOWN]!r}, {first} {bodies[first][:SHOWN]!r}"
    return None


def free_ports(count: int) -> list[int]:
    """Ports of the kernel's choice, all different because they are held together."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def count_lines(path: Path) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK), b""))
