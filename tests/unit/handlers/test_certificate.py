"""The certificate of a client, as the engine says it and as a handler sees it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from glorieta.handlers import ClientCertificate, Request, Router
from glorieta.handlers.certificate import CertificateFacts
from glorieta.testing import TestClient

FACTS: CertificateFacts = (
    "CN=billing, O=Shop",
    "CN=Shop CA",
    ("billing.internal", "spiffe://shop/billing"),
    "0A1B",
    "ab" * 32,
    1_700_000_000,
    1_800_000_000,
    b"\x30\x03\x02\x01\x00",
)
router = Router()


@router.get("/who")
async def who(request: Request) -> list[str] | None:
    shown = request.client_certificate
    return None if shown is None else [request.url.scheme, *shown.names]


def test_what_the_engine_says_is_told_by_name() -> None:
    shown = ClientCertificate.of(FACTS)
    assert (shown.subject, shown.issuer, shown.serial) == ("CN=billing, O=Shop", "CN=Shop CA", "0A1B")
    assert (shown.names, shown.fingerprint) == (("billing.internal", "spiffe://shop/billing"), "ab" * 32)
    assert shown.not_before == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert shown.pem.startswith("-----BEGIN CERTIFICATE-----\nMAMCAQA=\n")
    assert shown.facts() == FACTS


@pytest.mark.parametrize("seconds", [-(1 << 40), 0, 253_402_300_799, 1 << 40])
def test_no_moment_is_too_odd(seconds: int) -> None:
    shown = ClientCertificate.of((*FACTS[:5], seconds, seconds, b""))
    assert shown.not_before == shown.not_after
    assert 1970 <= shown.not_after.year <= 9999


def test_a_test_may_show_one() -> None:
    billing = ClientCertificate(names=("billing.internal",))
    with TestClient(router, client_certificate=billing) as client:
        assert client.get("/who").json() == ["https", "billing.internal"]
        assert client.get("/who", client_certificate=None).json() is None
    with TestClient(router) as client:
        assert client.get("/who").json() is None
        assert client.get("/who", client_certificate=ClientCertificate()).json() == ["https"]
