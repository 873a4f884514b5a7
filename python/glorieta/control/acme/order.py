"""One order, from its names to its certificate (RFC 8555 §7.4)."""

from __future__ import annotations

import ipaddress
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import josepy
import requests
from acme import challenges, crypto_util, errors, messages
from cryptography import x509
from josepy.b64 import b64encode

from ...plan.certificates.facts import facts_of, is_pair
from ...plan.certificates.names import is_address
from .account import key_pem, new_key
from .problems import (
    OrderFailed,
    client_text,
    invalid_text,
    kind_of,
    problem_text,
    unreachable_text,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from .issuer import Issuer
    from .line import Line
    from .proving import Prover

PATIENCE = 300.0
"""Seconds for an issuer to look at all names, and again for it to sign."""
LOOK = 1.0


class AccountUnknown(Exception):
    """The issuer does not know the account that we have with it."""


def obtain(
    issuer: Issuer, names: list[str], prover: Prover, *, profile: str | None, replaces: str | None
) -> tuple[bytes, bytes]:
    """A new key and the chain that was signed for it, both PEM. `OrderFailed`, `AccountUnknown`."""
    try:
        return obtain_now(issuer, names, prover, profile, replaces)
    except messages.Error as error:
        if error.code == "accountDoesNotExist":
            raise AccountUnknown from None
        raise OrderFailed(problem_text(error), issuer.net.retry_after) from None
    except requests.RequestException as error:
        raise OrderFailed(f"the issuer does not answer: {unreachable_text(error)}") from None
    except errors.IssuanceError as error:
        raise OrderFailed(problem_text(error.error)) from None
    except errors.TimeoutError:
        raise OrderFailed(f"the issuer has not signed within {PATIENCE:g} s") from None
    except (errors.Error, josepy.errors.Error) as error:
        raise OrderFailed(f"the issuer answers what is no answer: {client_text(error)}") from None


def obtain_now(
    issuer: Issuer, names: list[str], prover: Prover, profile: str | None, replaces: str | None
) -> tuple[bytes, bytes]:
    key = new_key()
    pem = key_pem(key)
    order = issuer.order(names, request_for(pem, names), profile, replaces)
    prove_all(issuer, order, prover)
    order = issuer.finalize_order(order, datetime.now() + timedelta(seconds=PATIENCE))
    chain = order.fullchain_pem.encode()
    check_chain(chain, key, names)
    return pem, chain


def request_for(key: bytes, names: list[str]) -> bytes:
    """What is to be signed, PEM: names and addresses are of two kinds."""
    addresses = [ipaddress.ip_address(name) for name in names if is_address(name)]
    return crypto_util.make_csr(key, [name for name in names if not is_address(name)], ipaddrs=addresses)


def prove_all(issuer: Issuer, order: Any, prover: Prover) -> None:
    """Proves every name that is not proved yet."""
    pending = [each for each in order.authorizations if each.body.status == messages.STATUS_PENDING]
    refused = [
        each
        for each in order.authorizations
        if each.body.status not in (messages.STATUS_PENDING, messages.STATUS_VALID)
    ]
    if refused:
        raise OrderFailed(invalid_text(refused))
    if not pending:
        return
    key = issuer.net.key
    assert key is not None
    thumbprint = b64encode(key.thumbprint()).decode()
    with ExitStack() as stack:
        chosen = [chosen_challenge(each, prover.kind) for each in pending]
        for authorization, challenge in zip(pending, chosen, strict=True):
            token = challenge.to_partial_json()["token"]
            name = authorization.body.identifier.value
            stack.enter_context(prover.proving(name, token, f"{token}.{thumbprint}"))
        prover.settle()
        for challenge in chosen:
            # Whatever its kind, it is answered with an empty object (RFC 8555 §7.5.1).
            issuer.answer_challenge(challenge, challenges.HTTP01Response(key_authorization=""))
        wait_until_proved(issuer, [each.uri for each in pending], prover.line)


def chosen_challenge(authorization: messages.AuthorizationResource, kind: str) -> messages.ChallengeBody:
    offered = authorization.body.challenges
    found: messages.ChallengeBody | None = next((each for each in offered if kind_of(each) == kind), None)
    if found is None:
        kinds = ", ".join(kind_of(each) for each in offered) or "nothing"
        raise OrderFailed(f"the issuer has {authorization.body.identifier.value} proved by {kinds}, not by {kind}")
    return found


def wait_until_proved(issuer: Issuer, urls: list[str], line: Line) -> None:
    until = time.monotonic() + PATIENCE
    open_urls, invalid = list(urls), []
    while open_urls:
        looked = [(url, issuer.authorization(url)) for url in open_urls]
        open_urls = [url for url, each in looked if each.body.status == messages.STATUS_PENDING]
        settled = [each for _, each in looked if each.body.status != messages.STATUS_PENDING]
        invalid += [each for each in settled if each.body.status != messages.STATUS_VALID]
        if open_urls and time.monotonic() > until:
            raise OrderFailed(f"the issuer has not looked within {PATIENCE:g} s")
        if open_urls:
            line.pause(LOOK)
    if invalid:
        raise OrderFailed(invalid_text(invalid))


def check_chain(chain: bytes, key: ec.EllipticCurvePrivateKey, names: list[str]) -> None:
    """What an issuer gives is looked at before it takes the place of anything."""
    try:
        certificate = x509.load_pem_x509_certificates(chain)[0]
    except (ValueError, IndexError):
        raise OrderFailed("what the issuer gives is no certificate") from None
    facts = facts_of(certificate)
    if not is_pair(certificate, key):
        raise OrderFailed("the issuer has signed another key than ours")
    missing = [name for name in names if name not in facts.names]
    if missing:
        raise OrderFailed(f"the issuer's certificate does not cover {', '.join(missing)}")
