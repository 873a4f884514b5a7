"""The configurations that the demo runs: examples, on other ports where their own are taken.

The example is read as text and changed as text, so that what a newcomer finds in the temporary copy is
the file of the documentation, comments included.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

FILE = "glorieta.yaml"
ADMIN_PORT = 9900
"""Where the admin address is when the configuration names none."""


class DemoError(Exception):
    """Why the demo cannot go on, in words for the person who started it."""


@dataclass(frozen=True)
class Example:
    """What the demo needs to know of a configuration."""

    text: str
    port: int
    """The listener's."""
    admin_port: int
    services: dict[str, list[int]]
    """The ports of each upstream's endpoints."""
    moved: dict[int, int]
    """Ports that were taken, and what stands for them."""


def find_example(name: str) -> Path:
    """Its configuration: the packaged copy in an installed wheel, else the one of the checkout."""
    packaged = resources.files("glorieta").joinpath("examples", name, FILE)
    if packaged.is_file():
        return Path(str(packaged))
    checkout = Path(__file__).resolve().parents[3].joinpath("examples", name, FILE)
    if checkout.is_file():
        return checkout
    raise DemoError(f"the example {name}/{FILE} is neither packaged nor at {checkout}; reinstall glorieta")


def read_example(text: str, port_is_free: Callable[[int], bool], free_port: Callable[[], int]) -> Example:
    """Understands the example, and moves it away from ports that somebody else uses."""
    document = yaml.safe_load(text)
    moved: dict[int, int] = {}

    def settle(port: int) -> int:
        if port not in moved and not port_is_free(port):
            moved[port] = free_port()
        return moved.get(port, port)

    listener = next(iter(document["listeners"].values()))
    port = settle(port_of(listener["bind"]))
    services = {
        name: [settle(port_of(endpoint)) for endpoint in upstream["endpoints"]]
        for name, upstream in document["upstreams"].items()
    }
    written = admin_address(document.get("admin"))
    admin_port = settle(port_of(written) if written else ADMIN_PORT)
    text = move_ports(text, moved)
    if "admin" not in document and ADMIN_PORT in moved:
        text += f'\nadmin: {{address: "127.0.0.1:{admin_port}"}}\n'
    return Example(text, port, admin_port, services, moved)


def admin_address(admin: Any) -> str | None:
    """The TCP address that is written, alone or below `address`; none where a socket or nothing is."""
    address = admin.get("address") if isinstance(admin, dict) else admin
    return address if isinstance(address, str) and ":" in address and not address.startswith("unix:") else None


def port_of(address: Any) -> int:
    """The port of `host:port`, of a list's first address, or of a mapping with `address`."""
    if isinstance(address, list):
        address = address[0]
    if isinstance(address, dict):
        address = address["address"]
    return int(str(address).rsplit(":", 1)[1])


def move_ports(text: str, moved: dict[int, int]) -> str:
    """The same text with `:OLD` written `:NEW`, in one pass, so that no port moves twice."""
    if not moved:
        return text
    ports = "|".join(str(port) for port in moved)
    return re.sub(rf"(?<=:)({ports})(?![0-9])", lambda found: str(moved[int(found[1])]), text)


def port_is_free(port: int) -> bool:
    """Whether nobody listens at this port, on any loopback address and for every address."""
    return all(can_bind(family, host, port) for family, host in loopback_addresses())


def free_port() -> int:
    """A port of the kernel's choice that is free in both families."""
    for _ in range(32):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port_is_free(port):
            return int(port)
    raise DemoError("no free port was found on the loopback addresses")


def loopback_addresses() -> Iterable[tuple[socket.AddressFamily, str]]:
    yield socket.AF_INET, "0.0.0.0"
    yield socket.AF_INET, "127.0.0.1"
    if socket.has_ipv6 and can_bind(socket.AF_INET6, "::1", 0):
        yield socket.AF_INET6, "::1"


def can_bind(family: socket.AddressFamily, host: str, port: int) -> bool:
    with socket.socket(family) as probe:
        # As servers do: connections of an earlier run in TIME_WAIT do not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return False
        return True
