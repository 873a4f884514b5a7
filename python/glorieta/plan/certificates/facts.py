"""What there is to know of a certificate: names, dates, who signed it, and how strong it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .names import covers

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

DAY = timedelta(days=1)
SOON = 14 * DAY
"""A certificate that ends sooner should have been renewed; one that lives short, in the last third of its life."""
LEAST_RSA_BITS = 2048
CURVES = {"secp256r1": "ECDSA P-256", "secp384r1": "ECDSA P-384", "secp521r1": "ECDSA P-521"}
"""The curves that the engine signs with."""
WEAK_HASHES = (hashes.MD5, hashes.SHA1)


@dataclass(frozen=True)
class Facts:
    """One certificate."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """DNS names and IP addresses that it covers, as it says them, in small letters."""
    begins: datetime
    ends: datetime
    key: str
    """`ECDSA P-256`, `RSA 2048`, `Ed25519`; others by their own names."""
    is_weak_key: bool
    is_unknown_key: bool
    weak_hash: str | None
    """The hash of its signature, if it is one that nobody believes any more."""
    is_own_issuer: bool
    is_authority: bool
    is_for_servers: bool
    is_for_clients: bool
    fingerprint: str
    """SHA-256, hexadecimal."""

    def days_left(self, now: datetime) -> int:
        """Whole days until it ends; less than zero once it has."""
        return (self.ends - now) // DAY

    def ends_soon(self, now: datetime) -> bool:
        return self.ends - now < min(SOON, (self.ends - self.begins) / 3)

    def covers(self, host: str) -> bool:
        """Whether it is good for a host; a wildcard stands for exactly one label."""
        return any(covers(name, host) for name in self.names)


def now() -> datetime:
    return datetime.now(UTC)


def facts_of(certificate: x509.Certificate) -> Facts:
    key, weak, unknown = key_text(certificate)
    algorithm = certificate.signature_hash_algorithm
    uses = extended_uses(certificate)
    return Facts(
        subject=name_text(certificate.subject),
        issuer=name_text(certificate.issuer),
        names=names_of(certificate),
        begins=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        key=key,
        is_weak_key=weak,
        is_unknown_key=unknown,
        weak_hash=algorithm.name.upper() if isinstance(algorithm, WEAK_HASHES) else None,
        is_own_issuer=certificate.subject == certificate.issuer,
        is_authority=is_authority(certificate),
        is_for_servers=not uses or ExtendedKeyUsageOID.SERVER_AUTH in uses,
        is_for_clients=not uses or ExtendedKeyUsageOID.CLIENT_AUTH in uses,
        fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
    )


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The common name does not count: no client has looked at it for years (RFC 9525 §2)."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = [name.lower() for name in found.get_values_for_type(x509.DNSName)]
    return (*names, *map(str, found.get_values_for_type(x509.IPAddress)))


def name_text(name: x509.Name) -> str:
    """The common name, or the whole where there is none."""
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(common[0].value) if common else name.rfc4514_string()


def key_text(certificate: x509.Certificate) -> tuple[str, bool, bool]:
    """The key in words, whether it is too short, and whether the engine knows nothing of its kind."""
    try:
        key = certificate.public_key()
    except (ValueError, TypeError):
        return "unknown", False, True
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA {key.key_size}", key.key_size < LEAST_RSA_BITS, False
    if isinstance(key, ec.EllipticCurvePublicKey):
        return CURVES.get(key.curve.name, f"ECDSA {key.curve.name}"), False, key.curve.name not in CURVES
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "Ed25519", False, False
    return type(key).__name__.removesuffix("PublicKey").lstrip("_"), False, True


def extended_uses(certificate: x509.Certificate) -> set[x509.ObjectIdentifier]:
    """What it may be used for; empty: everything."""
    try:
        uses = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except (x509.ExtensionNotFound, ValueError):
        return set()
    return set() if ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in uses else uses


def is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        # What was signed before version 3 says nothing of it.
        return certificate.version == x509.Version.v1


def is_pair(certificate: x509.Certificate, key: object) -> bool:
    """Whether a private key is that of a certificate."""
    try:
        return der(certificate.public_key()) == der(key.public_key())  # type: ignore[attr-defined]
    except (ValueError, TypeError):
        return False


def der(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
