"""A service at a port of its own: each of its connections is a thread, which ends with its client's."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .exchange import Shop


class Gone(Exception):
    """The other side has closed."""


class Service(ABC):
    broken: ClassVar[type[Exception]]
    """What its library raises where the other side breaks the protocol."""

    def __init__(self, shop: Shop, tls: ssl.SSLContext | None = None) -> None:
        self.shop, self.tls = shop, tls
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.open: list[socket.socket] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.run, args=(connection,), daemon=True).start()

    def run(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, Gone, self.broken):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self.open.append(connection)
            self.serve(connection)
        connection.close()

    @abstractmethod
    def serve(self, connection: socket.socket) -> None:
        """Serves a connection to its end."""

    def stop(self) -> None:
        self.listener.close()
        for each in self.open:
            each.close()
