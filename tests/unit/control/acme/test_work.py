"""What one look comes to, with an issuer, a clock and dice of the test's own."""

from __future__ import annotations

import itertools
import random
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.control.acme import schedule
from glorieta.control.acme import work as module
from glorieta.control.acme.at_once import chains
from glorieta.control.acme.issuer import Wish
from glorieta.control.acme.order import AccountUnknown
from glorieta.control.acme.problems import Abandoned, IssuerUnreachable, OrderFailed
from glorieta.control.acme.records import Account, Record
from glorieta.control.acme.schedule import DAY, HOUR, MINUTE, Window
from glorieta.control.acme.storage import Storage, record_of
from glorieta.control.acme.work import Wanted, Work
from harness.certificates import Authority

if TYPE_CHECKING:
    from cryptography import x509

LIFE = 90 * DAY


class World:
    """An issuer that does as it is told, and a clock that goes when it is told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / "storage" / "issuer"
        self.authority = Authority()
        self.began = module.time.time()
        self.now = self.began
        self.said: list[tuple[str, str]] = []
        self.ordered: list[tuple[float, str]] = []
        self.replaced: list[str | None] = []
        self.failures: dict[str, OrderFailed] = {}
        self.down = False
        self.wished: Wish | None = None
        self.asked: list[float] = []
        self.unknown = 0
        self.at_once = 1
        """One after the other, so that their order can be told."""
        self.abandoned = False
        self.hang: dict[str, threading.Event] = {}
        """Names whose orders take until they are let."""
        monkeypatch.setattr(module.Issuer, "at", self.at)
        monkeypatch.setattr(module, "obtain", self.obtain)
        monkeypatch.setattr(module, "sign_in_or_fail", lambda *_: None)

    net = type("Net", (), {"retry_after": None})()

    def at(self, url: str, net: object) -> World:
        if self.down:
            raise IssuerUnreachable(f"{url} does not answer: refused")
        return self

    def wish(self, certificate: x509.Certificate) -> Wish | None:
        self.asked.append(self.now)
        return self.wished

    def obtain(self, issuer: World, names: list[str], prover: object, **more: Any) -> tuple[bytes, bytes]:
        self.ordered.append((self.now - self.began, names[0]))
        self.replaced.append(more["replaces"])
        if self.unknown:
            self.unknown -= 1
            raise AccountUnknown
        if names[0] in self.hang:
            assert self.hang[names[0]].wait(10)
        if failed := self.failures.get(names[0]):
            raise failed
        moved = timedelta(seconds=self.now - self.began)
        leaf = self.authority.leaf(*names, begins=moved, ends=moved + timedelta(seconds=LIFE))
        return leaf.key, leaf.pem

    def say(self, event: str, text: str, **_: object) -> None:
        self.said.append((event, text))

    def pause(self, seconds: float) -> None:
        if self.abandoned:
            raise Abandoned

    def abandon(self) -> None:
        self.abandoned = True

    def look(self, *certificates: list[str], forced: tuple[str, ...] = (), **acme: Any) -> float:
        """One look; how many seconds there is nothing more to do."""
        settings = {
            "directory": "https://issuer.example/dir", "email": None, "authorities": None, "storage": "/s",
            "challenge": "http-01", "profile": None, "renew_before_ms": None, "external_account": None, **acme,
        }  # fmt: skip
        files = [{"names": names, "file": str(self.file(names[0]))} for names in certificates]
        storage = Storage(self.folder)
        storage.prepare()
        orders: Any = {"acme": settings, "certificates": files}
        line: Any = self
        work = Work(orders, storage, line, frozenset(forced), random.Random(1), lambda: self.now, self.at_once)
        return work.do() - self.now

    def file(self, name: str) -> Path:
        return self.folder / "certificates" / f"{name}.pem"

    def run(self, seconds: float, *certificates: list[str]) -> None:
        """Looks whenever that was asked for."""
        end = self.now + seconds
        while self.now < end:
            self.now += max(1.0, self.look(*certificates))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(tmp_path, monkeypatch)


SHOP = ["shop.example"]


def test_what_is_missing_is_ordered_and_then_there_is_nothing_to_do(world: World) -> None:
    rest = world.look(SHOP, ["a.example", "b.example"])
    assert [name for _, name in world.ordered] == ["shop.example", "a.example"]
    assert rest == pytest.approx(6 * HOUR)
    world.now += rest
    world.look(SHOP, ["a.example", "b.example"])
    assert len(world.ordered) == 2
    assert [event for event, _ in world.said] == ["certificate-issued"] * 2


def test_a_year_of_renewals(world: World) -> None:
    world.run(365 * DAY, SHOP)
    moments = [moment / DAY for moment, _ in world.ordered]
    assert len(moments) == 7
    assert all(59 <= later - earlier <= 60.5 for earlier, later in itertools.pairwise(moments))
    assert world.replaced == [None] * 7, "an issuer that says nothing of renewal is not told what is replaced"


def test_the_issuers_wish_is_followed_once_and_it_is_told_what_is_replaced(world: World) -> None:
    world.look(SHOP)
    start = world.now + 10 * DAY
    world.wished = Wish(Window(start, start + DAY), "https://issuer.example/why", HOUR)
    world.now += 7 * HOUR
    assert world.look(SHOP) == pytest.approx(HOUR)
    chosen = record_of(world.file("shop.example")).renew_at
    assert chosen is not None
    assert start <= chosen <= start + DAY
    world.now += HOUR
    world.look(SHOP)
    assert record_of(world.file("shop.example")).renew_at == chosen, "chance is asked once for each window"
    world.now = chosen + 1
    world.wished = None
    world.look(SHOP)
    assert len(world.ordered) == 2
    assert world.replaced[1] is not None


def test_an_issuer_is_not_asked_of_what_has_expired(world: World) -> None:
    world.look(SHOP)
    world.asked.clear()
    world.now += 100 * DAY
    world.failures["shop.example"] = OrderFailed("no")
    world.look(SHOP)
    assert world.asked == []
    assert any("HAS EXPIRED" in text for _, text in world.said)


def test_one_that_always_fails_is_tried_seldom_and_keeps_no_other_waiting(world: World) -> None:
    world.failures["bad.example"] = OrderFailed("bad.example was not proved by http-01: dns: none")
    world.run(DAY, ["bad.example"], SHOP)
    bad = [moment for moment, name in world.ordered if name == "bad.example"]
    assert 6 <= len(bad) <= 12
    assert sum(each < HOUR for each in bad) <= 4
    assert [name for _, name in world.ordered].count("shop.example") == 1


@pytest.fixture
def few_retries(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Names of which more fail than may be tried again."""
    monkeypatch.setattr(schedule, "MOST_RETRIES", 10)
    monkeypatch.setattr(schedule, "MOST_OFTEN", 5)
    return [[f"bad-{number}.example"] for number in range(20)]


