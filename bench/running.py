"""A contender that runs: started, answering, and shown to do what its table says it does."""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.peers.contender import Contender, Setting
from bench.ports import free_ports
from bench.processes import Child, Children, Failure, wait_until
from bench.rows import DUTIES, Layer, Row, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.backend import Backend
    from bench.machine import Cores

READY_SECONDS = 15.0
ANSWER_SECONDS = 5.0
HTTP_OK = 200
REFUSED = 422
SHOWN = 200
"""Characters of an answer that a message shows."""
CHUNK = 1 << 20
EQUAL_SIZE = 1.05
ASKED = {
    Table.EQUAL: frozenset({Layer.HTTP, Layer.TCP}),
    Table.BARE: frozenset({Layer.HTTP, Layer.TCP}),
    Table.HANDLERS: frozenset({Layer.HTTP}),
    Table.PROTOCOLS: frozenset({Layer.HTTP, Layer.TLS}),
}
"""Where each contender must answer before anything is measured."""


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


def start(
    contender: Contender, children: Children, cores: Cores, folder: Path, table: Table, backend: Backend
) -> Running:
    http_port, tcp_port, tls_port, admin_port, *inner = free_ports(7)
    inner_ports = (inner[0], inner[1], inner[2])
    (udp_port,) = free_ports(1, socket.SOCK_DGRAM)
    setting = Setting(
        table, http_port, tcp_port, tls_port, udp_port, backend, admin_port, inner_ports, folder / contender.name
    )
    how = contender.prepare(setting)
    child = children.start(
        contender.name, how.command, cores.proxy, setting.folder, output=how.output, environment=how.environment
    )
    running = Running(contender, setting, child)
    for layer in sorted(contender.layers & ASKED[table]):
        wait_for(running, layer)
    if table in (Table.EQUAL, Table.BARE):
        check_duties(running)
    return running


def wait_for(running: Running, layer: Layer) -> None:
    port, path = running.setting.port(layer), running.contender.ready_path
    if not wait_until(lambda: not running.child.running() or answers(port, path, layer), READY_SECONDS):
        raise Failure(f"{running.name} does not answer:\n{running.child.last_lines()}")
    if not running.child.running():
        raise Failure(f"{running.name} ended at once:\n{running.child.last_lines()}")
    running.expected_lines += 1


def answers(port: int, path: str, layer: Layer) -> bool:
    try:
        return ask(port, "GET", path, layer=layer)[0] == HTTP_OK
    except (OSError, http.client.HTTPException):
        return False


def ask(port: int, method: str, path: str, body: str | None = None, *, layer: Layer = Layer.HTTP) -> tuple[int, str]:
    """Status and body of the answer; `body` is JSON. By TLS any certificate will do."""
    connection = connect(port, layer)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def connect(port: int, layer: Layer) -> http.client.HTTPConnection:
    if layer is Layer.TLS:
        trusting = ssl._create_unverified_context()
        return http.client.HTTPSConnection("127.0.0.1", port, timeout=ANSWER_SECONDS, context=trusting)
    return http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)


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


def check_sizes(row: Row, running: Sequence[Running]) -> None:
    """Whether compressed answers are about equally long: whoever compresses less has less to do."""
    if row.layer is not Layer.HTTP or not row.headers:
        return
    sizes = {one.name: compressed_size(one.setting.http_port, row) for one in running}
    if max(sizes.values()) > min(sizes.values()) * EQUAL_SIZE:
        raise Failure(f"the row {row.id} is not the same for everybody: {sizes} bytes")


def compressed_size(port: int, row: Row) -> int:
    connection = connect(port, row.layer)
    try:
        connection.request("GET", row.path, headers=dict(header.split(": ", 1) for header in row.headers))
        answer = connection.getresponse()
        if answer.status != HTTP_OK or answer.getheader("Content-Encoding") is None:
            raise Failure(f"{row.path} is answered with {answer.status}, not compressed")
        return len(answer.read())
    finally:
        connection.close()


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


def count_lines(path: Path) -> int:
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(CHUNK), b""))
