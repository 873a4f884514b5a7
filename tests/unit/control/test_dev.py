"""The page of `glorieta dev`: what it shows, who may see it, and that telling waits for nobody."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glorieta.control.dev import telling
from glorieta.control.dev.page import KEPT, Requests, server
from glorieta.control.dev.starting import listening
from glorieta.control.dev.waterfall import html, outcome
from glorieta.handlers import Router
from glorieta.handlers.serving.recording import RecordedApplication
from glorieta.testing import TestClient

CALL = {"upstream": "users", "method": "GET", "target": "/users/7", "began_ms": 25.0, "ended_ms": 75.0}
REQUEST = {
    "handler": "mobile.home",
    "request_id": "abc",
    "method": "GET",
    "target": "/home/7",
    "at": 0.0,
    "status": 200,
    "cancelled": False,
    "took_ms": 100.0,
    "calls": [{**CALL, "status": 200, "reason": None, "tries": None}],
    "more_calls": 0,
}


def with_call(**changes: Any) -> dict[str, Any]:
    return {**REQUEST, "calls": [{**REQUEST["calls"][0], **changes}]}


def test_a_call_is_a_bar_where_it_was() -> None:
    page = html([REQUEST])
    assert "users: GET /users/7" in page and "200, 50 ms" in page
    assert 'class="bar " style="margin-left:25.00%;width:50.00%"' in page
    assert "mobile.home · request_id abc" in page
    assert "No request" in html([])


@pytest.mark.parametrize(
    ("changes", "word", "colour"),
    [
        ({"status": None, "reason": "refused", "tries": 2}, "refused (2 tries)", "bad"),
        ({"status": None, "reason": "refused", "tries": 1}, "refused", "bad"),
        ({"status": 200, "reason": None, "tries": 3}, "200 (3 tries)", ""),
        ({"status": None, "reason": "cancelled"}, "cancelled", "cancelled"),
        ({"status": 503}, "503", "bad"),
        ({"status": 404}, "404", "bad"),
        ({"status": 304}, "304", ""),
    ],
)
def test_what_became_of_a_call_has_its_word_and_colour(changes: dict[str, Any], word: str, colour: str) -> None:
    request = with_call(**changes)
    assert outcome(request["calls"][0]) == word
    assert f'class="bar {colour}" style="margin-left:25' in html([request])


def test_a_request_that_was_cancelled_says_so_and_more_calls_are_counted() -> None:
    page = html([{**REQUEST, "status": None, "cancelled": True, "more_calls": 7}])
    assert "cancelled, 100 ms" in page and "and 7 calls more" in page


def test_what_a_client_sent_is_text_on_the_page() -> None:
    page = html([{**REQUEST, "target": '/<script>"&'}])
    assert "<script>" not in page and "/&lt;script&gt;&quot;&amp;" in page


def test_the_last_requests_are_kept_and_nonsense_is_not() -> None:
    requests = Requests()
    for number in range(KEPT + 5):
        requests.take(json.dumps({"request_id": number}).encode())
    requests.take(b"{half")
    requests.take(b"[1]")
    assert [each["request_id"] for each in requests.all()] == list(range(KEPT + 4, 4, -1))


@pytest.fixture
def ask() -> Iterator[Callable[..., tuple[int, str]]]:
    requests = Requests()
    requests.take(json.dumps(REQUEST).encode())
    made = server(listening(0), requests)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    port = made.socket.getsockname()[1]

    def asked(path: str, host: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        found = answer.status, answer.read().decode()
        connection.close()
        return found

    yield asked
    made.shutdown()
    made.server_close()


def test_the_page_and_its_json(ask: Callable[..., tuple[int, str]]) -> None:
    status, page = ask("/")
    assert status == 200 and "GET /home/7" in page
    status, document = ask("/requests.json")
    assert status == 200 and json.loads(document) == [REQUEST]
    assert ask("/nothing")[0] == 404


@pytest.mark.parametrize("host", ["localhost", "localhost:9901", "127.0.0.1:1", "[::1]:9901"])
def test_this_machine_may_ask(ask: Callable[..., tuple[int, str]], host: str) -> None:
    assert ask("/", host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9901", "localhost.evil.example:80"])
def test_a_page_under_another_name_may_not(ask: Callable[..., tuple[int, str]], host: str) -> None:
    status, text = ask("/requests.json", host)
    assert status == 403 and "/home/7" not in text


def test_a_port_that_is_taken_is_replaced() -> None:
    with listening(0) as first, listening(first.getsockname()[1]) as second:
        assert second.getsockname()[1] not in (0, first.getsockname()[1])


router = Router()


@router.get("/")
async def hello() -> str:
    return "hello"


def test_nothing_is_recorded_where_nobody_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(telling.VARIABLE, raising=False)
    applications = [router.table()]
    assert telling.recorded(applications) is applications


def test_requests_are_told_and_a_listener_that_has_gone_hurts_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "requests"
    monkeypatch.setenv(telling.VARIABLE, str(path))
    (application,) = telling.recorded([router.table()])
    assert isinstance(application, RecordedApplication)
    client = TestClient(application)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(path))
        assert client.get("/").json() == "hello"
        assert json.loads(told.recv(65536))["handler"] == f"{__name__}.hello"
    assert client.get("/").status_code == 200
