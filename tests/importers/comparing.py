"""What of two answers to one request is compared, and how it is written so that only what matters differs.

Headers that each proxy writes for itself are left out; `documented` knows the differences of the language that
docs/guides/from-nginx.md names. Everything else must be the same, or stand in the case's `differs:`.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

if TYPE_CHECKING:
    from harness import ReceivedRequest

    from .asking import Asked
    from .exchange import Answer
    from .layout import Layout, Service

BUILT_IN = re.compile(rb"<center>nginx")
OWN_ANSWER_HEADERS = {
    *("server", "date", "connection", "keep-alive", "content-length", "transfer-encoding", "etag", "last-modified"),
    *("accept-ranges", "via", "content-location", "x-request-id", "upgrade", "allow"),
}
"""Of answers: what each proxy writes by itself, framing, and validators of files."""
OWN_REQUEST_HEADERS = {
    *("connection", "via", "x-request-id", "content-length", "transfer-encoding", "keep-alive", "te"),
    *("forwarded", "x-answer", "host"),
}
"""Of requests; `Host` is compared by itself."""
OF_THE_TEXT = ("content-encoding", "vary")
"""Headers that depend on the text itself, which is another one where an error is told."""
ERROR_HEADERS = ("cache-control", "x-content-type-options")
"""What glorieta's own errors carry unasked, where NGINX answers with a page of its own."""
SAME_TYPES = {"application/javascript": "text/javascript", "image/x-icon": "image/vnd.microsoft.icon"}
UNASKED = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix")
"""glorieta sends them always. Where NGINX sends them, too, they must say the same."""


@dataclass(frozen=True)
class Difference:
    """`what`: status, location, type, body, reached, method, target, host, sent, `answer NAME` or `request NAME`."""

    what: str
    nginx: object
    glorieta: object

    def __str__(self) -> str:
        return f"{self.what}: NGINX {self.nginx!r}, glorieta {self.glorieta!r}"


class Comparison:
    """One request and its two answers."""

    def __init__(self, asked: Asked, nginx: Answer, glorieta: Answer, layouts: tuple[Layout, Layout]) -> None:
        self.asked = asked
        self.nginx, self.glorieta = nginx, glorieta
        self.layouts = layouts
        self.found: list[Difference] = []

    def differences(self) -> list[Difference]:
        self.note("status", self.nginx.status, self.glorieta.status)
        self.note("reached", *(reached(each.reached) for each in (self.nginx, self.glorieta)))
        if self.nginx.reached and self.glorieta.reached:
            self.requests(self.nginx.reached[-1][1], self.glorieta.reached[-1][1])
        if self.nginx.status == self.glorieta.status and self.nginx.response and self.glorieta.response:
            self.answers()
        return self.found

    def note(self, what: str, nginx: object, glorieta: object) -> None:
        if nginx != glorieta:
            self.found.append(Difference(what, nginx, glorieta))

    def answers(self) -> None:
        self.note("location", *(self.location(each, layout) for each, layout in self.pairs()))
        built_in = self.is_built_in()
        if not built_in:
            self.note("body", *(self.body(each, layout) for each, layout in self.pairs()))
        nginx, glorieta = (self.answer_headers(each, layout) for each, layout in self.pairs())
        for name in sorted({*nginx, *glorieta}):
            if name == "content-type":
                if not built_in and (plain(self.nginx) or plain(self.glorieta)):
                    self.note("type", *(media_type(each.get(name)) for each in (nginx, glorieta)))
            elif built_in and name in OF_THE_TEXT:
                continue
            elif not (built_in and name in ERROR_HEADERS and name not in nginx):
                self.note(f"answer {name}", nginx.get(name), glorieta.get(name))

    def is_built_in(self) -> bool:
        """Whether NGINX answered with a page that it has compiled in: glorieta has its own short text."""
        response = self.nginx.response
        assert response is not None
        if self.asked.method == "HEAD":
            return not self.nginx.reached and response.status >= 300
        return bool(BUILT_IN.search(plain(self.nginx))) or (response.status >= 300 and not response.body)

    def pairs(self) -> tuple[tuple[Answer, Layout], tuple[Answer, Layout]]:
        return (self.nginx, self.layouts[0]), (self.glorieta, self.layouts[1])

    def body(self, answer: Answer, layout: Layout) -> str:
        return layout.named(plain(answer).decode("utf-8", "replace"))

    def location(self, answer: Answer, layout: Layout) -> str | None:
        """Resolved against what was asked, as a client does it."""
        value = answer.header("Location")
        if value is None:
            return None
        base = f"http://{self.asked.host}{urlsplit(self.asked.path).path}"
        return layout.named(urljoin(base, value)).replace(f":{{{{{self.asked.port}}}}}/", "/")

    def answer_headers(self, answer: Answer, layout: Layout) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        assert answer.response is not None
        for name, value in answer.response.fields:
            if name.lower() not in OWN_ANSWER_HEADERS and name.lower() != "location":
                found.setdefault(name.lower(), []).append(layout.named(value))
        return {name: sorted(values) for name, values in found.items()}

    def requests(self, nginx: ReceivedRequest, glorieta: ReceivedRequest) -> None:
        """What the service got."""
        self.note("method", nginx.method, glorieta.method)
        self.note("target", nginx.target, glorieta.target)
        self.note("sent", len(nginx.body), len(glorieta.body))
        hosts = (
            layout.named(each.header("Host") or "")
            for each, layout in zip((nginx, glorieta), self.layouts, strict=True)
        )
        self.note("host", *hosts)
        one, two = (request_headers(each, layout) for each, layout in zip((nginx, glorieta), self.layouts, strict=True))
        for name in sorted({*one, *two}):
            if name in UNASKED and (name not in one or self.asked.header(name) is not None):
                continue
            self.note(f"request {name}", one.get(name), two.get(name))


def reached(found: list[tuple[Service, ReceivedRequest]]) -> str | None:
    """The group that answered: the last one that was asked."""
    return found[-1][0].group if found else None


def request_headers(request: ReceivedRequest, layout: Layout) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in request.fields:
        if name.lower() not in OWN_REQUEST_HEADERS:
            found.setdefault(name.lower(), []).append(layout.named(value))
    return found


def media_type(values: list[str] | None) -> str | None:
    """Without parameters; of two names of one type, the registered one."""
    name = values[0].partition(";")[0].strip() if values else None
    return SAME_TYPES.get(name or "", name)


def plain(answer: Answer) -> bytes:
    """The body, uncompressed."""
    if answer.response is None:
        return b""
    body = answer.response.body
    return zlib.decompress(body, zlib.MAX_WBITS | 16) if answer.header("Content-Encoding") == "gzip" and body else body
