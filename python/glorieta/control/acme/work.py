"""What one look comes to: which certificates are due, and what becomes of each."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ...engine import version
from ...plan.certificates.facts import DAY as ONE_DAY
from . import schedule
from .account import account_key, sign_in
from .at_once import MOST_AT_ONCE, order_all
from .held import Found, found_in
from .issuer import Issuer, Network, renewal_id
from .order import AccountUnknown, obtain
from .problems import IssuerUnreachable, OrderFailed
from .proving import prover_of
from .records import Account, IssuerRecord, Record
from .storage import record_of, save_certificate, save_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...plan.model.acme import Acme, OrderedCertificate, Orders
    from .line import Line
    from .storage import Storage

USER_AGENT = f"glorieta/{version()}"


@dataclass
class Wanted:
    """A certificate that is wanted, what there is of it, and what is remembered."""

    names: list[str]
    file: Path
    found: Found | None
    record: Record
    is_forced: bool = False
    """Whether somebody has asked for it now, whatever is due."""

    @property
    def held(self) -> schedule.Held | None:
        return None if self.found is None else self.found.held(self.names)

    @property
    def name(self) -> str:
        return ", ".join(self.names)

    @property
    def due(self) -> float:
        """When it is to be ordered."""
        return 0.0 if self.is_forced else schedule.due(self.held, self.record.renew_at, self.record.not_before)


@dataclass
class Work:
    """One look at all certificates of an issuer."""

    orders: Orders
    storage: Storage
    line: Line
    forced: frozenset[str] = frozenset()
    """Certificates, by their first names, that somebody wants now."""
    dice: random.Random = field(default_factory=random.SystemRandom)
    clock: Callable[[], float] = time.time
    """Seconds since 1970."""
    at_once: int = MOST_AT_ONCE
    """Orders at a time."""
    _here: threading.local = field(default_factory=threading.local)
    """Each thread speaks with the issuer by itself: the library's connections are for one at a time."""
    _turn: threading.RLock = field(default_factory=threading.RLock)
    """For what all orders share: the account, and what is remembered of the issuer."""

    @property
    def acme(self) -> Acme:
        return self.orders["acme"]

    def do(self) -> float:
        """Does what is due; the moment at which to look again."""
        remembered = self.storage.issuer()
        wanted = [self.wanted(each) for each in self.orders["certificates"]]
        if remembered.not_before > self.clock() and not self.forced:
            return remembered.not_before
        try:
            self.look(wanted, remembered)
        except IssuerUnreachable as error:
            self.unreachable(error, remembered, wanted)
            return remembered.not_before
        return self.next_look(wanted, remembered)

    def wanted(self, certificate: OrderedCertificate) -> Wanted:
        """Brings what is remembered up to date with what there is."""
        names, file = certificate["names"], Path(certificate["file"])
        found, record = found_in(file), record_of(file)
        record.about(found.facts.fingerprint if found is not None else "")
        if record.error and record.settings != self.settings(names):
            # What has failed may have been mended: it is tried once, without having to wait.
            record.not_before = 0.0
        wanted = Wanted(names, file, found, record, is_forced=names[0] in self.forced)
        if wanted.held is not None and record.renew_at is None:
            before = self.acme["renew_before_ms"]
            seconds = None if before is None else before / 1000
            record.renew_at = schedule.usual_renewal(wanted.held, seconds, self.dice.random())
        return wanted

    def settings(self, names: list[str]) -> str:
        return hashlib.sha256(json.dumps([names, self.acme], sort_keys=True).encode()).hexdigest()[:16]

    def look(self, wanted: list[Wanted], remembered: IssuerRecord) -> None:
        for each in wanted:
            self.ask_when(each, remembered)
        due = self.due_now(wanted, remembered)
        if due:
            # Whether there is an issuer shows before there are several that ask for it.
            self.issuer(remembered)
            order_all(due, lambda each: self.order(each, remembered), self.line, self.at_once)
        for each in wanted:
            self.remind(each)

    def due_now(self, wanted: list[Wanted], remembered: IssuerRecord) -> list[Wanted]:
        """What is to be ordered. What has failed seldom goes first, and what has never failed waits for nobody: one
        that fails again and again must not keep others waiting."""
        now = self.clock()
        retries = len(schedule.recent(remembered.retries, now))
        found = []
        for each in sorted(wanted, key=lambda each: (each.record.failures, each.due)):
            if each.due > now:
                continue
            if not each.is_forced and not schedule.has_room(retries, each.record.failures):
                continue
            retries += each.record.failures > 0
            found.append(each)
        return found

    def ask_when(self, wanted: Wanted, remembered: IssuerRecord) -> None:
        """Asks the issuer when it would like a certificate renewed."""
        found, held, record, now = wanted.found, wanted.held, wanted.record, self.clock()
        if found is None or held is None or record.ask_at > now or held.ends <= now:
            return
        try:
            wish = self.issuer(remembered).wish(found.certificate)
        except OrderFailed as failed:
            self.line.say(
                "certificate-renewal-unknown", f"{wanted.name}: {failed}", names=wanted.names, why=str(failed)
            )
            wish = None
        record.ask_at = schedule.next_ask(now, wish.retry_after if wish is not None else None)
        if wish is not None and wish.window.is_sane:
            window = [wish.window.start, wish.window.end]
            if window != record.window:
                # Chosen once for each window: asked again and again, chance would always find an early moment.
                record.renew_at = schedule.asked_renewal(held, wish.window, self.dice.random())
            record.window, record.explanation = window, wish.explanation
        save_record(wanted.file, record)

    def issuer(self, remembered: IssuerRecord) -> Issuer:
        """The issuer, spoken with when first needed. `IssuerUnreachable`, `OrderFailed`."""
        known: Issuer | None = getattr(self._here, "issuer", None)
        if known is not None:
            return known
        with self._turn:
            net = Network(account_key(self.storage), self.acme["authorities"], USER_AGENT)
        self._here.issuer = issuer = Issuer.at(self.acme["directory"], net)
        with self._turn:
            if remembered.unreachable or remembered.error:
                remembered.unreachable, remembered.not_before, remembered.error = 0, 0.0, ""
                self.storage.save_issuer(remembered)
        return issuer

    def order(self, wanted: Wanted, remembered: IssuerRecord) -> None:
        began = self.clock()
        record = wanted.record
        try:
            key, chain = self.obtain(wanted, remembered)
        except OrderFailed as failed:
            self.failed(wanted, remembered, failed)
            return
        save_certificate(wanted.file, key, chain)
        wanted.is_forced = False
        record.succeeded()
        record.names = wanted.names
        save_record(wanted.file, record)
        fresh = self.wanted({"names": wanted.names, "file": str(wanted.file)})
        wanted.found, wanted.record = fresh.found, fresh.record
        self.ask_when(wanted, remembered)
        save_record(wanted.file, wanted.record)
        assert wanted.found is not None
        ends = wanted.found.facts.ends
        text = f"{wanted.name}: the certificate has come, good until {ends:%Y-%m-%d %H:%M} UTC"
        seconds = round(self.clock() - began, 3)
        self.line.say("certificate-issued", text, names=wanted.names, ends=ends.isoformat(), seconds=seconds)

    def obtain(self, wanted: Wanted, remembered: IssuerRecord) -> tuple[bytes, bytes]:
        issuer = self.issuer(remembered)
        issuer.net.retry_after = None
        known = wanted.found if wanted.record.window is not None else None
        replaces = renewal_id(known.certificate) if known is not None else None
        for _ in range(2):
            with self._turn:
                sign_in_or_fail(issuer, self.storage, self.acme)
                known_as = self.storage.account()
            prover = prover_of(self.acme["challenge"], self.line)
            try:
                return obtain(issuer, wanted.names, prover, profile=self.acme["profile"], replaces=replaces)
            except AccountUnknown:
                with self._turn:
                    # Another order may have made a new one meanwhile.
                    if self.storage.account() == known_as:
                        self.storage.save_account(Account())
        raise OrderFailed("the issuer does not know the account that it has just made")

    def failed(self, wanted: Wanted, remembered: IssuerRecord, failed: OrderFailed) -> None:
        record, now = wanted.record, self.clock()
        record.failures += 1
        record.names, record.settings = wanted.names, self.settings(wanted.names)
        record.failed_at, record.error = now, str(failed)
        record.not_before = schedule.after_failure(now, record.failures, failed.retry_after, self.dice.random())
        wanted.is_forced = False
        save_record(wanted.file, record)
        if record.failures > 1:
            with self._turn:
                remembered.failed_again(now, schedule.HOUR)
                self.storage.save_issuer(remembered)
        again = duration(record.not_before - now)
        text = f"{wanted.name}: no certificate: {failed}; {lives(wanted, now)}; again in {again}"
        facts = {"names": wanted.names, "why": str(failed), "failures": record.failures, "again": record.not_before}
        self.line.say("certificate-failed", text, **facts)

    def unreachable(self, error: IssuerUnreachable, remembered: IssuerRecord, wanted: list[Wanted]) -> None:
        """Nobody is asked again for a while, and what is there stays."""
        now = self.clock()
        remembered.unreachable += 1
        remembered.error = str(error)
        remembered.not_before = schedule.after_failure(now, remembered.unreachable, None, self.dice.random())
        self.storage.save_issuer(remembered)
        waiting = [each for each in wanted if each.due <= now]
        names = "; ".join(f"{each.name}: {lives(each, now)}" for each in waiting) or "nothing is due"
        text = f"no certificates can be ordered: {error}; {names}; again in {duration(remembered.not_before - now)}"
        self.line.say("certificate-failed", text, names=[], why=str(error), again=remembered.not_before)

    def remind(self, wanted: Wanted) -> None:
        """Of a certificate that should have been renewed long ago."""
        held, now = wanted.held, self.clock()
        if held is not None and wanted.record.error and held.expires_soon(now):
            ends = wanted.found.facts.ends.isoformat() if wanted.found is not None else ""
            text = f"{wanted.name}: RENEWAL FAILS: {lives(wanted, now)}; {wanted.record.error}"
            self.line.say("certificate-expires", text, names=wanted.names, ends=ends, why=wanted.record.error)

    def next_look(self, wanted: list[Wanted], remembered: IssuerRecord) -> float:
        now = self.clock()
        retries = remembered.retries
        moments = [max(each.due, schedule.allowed(retries, now, each.record.failures)) for each in wanted]
        moments += [each.record.ask_at for each in wanted if each.held is not None and each.held.ends > now]
        return min(moments)


def sign_in_or_fail(issuer: Issuer, storage: Storage, acme: Acme) -> None:
    """`OrderFailed`: the issuer wants no account of ours."""
    import josepy
    import requests
    from acme import errors, messages

    from .problems import client_text, problem_text, unreachable_text

    try:
        sign_in(issuer, storage, acme)
    except messages.Error as error:
        raise OrderFailed(f"no account: {problem_text(error)}", issuer.net.retry_after) from None
    except requests.RequestException as error:
        raise IssuerUnreachable(f"the issuer does not answer: {unreachable_text(error)}") from None
    except (errors.Error, josepy.errors.Error) as error:
        raise OrderFailed(f"no account: {client_text(error)}") from None


def lives(wanted: Wanted, now: float) -> str:
    """How long what is there is good for."""
    if wanted.found is None:
        return "none is there"
    left = wanted.found.facts.ends - datetime.fromtimestamp(now, UTC)
    if left.total_seconds() <= 0:
        return "the one that is there HAS EXPIRED"
    days = left // ONE_DAY
    return f"the one that is there is good for another {f'{days} days' if days > 1 else duration(left.total_seconds())}"


def duration(seconds: float) -> str:
    """Roughly, for a person."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
