"""What streams of HTTP/2 and HTTP/3 are answered with."""

from dataclasses import dataclass, field

Fields = list[tuple[str, str]]


@dataclass
class Answer:
    """What came on one stream so far."""

    status: int = 0
    fields: Fields = field(default_factory=list)
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    interim: list[tuple[int, Fields]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None
    """The code with which the stream was reset."""

    def header(self, name: str) -> str | None:
        return next((value for each, value in self.fields if each == name.lower()), None)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def over(self) -> bool:
        return self.ended or self.reset is not None
