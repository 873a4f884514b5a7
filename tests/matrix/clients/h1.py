"""HTTP/1.1 by h11: one request at a time."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

import h11

from .call import WAIT_SECONDS, Call, Client, Cut

if TYPE_CHECKING:
    from .call import Fields

AUTHORITY = "shop.example"


class H1Client(Client):
    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), WAIT_SECONDS)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=AUTHORITY)
        self.http = h11.Connection(h11.CLIENT)

    def open(self, method: str, path: str, fields: Fields = (), *, length: int | None = None) -> Call:  # type: ignore[assignment]
        if self.http.our_state is h11.DONE:
            self.http.start_next_cycle()
        framing: Fields = [("transfer-encoding", "chunked")] if length is None else []
        if length:
            framing = [("content-length", str(length))]
        head = h11.Request(method=method, target=path, headers=[("host", AUTHORITY), *fields, *framing])
        self.socket.sendall(self.http.send(head) or b"")
        return H1Call(self)

    def close(self) -> None:
        self.socket.close()


class H1Call(Call):
    def __init__(self, client: H1Client) -> None:
        self.client = client
        self.interims = []
        self.trailers = []

    def write(self, event: h11.Event) -> None:
        self.client.socket.sendall(self.client.http.send(event) or b"")

    def send(self, data: bytes) -> None:
        self.write(h11.Data(data=data))

    def end(self, trailers: Fields = ()) -> None:  # type: ignore[assignment]
        self.write(h11.EndOfMessage(headers=list(trailers)))

    def next(self) -> h11.Event:
        while True:
            try:
                event = self.client.http.next_event()
                if event is not h11.NEED_DATA:
                    return event
                self.client.http.receive_data(self.client.socket.recv(1 << 16))
            except (OSError, h11.RemoteProtocolError) as error:
                raise Cut(str(error)) from error

    def interim(self) -> tuple[int, Fields]:
        event = self.next()
        assert isinstance(event, h11.InformationalResponse), event
        self.interims.append((event.status_code, decoded(event.headers)))
        return self.interims[-1]

    def head(self) -> tuple[int, Fields]:
        while isinstance(event := self.next(), h11.InformationalResponse):
            self.interims.append((event.status_code, decoded(event.headers)))
        if not isinstance(event, h11.Response):
            raise Cut(f"{event} instead of an answer")
        return event.status_code, decoded(event.headers)

    def read(self) -> bytes | None:
        event = self.next()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if not isinstance(event, h11.EndOfMessage):
            raise Cut(f"{event} instead of a body")
        self.trailers = decoded(event.headers)
        return None

    def cancel(self) -> None:
        with contextlib.suppress(OSError):
            self.client.socket.close()


def decoded(headers: h11._headers.Headers | list[tuple[bytes, bytes]]) -> Fields:
    return [(name.decode(), value.decode()) for name, value in headers]
