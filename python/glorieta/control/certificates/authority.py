"""The authority: made when it is first needed, kept in the user's own folder, and good for ten years."""

from __future__ import annotations

import getpass
import os
import platform
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ...config.errors import Wrong
from ...plan.certificates.facts import is_pair, now
from ...plan.certificates.pem import Absent, certificates_in, key_in, read
from .writing import CERTIFICATE_MODE, KEY_MODE, write_new

LIFE = timedelta(days=3650)
BACKDATED = timedelta(hours=1)
"""Clocks of other machines, and of containers, may be behind."""
LONGEST_NAME = 64
"""RFC 5280, A.1: `ub-common-name`."""


@dataclass(frozen=True)
class Authority:
    """What signs."""

    certificate: x509.Certificate
    private_key: ec.EllipticCurvePrivateKey
    file: Path
    """Its certificate: what has to be believed."""
    is_new: bool = False


def folder() -> Path:
    """`$XDG_DATA_HOME/glorieta/authority`, by default below `~/.local/share`."""
    data = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")
    return Path(data) / "glorieta" / "authority"


def certificate_file() -> Path:
    return folder() / "ca.crt"


def the_authority() -> Authority:
    """The one that is there, or a new one. `Wrong`: what is there cannot be used."""
    where = folder()
    try:
        return known(where)
    except Absent as absent:
        if (where / "ca.key").exists() or (where / "ca.crt").exists():
            raise Wrong(absent.wrong.message, f"remove {where}, and make and trust a new one") from None
    return made(where)


def known(where: Path) -> Authority:
    file = where / "ca.crt"
    certificate, key = certificates_in(read(str(file)))[0], key_in(read(str(where / "ca.key")))
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not is_pair(certificate, key):
        raise Wrong(f"{where} holds a key that is not its certificate's", "remove both, and make and trust new ones")
    if certificate.not_valid_after_utc <= now():
        raise Wrong(f"{file} has expired", f"remove {where}, and make and trust a new one")
    return Authority(certificate, key, file)


def made(where: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name())])
    begins = now() - BACKDATED
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=begins,
        not_valid_after=begins + LIFE,
    )
    # No authorities below it.
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(signing(), critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = builder.add_extension(identifier, critical=False).sign(key, hashes.SHA256())
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_new(where / "ca.key", key_pem(key), KEY_MODE)
    write_new(where / "ca.crt", certificate.public_bytes(Encoding.PEM), CERTIFICATE_MODE)
    return Authority(certificate, key, where / "ca.crt", is_new=True)


def common_name() -> str:
    """Says in the stores of machines whose it is."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"glorieta local {user}@{platform.node()}"[:LONGEST_NAME]


def signing() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
