"""A service that speaks HTTP/1.1, by h11."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING

import h11

from ..clients.h1 import decoded
from .exchange import WAIT_SECONDS, Exchange, Tunnel
from .serving import Gone, Service

if TYPE_CHECKING:
    from ..clients import Fields


class H1Exchange(Exchange):
    protocol = "HTTP/1.1"

    def __init__(self, connection: socket.socket, http: h11.Connection, request: h11.Request) -> None:
        self.socket, self.http = connection, http
        self.method, self.path = request.method.decode(), request.target.decode()
        self.fields = decoded(request.headers)
        self.trailers = []
        self.gone = threading.Event()
        self.switched = False

    def write(self, event: h11.Event) -> None:
        try:
            self.socket.sendall(self.http.send(event) or b"")
        except (OSError, h11.LocalProtocolError) as error:
            raise Gone from error

    def read(self) -> bytes | None:
        if self.http.they_are_waiting_for_100_continue:
            self.write(h11.InformationalResponse(status_code=100, headers=[]))
        event = next_event(self.socket, self.http)
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage):
            self.trailers = decoded(event.headers)
            return None
        raise Gone

    def interim(self, status: int, fields: Fields) -> None:
        self.write(h11.InformationalResponse(status_code=status, headers=fields))

    def start(self, status: int, fields: Fields, length: int | None = None) -> None:
        framing = [("content-length", str(length))] if length is not None else []
        self.write(h11.Response(status_code=status, headers=[*fields, *framing]))

    def send(self, data: bytes) -> None:
        self.write(h11.Data(data=data))

    def end(self, trailers: Fields = ()) -> None:  # type: ignore[assignment]
        self.write(h11.EndOfMessage(headers=list(trailers)))

    def refuse(self) -> None:
        self.socket.close()
        raise Gone

    def tunnel(self) -> Tunnel:
        accept = [("sec-websocket-accept", dict(self.fields).get("accept", ""))]
        switch = [("upgrade", "websocket"), ("connection", "upgrade"), *accept]
        self.write(h11.InformationalResponse(status_code=101, headers=switch))
        self.switched = True
        early = [self.http.trailing_data[0]]
        # Whoever serves the connection closes it.
        return Tunnel(
            lambda: early.pop() if early and early[0] else self.socket.recv(1 << 16), self.socket.sendall, lambda: None
        )


class H1Service(Service):
    broken = h11.RemoteProtocolError

    def serve(self, connection: socket.socket) -> None:
        http = h11.Connection(h11.SERVER)
        while True:
            request = next_event(connection, http)
            if not isinstance(request, h11.Request):
                return
            exchange = H1Exchange(connection, http, request)
            if "/never?" in exchange.path:
                exchange.body()
                threading.Thread(target=watch, args=(connection, exchange.gone), daemon=True).start()
            self.shop.serve(exchange)
            if exchange.switched:
                return
            while http.their_state is h11.SEND_BODY:
                next_event(connection, http)
            if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                return
            http.start_next_cycle()


def watch(connection: socket.socket, gone: threading.Event) -> None:
    with contextlib.suppress(OSError, ValueError):
        if select.select([connection], [], [], WAIT_SECONDS)[0] and not connection.recv(1):
            gone.set()
    gone.set()


def next_event(connection: socket.socket, http: h11.Connection) -> h11.Event:
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(connection.recv(1 << 16))
    return event
