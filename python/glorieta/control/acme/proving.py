"""How a name is proved: what is put where an issuer looks, and taken away again (RFC 8555 §8, RFC 8737)."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ...plan.certificates.names import is_address
from .account import new_key
from .dns import run_command
from .issuer import unpadded
from .problems import OrderFailed

if TYPE_CHECKING:
    from ...plan.model.acme import Challenge, DnsCommand
    from .line import Line

ACME_IDENTIFIER = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.31")
"""`id-pe-acmeIdentifier` (RFC 8737 §3)."""
OCTET_STRING_32 = b"\x04\x20"
LIFE = timedelta(days=1)
ONE_PROGRAM = threading.RLock()
"""The user's program that writes records runs once at a time: it may read a zone, change it and write it back."""


class Prover(Protocol):
    """One kind of challenge."""

    kind: str
    line: Line

    def proving(self, name: str, token: str, authorization: str) -> AbstractContextManager[None]:
        """A context within which the issuer finds what proves a name. `authorization`: token and account key."""

    def settle(self) -> None:
        """Waits until issuers can see all of it."""


def prover_of(challenge: Challenge, line: Line) -> Prover:
    if challenge == "http-01":
        return HttpProver(line)
    if challenge == "tls-alpn-01":
        return TlsAlpnProver(line)
    assert isinstance(challenge, dict)
    return DnsProver(challenge["dns-01"], line)


class HttpProver:
    """A page, served by the engine."""

    kind = "http-01"

    def __init__(self, line: Line) -> None:
        self.line = line

    @contextmanager
    def proving(self, name: str, token: str, authorization: str) -> Iterator[None]:
        self.line.ask({"do": "put", "kind": self.kind, "name": token, "answer": authorization})
        try:
            yield
        finally:
            self.line.tell({"do": "remove", "kind": self.kind, "name": token})

    def settle(self) -> None:
        """The engine serves it as soon as it has answered."""


class TlsAlpnProver:
    """A certificate, shown by the engine."""

    kind = "tls-alpn-01"

    def __init__(self, line: Line) -> None:
        self.line = line

    @contextmanager
    def proving(self, name: str, token: str, authorization: str) -> Iterator[None]:
        certificate, key = convincing(name, authorization)
        shown = {"answer": base64.b64encode(certificate).decode(), "key": base64.b64encode(key).decode()}
        asked_for = server_name(name)
        self.line.ask({"do": "put", "kind": self.kind, "name": asked_for, **shown})
        try:
            yield
        finally:
            self.line.tell({"do": "remove", "kind": self.kind, "name": asked_for})

    def settle(self) -> None:
        """As with pages."""


class DnsProver:
    """A record, written by a program of the user's."""

    kind = "dns-01"

    def __init__(self, settings: DnsCommand, line: Line) -> None:
        self.settings = settings
        self.line = line

    @contextmanager
    def proving(self, name: str, token: str, authorization: str) -> Iterator[None]:
        value = unpadded(hashlib.sha256(authorization.encode()).digest())
        with ONE_PROGRAM:
            # Whoever has waited for its turn until nobody wants it any more has nothing to clean up.
            self.line.pause(0)
            try:
                run_command(self.settings, "present", name, value, self.line)
            except BaseException:
                # It may have done half of its work.
                self.clean_up(name, value)
                raise
        try:
            yield
        finally:
            self.clean_up(name, value)

    def clean_up(self, name: str, value: str) -> None:
        """What is left in DNS does no harm: the order goes on."""
        try:
            with ONE_PROGRAM:
                run_command(self.settings, "cleanup", name, value)
        except OrderFailed as failed:
            self.line.say("certificate-cleanup", f"a record stays in DNS: {failed}", name=name, why=str(failed))

    def settle(self) -> None:
        self.line.pause(self.settings["wait_ms"] / 1000)


def server_name(name: str) -> str:
    """What an issuer asks for by SNI, which has no addresses: those it asks for by their name in DNS (RFC 8738 §6)."""
    return ipaddress.ip_address(name).reverse_pointer if is_address(name) else name


def convincing(name: str, authorization: str) -> tuple[bytes, bytes]:
    """The certificate of RFC 8737 §3 and its key (PKCS #8), both DER."""
    key, now = new_key(), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME challenge")])
    builder = x509.CertificateBuilder(
        issuer_name=subject,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - LIFE,
        not_valid_after=now + LIFE,
    )
    digest = hashlib.sha256(authorization.encode()).digest()
    shown = x509.IPAddress(ipaddress.ip_address(name)) if is_address(name) else x509.DNSName(name)
    builder = builder.add_extension(x509.SubjectAlternativeName([shown]), critical=False)
    proof = x509.UnrecognizedExtension(ACME_IDENTIFIER, OCTET_STRING_32 + digest)
    certificate = builder.add_extension(proof, critical=True).sign(key, hashes.SHA256())
    pair = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.DER), pair
