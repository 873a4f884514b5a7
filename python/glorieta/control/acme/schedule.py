"""When what is due: pure decisions, with the time (seconds since 1970) and chance (0 to 1) as arguments.

A certificate is renewed when the issuer says so (RFC 9773), or once two thirds of its life are over. After a failure
the next try waits twice as long, and all that are tried again are bounded together: an issuer is never hammered. What
has not failed waits for nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

USUAL_SHARE = 2 / 3
"""Of its life, after which a certificate is renewed where nobody says when (as Let's Encrypt advises)."""
LEAST_SHARE = 1 / 2
"""Never sooner: a `renew_before` that is longer than a life would order without end."""
LATEST_SHARE = 19 / 20
"""Never later, whatever an issuer says: an error of its must not let a certificate expire."""
SPREAD_SHARE = 1 / 30
"""Of its life, by which a renewal may come earlier, so that many certificates do not come at once."""

FIRST_PAUSE, LONGEST_PAUSE = 5 * MINUTE, 6 * HOUR
"""After the first failure, and after many. Let's Encrypt allows five failures per name and hour."""
PAUSE_SPREAD = 0.1
LONGEST_WISH = DAY
"""The longest that an issuer's `Retry-After` is listened to."""
MOST_RETRIES = 60
"""Per hour, of all certificates of an issuer that have failed before. Let's Encrypt allows 300 orders in three hours:
what has not failed always has room left."""
OFTEN, MOST_OFTEN = 3, 30
"""So many failures in a row are often, and so many of the retries are for those: whatever is mended soon after it has
failed finds room among them."""

USUAL_ASK, SHORTEST_ASK = 6 * HOUR, 5 * MINUTE
"""How often an issuer is asked when to renew: where it does not say how often, and at most (RFC 9773 §4.3.2)."""
EXPIRES_SOON = 1 / 6
"""Of its life: a certificate that has less left is spoken of aloud."""


@dataclass(frozen=True)
class Held:
    """A certificate that is there."""

    begins: float
    ends: float
    is_complete: bool = True
    """Whether it covers all names that are wanted, and no others."""

    @property
    def life(self) -> float:
        return self.ends - self.begins

    def expires_soon(self, now: float) -> bool:
        return self.ends - now < self.life * EXPIRES_SOON


@dataclass(frozen=True)
class Window:
    """When the issuer would like a certificate renewed (RFC 9773 §4.2)."""

    start: float
    end: float

    @property
    def is_sane(self) -> bool:
        return self.start < self.end


def usual_renewal(held: Held, renew_before: float | None, chance: float) -> float:
    """When a certificate is renewed of which the issuer says nothing. `renew_before`: seconds before its end."""
    wanted = held.begins + held.life * USUAL_SHARE if renew_before is None else held.ends - renew_before
    spread = chance * min(held.life * SPREAD_SHARE, DAY)
    return bounded(held, wanted - spread)


def asked_renewal(held: Held, window: Window, chance: float) -> float:
    """When a certificate is renewed of which the issuer says when: some moment within."""
    return min(window.start + chance * (window.end - window.start), latest(held))


def bounded(held: Held, moment: float) -> float:
    return min(max(moment, held.begins + held.life * LEAST_SHARE), latest(held))


def latest(held: Held) -> float:
    return held.begins + held.life * LATEST_SHARE


def next_ask(now: float, retry_after: float | None) -> float:
    """When the issuer is asked again when to renew. `retry_after`: in so many seconds, as it says."""
    return now + min(max(retry_after if retry_after is not None else USUAL_ASK, SHORTEST_ASK), DAY)


def pause(failures: int, chance: float) -> float:
    """Seconds to wait after so many failures in a row."""
    if failures == 0:
        return 0.0
    doubled: float = FIRST_PAUSE * 2.0 ** min(failures - 1, 20)
    return float(min(doubled, LONGEST_PAUSE) * (1 + PAUSE_SPREAD * chance))


def after_failure(now: float, failures: int, retry_after: float | None, chance: float) -> float:
    """When it may be tried again: not before the issuer says so."""
    wished = min(retry_after, LONGEST_WISH) if retry_after is not None else 0.0
    return now + max(pause(failures, chance), wished)


def due(held: Held | None, renew_at: float | None, not_before: float) -> float:
    """When a certificate is to be ordered. `not_before`: what a failure has left of patience."""
    wanted = 0.0 if held is None or not held.is_complete or renew_at is None else renew_at
    return max(wanted, not_before)


def most_retries(failures: int) -> int:
    """How many of an hour's retries may come before one that has failed so often in a row."""
    return MOST_RETRIES if failures < OFTEN else MOST_OFTEN


def has_room(retries: int, failures: int) -> bool:
    """Whether one that has failed so often may be tried again. `retries`: tries of such in the last hour."""
    return failures == 0 or retries < most_retries(failures)


def recent(retries: Sequence[float], now: float) -> list[float]:
    """Those of the last hour, in order."""
    return sorted(moment for moment in retries if moment > now - HOUR)


def allowed(retries: Sequence[float], now: float, failures: int) -> float:
    """When one that has failed so often in a row may be tried again. `retries`: when such tries have failed."""
    known = recent(retries, now)
    if has_room(len(known), failures):
        return now
    return known[-most_retries(failures)] + HOUR
