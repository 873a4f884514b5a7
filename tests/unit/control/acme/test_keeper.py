"""The serving process and the child that orders: what it is handed, what is forgotten with it, and when it comes back."""

from __future__ import annotations

import json
import selectors
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.control.acme import keeper as module
from glorieta.control.acme.keeper import FIRST_PAUSE, LONGEST_REST, Keeper
from harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ORDERS: dict[str, Any] = {
    "acme": {"directory": "https://issuer.example/dir"},
    "certificates": [
        {"names": ["shop.example", "www.shop.example"], "file": "/s/shop.pem"},
        {"names": ["a.example"], "file": "/s/a.pem"},
    ],
}
BEGIN = "import json, os, sys\nasked = json.loads(os.pread(int(sys.argv[1]), 1 << 20, 0))\n"
TELL = "def tell(**document):\n    print(json.dumps(document), flush=True)\n"


class FakeEngine:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.shown: dict[str, tuple[bytes, bytes]] = {}

    def put_http_challenge(self, token: str, answer: str) -> None:
        self.pages[token] = answer

    def remove_http_challenge(self, token: str) -> None:
        self.pages.pop(token, None)

    def put_tls_challenge(self, name: str, certificate: bytes, key: bytes) -> None:
        if certificate == b"bad":
            raise ValueError("no certificate")
        self.shown[name] = (certificate, key)

    def remove_tls_challenge(self, name: str) -> None:
        self.shown.pop(name, None)


