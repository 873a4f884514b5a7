"""Handlers that are a plain `def` with `yield` stream as those that are `async` do, on a thread."""

from collections.abc import Iterator
from typing import Any

import pytest

from glorieta.handlers import Event, Router
from harness.asked import ask

router = Router()


@router.get("/text")
def text() -> Iterator[str]:
    yield "a"
    yield "b"


@router.get("/bytes")
def raw() -> Iterator[bytes]:
    yield b"\xff"
    yield b"\x00"


@router.get("/events")
def events() -> Iterator[Event]:
    yield Event("one")
    yield Event({"n": 2})


@router.get("/values")
def values() -> Iterator[Any]:
    yield {"n": 1}
    yield [2]


@router.get("/nothing")
def nothing() -> Iterator[Any]:
    yield from ()


@router.get("/returned")
def returned() -> Any:
    return (piece for piece in ("a", "b"))


@router.get("/early")
def early() -> Iterator[str]:
    raise KeyError("before the first")
    yield "a"


@router.get("/late")
def late() -> Iterator[str]:
    yield "a"
    raise KeyError("after the first")


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        ("/text", "text/plain; charset=utf-8", b"ab"),
        ("/bytes", "application/octet-stream", b"\xff\x00"),
        ("/events", "text/event-stream", b'data: one\n\ndata: {"n":2}\n\n'),
        ("/values", "application/jsonl", b'{"n":1}\n[2]\n'),
        ("/nothing", "application/jsonl", b""),
        ("/returned", "text/plain; charset=utf-8", b"ab"),
    ],
)
def test_the_first_item_says_what_the_others_are(path: str, kind: str, body: bytes) -> None:
    answer = ask(router, "GET", path)
    assert (answer.status, answer.header("content-type"), answer.body, answer.failed) == (200, kind, body, False)
    assert answer.on_threads > 0


def test_what_fails_before_the_first_item_is_an_error_and_later_a_cut() -> None:
    assert (ask(router, "GET", "/early").status, ask(router, "GET", "/early").failed) == (500, False)
    answer = ask(router, "GET", "/late")
    assert (answer.status, answer.body, answer.failed) == (200, b"a", True)
