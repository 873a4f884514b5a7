"""`glorieta dev`: what `run` does, and a page that knows the last requests of handlers."""

from __future__ import annotations

import re
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness import RawClient, Services, build, get, unused_port, wait_until
from harness.process import Glorieta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness import Conversation, HttpUpstream, ReceivedRequest

ROUTER = """\
from glorieta.handlers import Router, Upstream

router = Router(calls=["users"])


@router.get("/home/{{user}}")
async def home(user: int, users: Upstream):
    return {{"{word}": await users.get("/users/{{id}}", path={{"id": user}}).json()}}
"""


class Dev(Glorieta):
    """`python -m glorieta dev`."""

    def __init__(self, folder: Path, runtime: Path, users: str) -> None:
        self.runtime = runtime
        self.code = folder / "home.py"
        self.write("first")
        port, admin = unused_port(), unused_port()
        (folder / "glorieta.yaml").write_text(f"""\
version: 1
listeners: {{web: {{bind: "127.0.0.1:{port}", handler: home.py:router}}}}
upstreams: {{users: {{endpoints: ["{users}"]}}}}
admin: "127.0.0.1:{admin}"
""")
        command = [sys.executable, "-m", "glorieta", "dev", "--port", "0"]
        environment = {"XDG_RUNTIME_DIR": str(runtime), "RUNTIME_DIRECTORY": ""}
        super().__init__(command, folder, {"web": port}, admin, environment)

    def write(self, word: str) -> None:
        fresh = self.code.with_suffix(".new")
        fresh.write_text(ROUTER.format(word=word))
        fresh.replace(self.code)

    def serves(self) -> bool:
        return "is running" in self.stderr

    @property
    def page(self) -> int:
        found = re.search(r"requests of handlers at http://127\.0\.0\.1:(\d+)/", self.stderr)
        assert found, self.stderr
        return int(found[1])

    def requests(self) -> list[dict[str, Any]]:
        answer = get(self.page, "/requests.json", {"Host": "localhost"})
        assert answer.status == 200
        found: list[dict[str, Any]] = answer.json()
        return found


@pytest.fixture
def users(own_services: Services) -> HttpUpstream:
    return own_services.http("users")


@pytest.fixture
def dev(tmp_path: Path, users: HttpUpstream) -> Iterator[Dev]:
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="run-") as runtime:
        made = Dev(tmp_path, Path(runtime), users.address).wait_ready()
        yield made
        made.stop()


def test_the_page_has_the_requests_and_their_calls(dev: Dev) -> None:
    assert get(dev.port, "/home/7").status == 200
    (request,) = wait_until(dev.requests, what="the request on the page")
    assert (request["handler"], request["target"], request["status"]) == ("home.home", "/home/7", 200)
    (call,) = request["calls"]
    assert (call["upstream"], call["target"], call["status"], call["reason"]) == ("users", "/users/7", 200, None)
    page = get(dev.page, "/", {"Host": "localhost"})
    assert "users: GET /users/7" in page.text


def test_a_client_that_goes_away_is_on_the_page(dev: Dev, users: HttpUpstream) -> None:
    def hangs(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.wait_closed()

    users.respond = hangs
    with RawClient(dev.port) as client:
        client.send(build("GET", "/home/7"))
        wait_until(lambda: len(users.requests) == 1, what="the call")
        client.reset()
    (request,) = wait_until(dev.requests, what="the request on the page")
    assert request["cancelled"] and request["status"] is None
    assert request["calls"][0]["reason"] == "cancelled"


def test_code_is_reloaded_and_what_does_not_import_is_refused(dev: Dev) -> None:
    assert "first" in get(dev.port, "/home/7").json()
    dev.write("second")
    wait_until(lambda: "second" in get(dev.port, "/home/7").json(), 15, "the new code")
    dev.code.write_text("router = (")
    wait_until(lambda: "home.py:1" in dev.stderr and "stays" in dev.stderr, 15, "the refusal")
    assert "second" in get(dev.port, "/home/7").json()
    assert {request["handler"] for request in wait_until(dev.requests, what="requests")} == {"home.home"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_page_ends_with_what_runs(dev: Dev, number: signal.Signals) -> None:
    page = dev.page
    (told,) = dev.runtime.glob("glorieta/*.requests")
    dev.signal(number)
    dev.ended = True
    assert dev.wait_end() == (0 if number == signal.SIGTERM else -number)

    def gone() -> bool:
        try:
            socket.create_connection(("127.0.0.1", page), 2.0).close()
        except OSError:
            return not told.exists()
        return False

    wait_until(gone, 10, "the page's end")
