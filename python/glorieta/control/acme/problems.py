"""What has gone wrong with an order, in sentences for whoever runs glorieta."""

from __future__ import annotations

from collections.abc import Iterator

import requests
from acme import challenges, messages

LONGEST = 500


class OrderFailed(Exception):
    """Why there is no certificate, and when it may be tried again, if the issuer says so (seconds)."""

    def __init__(self, why: str, retry_after: float | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class IssuerUnreachable(Exception):
    """Nobody answers, or what answers is no issuer: no order can succeed now."""


class Abandoned(Exception):
    """The serving process has gone, or wants no answer any more."""


def problem_text(problem: messages.Error) -> str:
    """An issuer's problem document (RFC 8555 §6.7), such as `rateLimited: too many certificates …`."""
    kind = str(problem.typ or "about:blank").rpartition(":")[2]
    parts = [f"{kind}: {problem.detail or problem.title or 'no reason was given'}"]
    for each in problem.subproblems or ():
        about = f" ({each.identifier.value})" if each.identifier is not None else ""
        parts.append(f"{problem_text(each)}{about}")
    return shortened("; ".join(parts))


def invalid_text(authorizations: list[messages.AuthorizationResource]) -> str:
    """Why names were not proved."""
    return shortened("; ".join(dict.fromkeys(text for each in authorizations for text in challenge_texts(each))))


def challenge_texts(authorization: messages.AuthorizationResource) -> Iterator[str]:
    name = authorization.body.identifier.value
    failed = [(kind_of(each), each.error) for each in authorization.body.challenges if each.error is not None]
    for kind, error in failed:
        yield f"{name} was not proved by {kind}: {problem_text(error)}"
    if not failed:
        yield f"{name} was not proved ({authorization.body.status.name})"


def kind_of(challenge: messages.ChallengeBody) -> str:
    """`http-01` and so on, also where the library does not know it."""
    known = challenge.chall
    return str(known.jobj.get("type", "?")) if isinstance(known, challenges.UnrecognizedChallenge) else known.typ


def unreachable_text(error: requests.RequestException) -> str:
    """The innermost reason: the library's own text repeats itself."""
    reason: BaseException = error
    while isinstance(inner := inner_of(reason), BaseException):
        reason = inner
    return shortened(str(reason) or type(reason).__name__)


def inner_of(error: BaseException) -> object:
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, BaseException) else next(iter(error.args), None)


def client_text(error: Exception) -> str:
    """What the library says, as far as it says anything."""
    return shortened(str(error) or type(error).__name__)


def shortened(text: str) -> str:
    """On one line: it goes into a log. An issuer may be anybody."""
    line = " ".join(character for character in text.split())
    line = "".join(character if character.isprintable() else "?" for character in line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
