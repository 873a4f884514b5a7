"""Words of an issuer: nonces, patience, problems, and which certificate is meant."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from acme import messages
from cryptography import x509

from glorieta.control.acme.account import key_pem, new_key
from glorieta.control.acme.issuer import MOST_NONCES, Network, renewal_id, seconds_of, type_of
from glorieta.control.acme.order import request_for
from glorieta.control.acme.problems import problem_text, shortened, unreachable_text
from glorieta.control.acme.proving import ACME_IDENTIFIER, convincing, server_name
from harness.certificates import Authority

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Answers(Network):
    """A network that gives prepared answers and counts what was asked."""

    def __init__(self, *answers: tuple[int, dict[str, Any], dict[str, str]]) -> None:
        super().__init__(new_key(), None, "test")
        self.session = SimpleNamespace(request=self.request, close=lambda: None)  # type: ignore[assignment]
        self.answers = list(answers)
        self.asked: list[str] = []

    def request(self, method: str, url: str, **_: object) -> requests.Response:
        self.asked.append(f"{method} {url}")
        response = requests.Response()
        response.headers["Replay-Nonce"] = "bm9uY2U"
        status, document, headers = (200, {}, {}) if method == "HEAD" else self.answers.pop(0)
        response.status_code = status
        response._content = json.dumps(document).encode()
        response.headers.update(headers)
        return response


def problem(kind: str, detail: str = "why") -> dict[str, Any]:
    return {"type": f"urn:ietf:params:acme:error:{kind}", "detail": detail}


def test_the_example_of_rfc_9773() -> None:
    above = x509.AuthorityKeyIdentifier(bytes.fromhex("69885b6b87464041e1b37b847ba0ae2cde01c8d4"), None, None)
    extension = SimpleNamespace(value=above)
    certificate: Any = SimpleNamespace(
        serial_number=0x87654321, extensions=SimpleNamespace(get_extension_for_class=lambda _: extension)
    )
    assert renewal_id(certificate) == "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("120", 120.0),
        ("Thu, 01 Jan 2026 13:00:00 GMT", 3600.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_patience_in_seconds_or_until_a_date(text: str | None, expected: float | None) -> None:
    assert seconds_of(text, NOON) == expected


def test_a_refused_nonce_is_no_failure() -> None:
    bad = (400, problem("badNonce"), {})
    network = Answers(*[bad] * (MOST_NONCES - 1), (200, {"ok": True}, {}))
    answer = network.post(
        "https://issuer/order", None, new_nonce_url="https://issuer/nonce", content_type="application/json"
    )
    assert answer.json() == {"ok": True}
    assert network.asked.count("POST https://issuer/order") == MOST_NONCES


def test_an_issuer_that_refuses_every_nonce_is_not_asked_for_ever() -> None:
    network = Answers(*[(400, problem("badNonce"), {})] * 100)
    with pytest.raises(messages.Error, match="badNonce"):
        network.post("https://issuer/order", None, new_nonce_url="https://issuer/nonce")
    assert network.asked.count("POST https://issuer/order") == MOST_NONCES


def test_its_patience_is_remembered() -> None:
    network = Answers((429, problem("rateLimited", "too many certificates"), {"Retry-After": "7200"}))
    with pytest.raises(messages.Error) as refused:
        network.post("https://issuer/order", None, new_nonce_url="https://issuer/nonce")
    assert network.retry_after == 7200.0
    assert problem_text(refused.value) == "rateLimited: too many certificates"


def test_an_answer_without_end_is_refused() -> None:
    network = Answers((200, {"large": "x" * (1 << 21)}, {}))
    with pytest.raises(Exception, match="too large"):
        network.get("https://issuer/dir")


def test_problems_within_problems() -> None:
    inner = {**problem("dns", "no such name"), "identifier": {"type": "dns", "value": "a.example"}}
    text = problem_text(messages.Error.from_json({**problem("compound", "several"), "subproblems": [inner]}))
    assert text == "compound: several; dns: no such name (a.example)"


def test_what_an_issuer_says_cannot_write_into_a_terminal_or_fill_a_log() -> None:
    assert shortened("a\x1b[31m\nb\r\n\tc\u202e") == "a?[31m b c?"
    assert len(shortened("x" * 10_000)) == 500


def test_of_an_error_only_its_reason_is_told() -> None:
    error = requests.ConnectionError(OSError(111, "Connection refused"))
    assert "Connection refused" in unreachable_text(error)
    assert unreachable_text(requests.Timeout()) == "Timeout"


def test_the_certificate_that_convinces() -> None:
    der, key = convincing("shop.example", "token.thumbprint")
    certificate = x509.load_der_x509_certificate(der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["shop.example"]
    proof = certificate.extensions.get_extension_for_oid(ACME_IDENTIFIER)
    assert proof.critical
    assert proof.value.value == b"\x04\x20" + hashlib.sha256(b"token.thumbprint").digest()
    assert key[:1] == b"\x30"


@pytest.mark.parametrize(
    ("address", "asked_for"),
    [("192.0.2.1", "1.2.0.192.in-addr.arpa"), ("2001:db8::1", f"1.{'0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa")],
)
def test_addresses_are_proved_as_rfc_8738_says(address: str, asked_for: str) -> None:
    assert (server_name(address), server_name("shop.example")) == (asked_for, "shop.example")
    der, _ = convincing(address, "token.thumbprint")
    names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == [address]
    assert names.get_values_for_type(x509.DNSName) == []


def test_what_is_to_be_signed_says_names_and_addresses_each_as_what_they_are() -> None:
    request = x509.load_pem_x509_csr(request_for(key_pem(new_key()), ["shop.example", "192.0.2.1", "2001:db8::1"]))
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["shop.example"]
    assert [str(each) for each in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1", "2001:db8::1"]
    assert [str(type_of(each).name) for each in ("shop.example", "2001:db8::1")] == ["dns", "ip"]


def test_renewal_ids_of_real_certificates_differ() -> None:
    authority = Authority()
    one, other = (authority.leaf("a.example").certificate for _ in range(2))
    assert renewal_id(one).partition(".")[0] == renewal_id(other).partition(".")[0]
    assert renewal_id(one) != renewal_id(other)
