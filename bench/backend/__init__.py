"""The services behind every contender: an NGINX that answers at once with fixed bodies, by HTTP/1.1, by HTTP/2 and by
datagrams; and a small server of gRPC."""

from __future__ import annotations

import getpass
import grp
import json
import os
import random
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.backend import certificate
from bench.backend.services import SERVICES
from bench.ports import free_ports
from bench.template import render

if TYPE_CHECKING:
    from bench.processes import Children

TEMPLATE = Path(__file__).with_name("nginx.conf")
GRPC_SERVICE = Path(__file__).with_name("grpc_service.py")
LARGE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Backend:
    """Where the services are, and the certificate of whoever stands in front of them."""

    port: int
    """HTTP/1.1."""
    multiplexed_port: int
    """HTTP/2, in clear."""
    grpc_port: int
    datagram_port: int
    """UDP: every datagram is answered by one of the same size."""
    certificate: Path
    key: Path

    def values(self) -> dict[str, object]:
        return {
            "BACKEND_PORT": self.port,
            "BACKEND_MULTIPLEXED_PORT": self.multiplexed_port,
            "BACKEND_GRPC_PORT": self.grpc_port,
            "BACKEND_DATAGRAM_PORT": self.datagram_port,
            "CERTIFICATE": self.certificate,
            "KEY": self.key,
        }


def user_and_group() -> str:
    """As NGINX's `user` wants it: started by root it would else become somebody who cannot read these files."""
    return f"{getpass.getuser()} {grp.getgrgid(os.getgid()).gr_name}"


def start(children: Children, binary: Path, core: int, folder: Path) -> Backend:
    folder.mkdir(parents=True)
    (folder / "large").write_bytes(b"glorieta " * (LARGE_BYTES // 9) + b"." * (LARGE_BYTES % 9))
    (folder / "list.json").write_text(orders())
    for name, document in SERVICES.items():
        (folder / name).write_text(document)
    ports = free_ports(3)
    backend = Backend(*ports, *free_ports(1, socket.SOCK_DGRAM), *certificate.write(folder))
    configuration = folder / "nginx.conf"
    values = {"FOLDER": folder, "USER_AND_GROUP": user_and_group()}
    configuration.write_text(render(TEMPLATE.read_text(), backend.values() | values))
    command = [str(binary), "-p", str(folder), "-e", str(folder / "nginx.errors"), "-c", str(configuration)]
    children.start("backend", command, core, folder)
    children.start("grpc", [sys.executable, str(GRPC_SERVICE), str(backend.grpc_port)], core, folder)
    return backend


def orders() -> str:
    """A list of orders of 64 KiB, always the same: names repeat, figures do not."""
    chance = random.Random(64)
    found: list[object] = []
    while len(json.dumps(found)) < LARGE_BYTES:
        number = len(found) + 1
        found.append(
            {
                "id": number,
                "customer": {"id": chance.randrange(100_000), "name": f"{chance.choice(NAMES)} {chance.choice(NAMES)}"},
                "total_cents": chance.randrange(100, 90_000),
                "paid": chance.random() < 0.8,
                "items": [
                    {"sku": f"{chance.choice(NAMES)[:2].upper()}-{chance.randrange(10_000)}", "quantity": quantity + 1}
                    for quantity in range(chance.randrange(1, 4))
                ],
            }
        )
    return json.dumps(found)[:LARGE_BYTES]


NAMES = ("Ada", "Grace", "Edsger", "Barbara", "Donald", "Radia", "Leslie", "Frances", "Niklaus", "Margaret")
