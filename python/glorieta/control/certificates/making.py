"""What the authority signs: certificates of servers for names and addresses, and of clients."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ...config.errors import Wrong
from ...config.match import check_host
from ...plan.certificates.facts import Facts, facts_of, now
from .authority import BACKDATED, LONGEST_NAME, Authority, key_pem
from .writing import CERTIFICATE_MODE, KEY_MODE, write_new

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIFE = timedelta(days=397)
"""What browsers take at most of authorities that everybody knows."""


@dataclass(frozen=True)
class Made:
    """A certificate, and where it and its key are."""

    certificate: Path
    key: Path
    facts: Facts


def make(authority: Authority, names: Sequence[str], folder: Path, *, client: bool = False) -> Made:
    """Signs a certificate and writes it beside its key. `Wrong`: a name is none, or one of the files is there."""
    alternatives = [client_name(name) if client else server_name(name) for name in names]
    called = file_name(names[0])
    certificate, key = folder / f"{called}.crt", folder / f"{called}.key"
    for path in (key, certificate):
        if path.exists() or path.is_symlink():
            raise taken(path)
    private_key = ec.generate_private_key(ec.SECP256R1())
    signed = sign(authority, names[0], alternatives, private_key, client)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        write_new(key, key_pem(private_key), KEY_MODE)
    except FileExistsError:
        raise taken(key) from None
    try:
        write_new(certificate, signed.public_bytes(Encoding.PEM), CERTIFICATE_MODE)
    except OSError as error:
        # A key without its certificate is of no use to anybody.
        key.unlink(missing_ok=True)
        if isinstance(error, FileExistsError):
            raise taken(certificate) from None
        raise
    return Made(certificate, key, facts_of(signed))


def taken(path: Path) -> Wrong:
    return Wrong(f"{path} is there, and nothing is overwritten", "remove it and its twin, or choose another --out")


def sign(
    authority: Authority, name: str, names: list[x509.GeneralName], key: ec.EllipticCurvePrivateKey, client: bool
) -> x509.Certificate:
    begins = now() - BACKDATED
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.private_key.public_key())
    builder = x509.CertificateBuilder(
        issuer_name=authority.certificate.subject,
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:LONGEST_NAME])]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=begins,
        not_valid_after=min(begins + LIFE, authority.certificate.not_valid_after_utc),
    )
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    builder = builder.add_extension(above, critical=False)
    return builder.sign(authority.private_key, hashes.SHA256())


def server_name(text: str) -> x509.GeneralName:
    """An IP address, a name, or a wildcard for one label."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        pass
    host = check_host(text)
    if host == "*":
        raise Wrong('"*" is no name of a certificate', "write a name, or *.NAME for all directly below it")
    return x509.DNSName(host)


def client_name(text: str) -> x509.GeneralName:
    """A person's address, a URI (SPIFFE's, say), or a name."""
    if not text.isascii() or not text.isprintable() or not text.strip():
        raise Wrong(f'"{text}" is no name of a client', "write letters, digits and signs of ASCII")
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    return x509.RFC822Name(text) if "@" in text else x509.DNSName(text)


def file_name(name: str) -> str:
    """A name for files: `*.shop.example` is `_wildcard.shop.example`."""
    text = name.replace("*", "_wildcard").strip("[]")
    return "".join(each if each.isalnum() or each in "._-@" else "_" for each in text).lstrip(".") or "_"