def test_many_that_fail_are_bounded_together_and_keep_no_other_waiting(
    world: World, few_retries: list[list[str]]
) -> None:
    world.failures = {each[0]: OrderFailed("no") for each in few_retries}
    world.look(*few_retries, SHOP)
    assert "shop.example" in [name for _, name in world.ordered], "at once"
    world.run(4 * HOUR, *few_retries, SHOP)
    again = [moment for moment, _ in world.ordered if moment > 0]
    assert all(sum(first <= each < first + HOUR for each in again) <= 10 for first in again)
    assert len(again) >= 15
    world.look(*few_retries, SHOP, ["new.example"])
    assert "new.example" in [name for _, name in world.ordered], "what is new waits for none of them"


def test_what_is_mended_soon_goes_before_what_always_fails(world: World, few_retries: list[list[str]]) -> None:
    world.failures = {each[0]: OrderFailed("no") for each in few_retries}
    world.run(12 * HOUR, *few_retries)
    assert all(record_of(world.file(each[0])).failures >= schedule.OFTEN for each in few_retries)
    world.failures["shop.example"] = OrderFailed("not yet")
    world.look(*few_retries, SHOP)
    del world.failures["shop.example"]
    began = world.now
    world.run(HOUR, *few_retries, SHOP)
    came = next(moment for moment, name in reversed(world.ordered) if name == "shop.example")
    assert came + world.began - began <= 6 * MINUTE
    assert record_of(world.file("shop.example")).error == ""


def test_an_order_that_takes_long_keeps_no_other_waiting(world: World) -> None:
    world.at_once = 4
    slow = [[f"slow-{number}.example"] for number in range(3)]
    let = threading.Event()
    world.hang = {each[0]: let for each in slow}

    def said(event: str, text: str, **_: object) -> None:
        # The slow ones are let once all others are there.
        world.said.append((event, text))
        if sum(event == "certificate-issued" for event, _ in world.said) == 20:
            let.set()

    world.say = said  # type: ignore[method-assign]
    world.look(*slow, *([f"good-{number}.example"] for number in range(20)))
    assert len([event for event, _ in world.said if event == "certificate-issued"]) == 23