class World:
    """A keeper with children that run a text of the test's."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.script = folder / "child.py"
        self.engine = FakeEngine()
        self.said: list[tuple[str, str]] = []
        self.selector = selectors.DefaultSelector()
        self.keeper = Keeper(self.engine, self.selector, self)  # type: ignore[arg-type]
        monkeypatch.setattr(module, "command", lambda _, number: [sys.executable, str(self.script), number])

    def event(self, event: str, text: str, **_: object) -> None:
        self.said.append((event, text))

    def child(self, text: str) -> None:
        self.script.write_text(BEGIN + TELL + text)

    def step(self) -> None:
        for key, mask in self.selector.select(0.05):
            key.data(mask)
        self.keeper.tick(time.monotonic())

    def until(self, condition: Any) -> None:
        def stepped() -> Any:
            self.step()
            return condition()

        wait_until(stepped, 20.0)

    def adopt(self, orders: dict[str, Any] | None = ORDERS) -> None:
        self.keeper.adopt(orders, time.monotonic())


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(tmp_path, monkeypatch)
    yield made
    made.keeper.close()
    made.selector.close()


def test_nothing_runs_as_long_as_nothing_is_ordered(world: World) -> None:
    world.adopt(None)
    assert world.keeper.due(time.monotonic()) is None
    world.step()
    assert world.keeper.child is None


def test_a_child_is_told_what_is_ordered_and_says_when_to_look_again(world: World, tmp_path: Path) -> None:
    world.child(
        f"open({str(tmp_path / 'asked')!r}, 'w').write(json.dumps(asked))\n"
        "tell(do='say', event='certificate-issued', text='it has come', facts={'names': ['a']})\n"
        "tell(do='rest', seconds=1000)\n"
    )
    world.adopt()
    world.until(lambda: world.keeper.child is None and world.keeper.next_look)
    assert json.loads((tmp_path / "asked").read_text()) == {"orders": ORDERS, "forced": []}
    assert world.said == [("certificate-issued", "it has come")]
    due = world.keeper.due(time.monotonic())
    assert due is not None
    assert 900 < due <= 1000
    # The same again changes nothing; something else is looked at.
    world.adopt()
    assert world.keeper.due(time.monotonic()) != 0.0
    world.adopt({**ORDERS, "certificates": ORDERS["certificates"][:1]})
    assert world.keeper.due(time.monotonic()) == 0.0


def test_it_is_looked_at_now_and_then_however_long_a_child_wants_to_rest(world: World) -> None:
    world.child("tell(do='rest', seconds=1e12)\n")
    world.adopt()
    world.until(lambda: world.keeper.child is None and world.keeper.next_look)
    due = world.keeper.due(time.monotonic())
    assert due is not None
    assert due <= LONGEST_REST


def test_what_proves_names_is_handed_on_answered_and_taken_away(world: World) -> None:
    world.child(
        "tell(do='put', kind='http-01', name='token', answer='token.print')\n"
        "assert json.loads(input()) == {}\n"
        "tell(do='put', kind='tls-alpn-01', name='a.example', answer='Y2VydA==', key='a2V5')\n"
        "assert json.loads(input()) == {}\n"
        "tell(do='put', kind='tls-alpn-01', name='b.example', answer='YmFk', key='a2V5')\n"
        "assert json.loads(input()) == {'error': 'no certificate'}\n"
        "tell(do='say', event='e', text='all is there', facts={})\n"
        "input()\n"
    )
    world.adopt()
    world.until(lambda: ("e", "all is there") in world.said)
    assert world.engine.pages == {"token": "token.print"}
    assert world.engine.shown == {"a.example": (b"cert", b"key")}
    child = world.keeper.child
    assert child is not None
    child.answer({})
    # It has ended without a word, and without taking anything away.
    world.until(lambda: world.keeper.child is None)
    assert (world.engine.pages, world.engine.shown) == ({}, {})


def test_a_child_that_ends_without_a_word_is_tried_again_later_and_later(world: World) -> None:
    world.child("sys.exit(3)\n")
    world.adopt()
    for round in range(3):
        world.until(lambda: world.keeper.child is None and world.keeper.next_look)
        due = world.keeper.due(time.monotonic())
        assert due is not None
        assert FIRST_PAUSE * 2**round - 30 < due <= FIRST_PAUSE * 2**round
        world.keeper.next_look = time.monotonic()
        world.step()
    assert world.said[0] == (
        "certificate-failed",
        "the process that orders certificates has ended by itself (exit code 3)",
    )


@pytest.mark.parametrize("words", ["not json", "[]", '{"do": "unknown"}', "\\x00\\xff", "{" * 10])
def test_nonsense_is_not_listened_to(world: World, words: str) -> None:
    world.child(f"print({words!r}, flush=True)\ntell(do='rest', seconds=500)\n")
    world.adopt()
    world.until(lambda: world.keeper.child is None and world.keeper.next_look)
    assert world.said == []


def test_a_plan_that_orders_nothing_any_more_ends_the_child(world: World) -> None:
    world.child("tell(do='put', kind='http-01', name='t', answer='a')\ninput()\ninput()\n")
    world.adopt()
    world.until(lambda: world.engine.pages)
    child = world.keeper.child
    assert child is not None
    world.adopt(None)
    assert child.process.poll() is not None
    assert (world.engine.pages, world.keeper.due(time.monotonic())) == ({}, None)


def test_somebody_may_want_certificates_now(world: World, tmp_path: Path) -> None:
    now = time.monotonic()
    assert world.keeper.force(set(), now) == []
    asked = str(tmp_path / "asked")
    world.child(f"open({asked!r}, 'a').write(json.dumps(asked['forced']) + '\\n')\ntell(do='rest', seconds=500)\n")
    world.adopt()
    world.until(lambda: world.keeper.child is None and world.keeper.next_look)
    assert world.keeper.force({"other.example"}, now) == []
    assert world.keeper.force({"www.shop.example"}, time.monotonic()) == ["shop.example, www.shop.example"]
    world.until(lambda: len((tmp_path / "asked").read_text().splitlines()) == 2)
    assert (tmp_path / "asked").read_text() == '[]\n["shop.example"]\n'
    assert world.keeper.force(set(), now) == ["shop.example, www.shop.example", "a.example"]


def test_one_that_cannot_be_started_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "command", lambda *_: ["/nonexistent/python"])
    world.adopt()
    world.step()
    assert world.said == [
        ("certificate-failed", "the process that orders certificates cannot be started: No such file or directory")
    ]
    assert world.keeper.due(time.monotonic()) != 0.0
