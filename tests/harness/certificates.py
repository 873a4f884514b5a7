"""Certificates for tests: authorities, leaves with every fault that a certificate can have, clients, revocations.

Everything is made in memory and written where a test wants it, as PEM; keys are ECDSA P-256 unless a test asks for
another, because those are made fastest.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A certificate, its private key, and the certificates between it and its root."""

    certificate: x509.Certificate
    private_key: CertificateIssuerPrivateKeyTypes
    between: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        """The certificate, then those between it and its root."""
        return b"".join(pem_of(each) for each in (self.certificate, *self.between))

    @property
    def key(self) -> bytes:
        return self.private_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the whole certificate, in lower-case hexadecimal."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """`NAME.crt` and `NAME.key` (mode 0600)."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.pem)
        key.touch(mode=0o600)
        key.write_bytes(self.key)
        return certificate, key


class Authority:
    """Signs what a test asks for. `above`: the authority that signed this one; else it is a root."""

    def __init__(self, name: str = "Test CA", above: Authority | None = None) -> None:
        self.private_key = ec.generate_private_key(ec.SECP256R1())
        self.above = above
        self.subject = subject(name)
        issuer, signing = (above.subject, above.private_key) if above else (self.subject, self.private_key)
        builder = dated(started(self.subject, issuer, self.private_key.public_key()), -DAY, 365 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(key_usage(signs=True), critical=True)
        self.certificate = builder.sign(signing, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        return pem_of(self.certificate)

    def write(self, folder: Path, name: str = "ca") -> Path:
        """`NAME.pem`, for whoever is to believe this authority."""
        path = folder / f"{name}.pem"
        path.write_bytes(self.pem)
        return path

    def leaf(
        self,
        *names: str,
        begins: timedelta = -DAY,
        ends: timedelta = 90 * DAY,
        key: CertificateIssuerPrivateKeyTypes | None = None,
        hash_algorithm: hashes.HashAlgorithm | None = None,
    ) -> Certificate:
        """A server's certificate for DNS names and IP addresses. `begins` and `ends` count from now."""
        return self.signed(names, ExtendedKeyUsageOID.SERVER_AUTH, begins, ends, key, hash_algorithm or hashes.SHA256())

    def expired(self, *names: str) -> Certificate:
        """A server's certificate that ended three days ago."""
        return self.leaf(*names, begins=-30 * DAY, ends=-3 * DAY)

    def client(self, *names: str, begins: timedelta = -DAY, ends: timedelta = 90 * DAY) -> Certificate:
        """A client's certificate; the first name is its subject's common name."""
        return self.signed(names, ExtendedKeyUsageOID.CLIENT_AUTH, begins, ends, None, hashes.SHA256())

    def signed(
        self,
        names: tuple[str, ...],
        purpose: x509.ObjectIdentifier,
        begins: timedelta,
        ends: timedelta,
        key: CertificateIssuerPrivateKeyTypes | None,
        hash_algorithm: hashes.HashAlgorithm,
    ) -> Certificate:
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = dated(started(subject(names[0]), self.subject, key.public_key()), begins, ends)
        builder = builder.add_extension(x509.SubjectAlternativeName([general(name) for name in names]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(key_usage(signs=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.private_key.public_key()), critical=False
        )
        between = (self.certificate,) if self.above else ()
        return Certificate(builder.sign(self.private_key, hash_algorithm), key, between)

    def revocations(self, *revoked: Certificate, begins: timedelta = -DAY, ends: timedelta = 30 * DAY) -> bytes:
        """A revocation list (CRL) in PEM that names these."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.subject)
        builder = builder.last_update(now + begins).next_update(now + ends)
        builder = builder.add_extension(x509.CRLNumber(1), critical=False).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self.private_key.public_key()), critical=False
        )
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - DAY / 2).build())
        return builder.sign(self.private_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """An RSA key; less than 2048 bits are too few."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def pem_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def general(name: str) -> x509.GeneralName:
    """An IP address, an email address, a URI or a DNS name."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    return x509.RFC822Name(name) if "@" in name else x509.DNSName(name)


def started(
    subject: x509.Name, issuer: x509.Name, public_key: x509.base.CertificatePublicKeyTypes
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
    identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    return builder.serial_number(x509.random_serial_number()).add_extension(identifier, critical=False)


def dated(builder: x509.CertificateBuilder, begins: timedelta, ends: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return builder.not_valid_before(now + begins).not_valid_after(now + ends)


def key_usage(*, signs: bool) -> x509.KeyUsage:
    """What the key of an authority is for, or that of a leaf."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def put_certificates(folder: Path, text: str) -> None:
    """Writes the files that a configuration names for TLS by relative paths: one certificate for all its hosts."""
    known = Authority()
    hosts = sorted({"localhost", *re.findall(r"(?:\*\.)?[a-z0-9.-]+\.(?:example|internal)\b", text)})
    for noun in nouns_in(yaml.safe_load(text)):
        if isinstance(noun.get("key"), str) and isinstance(noun.get("certificate"), str):
            made = (
                known.client("me.internal")
                if "authorities" in noun
                else known.leaf(*own_names(noun, hosts), "127.0.0.1")
            )
            put(folder, noun["certificate"], made.pem)
            put(folder, noun["key"], made.key)
        if isinstance(noun.get("authorities"), str):
            put(folder, noun["authorities"], known.pem)
        if isinstance(noun.get("revoked"), str):
            put(folder, noun["revoked"], known.revocations())


def own_names(noun: dict[str, Any], hosts: list[str]) -> list[str]:
    """The hosts that the file's name says (`shop.crt` is for shop.example), or all."""
    stem = noun["certificate"].rpartition("/")[2].partition(".")[0]
    return [host for host in hosts if host.startswith(f"{stem}.")] or hosts


def put(folder: Path, name: str, data: bytes) -> None:
    if not name.startswith("/"):
        path = folder / name
        path.touch(mode=0o600)
        path.write_bytes(data)


def nouns_in(document: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of a document."""
    if isinstance(document, dict):
        yield document
    for each in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from nouns_in(each)