def test_certificates_with_a_name_in_common_are_ordered_one_after_the_other() -> None:
    def wanted(*names: str) -> Wanted:
        return Wanted(list(names), Path("x"), None, Record())

    found = chains([wanted("a", "b"), wanted("c"), wanted("b", "d"), wanted("e"), wanted("c", "d")])
    assert [[each.names for each in chain] for chain in found] == [
        [["a", "b"], ["c"], ["b", "d"], ["c", "d"]],
        [["e"]],
    ]


def test_what_ends_an_order_ends_those_that_have_not_begun(world: World) -> None:
    class Left(BaseException):
        pass

    world.failures["shop.example"] = Left()  # type: ignore[assignment]
    with pytest.raises(Left):
        world.look(SHOP, ["a.example"], ["b.example"])
    assert world.abandoned
    assert world.ordered[0][1] == "shop.example"


def test_what_works_stays_while_its_renewal_fails_and_that_is_said_aloud(world: World) -> None:
    world.look(SHOP)
    before = world.file("shop.example").read_bytes()
    world.failures["shop.example"] = OrderFailed("rateLimited: too many", 2 * HOUR)
    world.now += 80 * DAY
    assert world.look(SHOP) == pytest.approx(2 * HOUR)
    assert world.file("shop.example").read_bytes() == before
    events = dict(world.said)
    assert (
        "rateLimited: too many; the one that is there is good for another 9 days; again in 2 h"
        in events["certificate-failed"]
    )
    assert "RENEWAL FAILS" in events["certificate-expires"]
    del world.failures["shop.example"]
    world.now += 2 * HOUR + 1
    world.look(SHOP)
    assert world.file("shop.example").read_bytes() != before
    assert record_of(world.file("shop.example")).error == ""


def test_other_settings_are_tried_at_once(world: World) -> None:
    world.failures["shop.example"] = OrderFailed("no")
    world.look(SHOP)
    world.now += MINUTE
    world.look(SHOP)
    assert len(world.ordered) == 1
    world.look(SHOP, challenge="tls-alpn-01")
    assert len(world.ordered) == 2
    world.look(SHOP, challenge="tls-alpn-01")
    assert len(world.ordered) == 2


def test_an_issuer_that_is_down_is_left_alone_for_all(world: World) -> None:
    world.down = True
    assert 5 * MINUTE <= world.look(SHOP, ["a.example"]) <= 5.5 * MINUTE
    assert 0 < world.look(SHOP, ["a.example"]) <= 5.5 * MINUTE
    assert len(world.said) == 1
    assert world.ordered == []
    world.now += 6 * MINUTE
    assert world.look(SHOP) >= 10 * MINUTE
    world.down = False
    world.look(SHOP, forced=("shop.example",))
    assert len(world.ordered) == 1
    assert Storage(world.folder).issuer().unreachable == 0


def test_what_somebody_wants_now_is_ordered_whatever_is_due(world: World) -> None:
    world.look(SHOP, ["a.example"])
    world.look(SHOP, ["a.example"], forced=("shop.example",))
    assert [name for _, name in world.ordered] == ["shop.example", "a.example", "shop.example"]


def test_names_that_change_are_ordered_anew_into_the_same_file(world: World) -> None:
    world.look(SHOP)
    world.look([*SHOP, "www.shop.example"])
    assert len(world.ordered) == 2
    world.look(SHOP)
    assert len(world.ordered) == 3


def test_an_account_that_nobody_knows_is_made_anew_once(world: World) -> None:
    world.unknown = 1
    storage = Storage(world.folder)
    storage.prepare()
    storage.save_account(Account("https://issuer.example/1"))
    world.look(SHOP)
    assert len(world.ordered) == 2
    assert not storage.account().is_there
    world.unknown = 5
    world.look(SHOP, forced=("shop.example",))
    assert "does not know the account" in record_of(world.file("shop.example")).error


def test_a_file_that_is_broken_is_ordered_anew(world: World) -> None:
    world.look(SHOP)
    world.file("shop.example").write_text("rubbish")
    world.look(SHOP)
    assert len(world.ordered) == 2
