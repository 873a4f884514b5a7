"""Forms of endpoints: Unix sockets, and names with several addresses."""

from __future__ import annotations

import contextlib
import socket
import threading
from pathlib import Path

import pytest

from harness import Engine, HttpUpstream, Runner, Services, get, request, wait_until
from harness.message import Reader
from harness.plan import check, http, plan, proxy, route, upstream


def edge_over(runner: Runner, address: str, host: object = "preserve", **changes: object) -> Engine:
    return runner.engine(plan(http([route("/*", proxy(host=host))]), [upstream("service", address, **changes)]))


def test_a_unix_socket(launch: Runner, own_services: Services, tmp_path: Path) -> None:
    service = own_services.http(path=str(tmp_path / "service.sock"))
    edge = edge_over(launch, service.address)
    for number in range(5):
        assert request(edge.port, "POST", f"/{number}", {"Host": "a"}, b"x" * number).json()["body_bytes"] == number
    assert {each.header("Host") for each in service.requests} == {"a"}
    assert edge.wait_record(path="/0")["endpoint"] == service.address


def test_a_unix_socket_that_comes_late_and_goes(launch: Runner, own_services: Services, tmp_path: Path) -> None:
    path = str(tmp_path / "late.sock")
    edge = edge_over(launch, f"unix:{path}")
    assert get(edge.port, "/").status == 502
    service = own_services.http(path=path)
    assert get(edge.port, "/").status == 200
    service.stop()
    assert get(edge.port, "/").status == 502


def test_a_unix_socket_is_checked_too(launch: Runner, own_services: Services, tmp_path: Path) -> None:
    service = own_services.http(path=str(tmp_path / "service.sock"))
    edge_over(launch, service.address, health=check("/healthz"))
    wait_until(lambda: service.checks > 2, what="three checks over the socket")


class Version6(threading.Thread):
    """A small service at ::1 only."""

    def __init__(self, port: int = 0):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("::1", port), family=socket.AF_INET6)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                reader = Reader(connection)
                reader.line()
                reader.fields()
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nX-Service: six\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                )

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def six(own_services: Services) -> Version6:
    try:
        return own_services.keep(Version6())
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback: {error}")


def test_an_address_of_version_6(launch: Runner, six: Version6) -> None:
    edge = edge_over(launch, f"[::1]:{six.port}", host="upstream")
    assert get(edge.port, "/").header("X-Service") == "six"


def test_a_name_means_all_its_addresses(launch: Runner, own_services: Services, six: Version6) -> None:
    """`localhost` has two families; a service may listen at either, or at both."""
    edge = edge_over(launch, f"localhost:{six.port}")
    for _ in range(10):
        assert get(edge.port, "/").header("X-Service") == "six"
    four = own_services.http("four", port=six.port)
    assert isinstance(four, HttpUpstream)
    both = {get(edge.port, f"/{number}").header("X-Service") for number in range(40)}
    assert both <= {"four", "six"}
    six.stop()
    for _ in range(10):
        assert get(edge.port, "/").header("X-Service") == "four"


def test_a_name_at_version_4_only(launch: Runner, own_services: Services) -> None:
    service = own_services.http("four")
    edge = edge_over(launch, f"localhost:{service.port}", host="upstream")
    for _ in range(10):
        assert get(edge.port, "/").header("X-Service") == "four"
    assert {each.header("Host") for each in service.requests} == {f"localhost:{service.port}"}
    assert edge.wait_record(upstream="service")["endpoint"].endswith(f":{service.port}")


def test_a_port_that_opens_late(launch: Runner, own_services: Services) -> None:
    service = own_services.http()
    port = service.port
    service.stop()
    edge = edge_over(launch, f"127.0.0.1:{port}")
    assert get(edge.port, "/").status == 502
    own_services.http(port=port)
    assert get(edge.port, "/").status == 200
