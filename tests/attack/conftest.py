"""One engine and one recording upstream for each file of attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, RecordingUpstream, Response, Runner, Services, get
from harness.message import MessageError
from harness.plan import headers, http, plan, proxy, respond, route, upstream

if TYPE_CHECKING:
    from collections.abc import Iterable

SMUGGLED = b"GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    """Everything goes to the origin, but for what glorieta answers by itself under /own."""
    routes = [
        route("/*", proxy()),
        route("/own/*", respond("own")),
        route(
            "/reflect/{name}",
            proxy(rewrite="/got/${path.name}"),
            filters=[
                headers(
                    {"set": {"X-Reflected": "${query.q} ${header.x-sent} ${path.name}"}},
                    {"set": {"X-Back": "${query.q}"}},
                )
            ],
        ),
    ]
    return start.engine(plan(http(routes), [upstream("service", origin.address, response_header_count=50)]))


@pytest.fixture(autouse=True)
def forgotten(request: pytest.FixtureRequest) -> None:
    """Each test sees only what the origin received for it."""
    if "origin" in request.fixturenames:
        request.getfixturevalue("origin").forget()


class Attack:
    """Sends bytes and states what came of them."""

    def __init__(self, edge: Engine, origin: RecordingUpstream):
        self.edge = edge
        self.origin = origin

    def send(self, data: bytes) -> list[Response]:
        """All answers to these bytes until glorieta closes; it must close."""
        with RawClient(self.edge.port) as client:
            client.try_send(data)
            return read_all(client)

    def refused(self, data: bytes, statuses: Iterable[int] = (400,)) -> Response:
        """One answer with one of these statuses, the connection closed, and no byte of it at the origin."""
        answer = self.answered_once(data, statuses)
        assert self.origin.received == b""
        self.good_clients_are_served()
        return answer

    def refused_in_body(self, data: bytes) -> Response:
        """As `refused`, but the head was good: the origin may have seen it, and never a whole request."""
        answer = self.answered_once(data, (400,))
        assert self.origin.requests == []
        assert b"/evil" not in self.origin.received
        assert b"0\r\n\r\n" not in self.origin.received, "the broken body was ended as if it were whole"
        self.good_clients_are_served()
        return answer

    def answered_once(self, data: bytes, statuses: Iterable[int]) -> Response:
        answers = self.send(data)
        assert [answer.status for answer in answers][:1] in [[status] for status in statuses], answers
        assert len(answers) == 1, f"bytes after a refused message were read as a request: {answers}"
        assert answers[0].closes
        return answers[0]

    def good_clients_are_served(self) -> None:
        """The next honest request arrives whole, also if it uses a connection that the attack has used."""
        self.origin.forget()
        assert get(self.edge.port, "/good").status == 200
        assert [(each.method, each.target) for each in self.origin.requests] == [("GET", "/good")]
        assert self.origin.errors == []


def read_all(client: RawClient) -> list[Response]:
    """Every whole answer until the connection ends."""
    answers: list[Response] = []
    while True:
        try:
            if not client.reader.buffer and not client.reader.fill():
                return answers
            answers.append(client.read_response())
        except TimeoutError:
            raise AssertionError(f"the connection stayed open after {answers}") from None
        except MessageError as error:
            raise AssertionError(f"after {answers}: {error}") from None


@pytest.fixture
def attack(edge: Engine, origin: RecordingUpstream) -> Attack:
    return Attack(edge, origin)
