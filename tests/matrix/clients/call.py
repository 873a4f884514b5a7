"""One request as every client of the matrix makes it, whatever the protocol: sent in pieces, read in pieces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Self

Fields = list[tuple[str, str]]
WAIT_SECONDS = 15.0
"""Nothing that a test waits for takes longer, on the slowest machine."""


@dataclass
class Answer:
    status: int
    fields: Fields
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    interims: list[tuple[int, Fields]] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        return next((value for each, value in self.fields if each == name), None)

    @property
    def text(self) -> str:
        return self.body.decode()


class Cut(Exception):
    """The answer ended before it was whole, or there was none."""


class Call(ABC):
    """A request under way. Field names are in small letters."""

    interims: list[tuple[int, Fields]]
    trailers: Fields

    @abstractmethod
    def send(self, data: bytes) -> None:
        """A piece of the request's body."""

    @abstractmethod
    def end(self, trailers: Fields = ()) -> None:  # type: ignore[assignment]
        """The request is whole."""

    @abstractmethod
    def head(self) -> tuple[int, Fields]:
        """Status and fields of the answer, once they are there. `Cut`: they never will be."""

    @abstractmethod
    def read(self) -> bytes | None:
        """The next piece of the answer's body; `None` at its end, when `trailers` are known. `Cut`: it broke off."""

    @abstractmethod
    def interim(self) -> tuple[int, Fields]:
        """The first interim answer, once it is there."""

    @abstractmethod
    def cancel(self) -> None:
        """The client wants no answer any more."""

    def answer(self) -> Answer:
        status, fields = self.head()
        body = bytearray()
        while (piece := self.read()) is not None:
            body += piece
        return Answer(status, fields, bytes(body), self.trailers, self.interims)


class Client(ABC):
    """A connection to glorieta."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def open(self, method: str, path: str, fields: Fields = (), *, length: int | None = None) -> Call:  # type: ignore[assignment]
        """Sends a request's head. `length`: of the body that follows; none: as it comes."""

    @abstractmethod
    def close(self) -> None: ...

    def ask(self, method: str, path: str, fields: Fields = (), body: bytes = b"") -> Answer:  # type: ignore[assignment]
        call = self.open(method, path, fields, length=len(body))
        if body:
            call.send(body)
        call.end()
        return call.answer()
