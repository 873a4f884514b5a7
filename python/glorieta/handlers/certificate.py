"""The certificate by which a client has proved who it is, as a handler sees it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

CertificateFacts = tuple[str, str, tuple[str, ...], str, str, int, int, bytes]
"""`(subject, issuer, names, serial, fingerprint, not_before, not_after, der)`: as the engine says it, moments in
seconds since 1970."""
TlsFacts = tuple[int, CertificateFacts | None]
"""`(version, certificate)`: the version as TLS writes it, such as 0x0304 for 1.3; none: no certificate was shown."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The end of a certificate that has none (RFC 5280 §4.1.2.5)."""


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client's certificate, verified by the listener's `tls: {clients: …}`: what the request words
    `client.certificate.*` say. No header of a client can change it."""

    subject: str = ""
    """Whose it is: `CN=billing, O=Shop`."""
    issuer: str = ""
    """Who has signed it."""
    names: tuple[str, ...] = ()
    """Its alternative names: DNS names, URIs such as `spiffe://shop/billing`, e-mail and IP addresses."""
    serial: str = ""
    """Its number with its issuer: hexadecimal digits in upper case, as `openssl x509 -serial` prints them."""
    fingerprint: str = ""
    """SHA-256 of the certificate: 64 hexadecimal digits in lower case."""
    not_before: datetime = BEGINNING
    """When it began to be valid, in UTC."""
    not_after: datetime = NO_END
    """When it ceases to be valid, in UTC."""
    der: bytes = b""
    """The certificate itself (X.509, DER)."""

    @property
    def pem(self) -> str:
        """The certificate itself in PEM form."""
        return ssl.DER_cert_to_PEM_cert(self.der)

    @classmethod
    def of(cls, facts: CertificateFacts) -> ClientCertificate:
        subject, issuer, names, serial, fingerprint, not_before, not_after, der = facts
        return cls(subject, issuer, names, serial, fingerprint, moment(not_before), moment(not_after), der)

    def facts(self) -> CertificateFacts:
        """As the engine would say it."""
        moments = int(self.not_before.timestamp()), int(self.not_after.timestamp())
        return (self.subject, self.issuer, self.names, self.serial, self.fingerprint, *moments, self.der)


def moment(seconds: int) -> datetime:
    """A moment of a certificate; Python knows none beyond the year 9999, and no certificate needs one."""
    first, last = int(BEGINNING.timestamp()), int(NO_END.timestamp())
    return datetime.fromtimestamp(min(max(seconds, first), last), UTC)
