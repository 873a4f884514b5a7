"""Files of PEM blocks: read within bounds, taken apart, and in words what else a file holds than it should."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ...config.errors import Wrong
from ...config.reading import shown

MOST_BYTES = 4 * 1024 * 1024
"""All authorities of a system together are a quarter of a megabyte."""
NAME_IT, NAME_KEY = "name the certificate's file", "name the private key's file"
BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s.*?-----END \1-----", re.DOTALL)
CERTIFICATE = ("CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE")
KEY = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
REVOCATIONS = ("X509 CRL",)
WORDS = {
    **dict.fromkeys(CERTIFICATE, "a certificate"),
    **dict.fromkeys(KEY, "a private key"),
    **dict.fromkeys(REVOCATIONS, "a revocation list"),
    "ENCRYPTED PRIVATE KEY": "a private key with a passphrase",
    "CERTIFICATE REQUEST": "a request for a certificate",
    "NEW CERTIFICATE REQUEST": "a request for a certificate",
    "PUBLIC KEY": "a public key",
    "OPENSSH PRIVATE KEY": "a key of OpenSSH's",
    "PGP PRIVATE KEY BLOCK": "a key of PGP's",
    "PKCS7": "a bundle of PKCS #7",
}


@dataclass(frozen=True)
class File:
    """A file that was read: its blocks by their kinds, in order."""

    name: str
    """Its path as a person at the working folder would write it."""
    mode: int
    blocks: tuple[tuple[str, bytes], ...]

    def kinds(self, wanted: tuple[str, ...]) -> list[bytes]:
        return [block for kind, block in self.blocks if kind in wanted]


class Absent(Exception):
    """A file that is not at hand: not there, or not for us to read."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.message)
        self.wrong = wrong


def read(path: str) -> File:
    """`Wrong` says what is wrong with the file, `Absent` that it is not at hand."""
    name = shown(path)
    try:
        # Opening a named pipe would wait for whoever writes it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Absent(Wrong(f"there is no file {name}")) from None
    except OSError as error:
        raise Absent(Wrong(f"{name} cannot be read: {error.strerror}", fix_of(path))) from None
    try:
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise Wrong(f"{name} is no file", "write the path of a PEM file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MOST_BYTES:
        raise Wrong(f"{name} is larger than {MOST_BYTES // 1024**2} MiB", "write the path of a PEM file")
    return File(name, stat.S_IMODE(state.st_mode), blocks_of(name, data))


def fix_of(path: str) -> str | None:
    """How a file becomes readable that is not."""
    return (
        f"let its group read it: chgrp GROUP {shown(path)} && chmod 640 {shown(path)}"
        if Path(path).parent.is_dir()
        else None
    )


def blocks_of(path: str, data: bytes) -> tuple[tuple[str, bytes], ...]:
    blocks = tuple((found[1].decode(), found[0]) for found in BLOCK.finditer(data))
    if blocks:
        return blocks
    if data[:1] == b"\x30" and len(data) > 1 and data[1] >= 0x80:
        fix = f"convert it: openssl x509 -inform der -in {path} -out {path}.pem; PKCS #12: openssl pkcs12 -in …"
        raise Wrong(f"{path} is binary (DER or PKCS #12), not PEM", fix)
    if not data.strip():
        raise Wrong(f"{path} is empty")
    raise Wrong(f"{path} is not PEM: nothing in it begins with -----BEGIN", "write the path of a PEM file")


def held(file: File) -> str:
    """In words what a file holds."""
    return " and ".join(dict.fromkeys(WORDS.get(kind, f'"{kind}"') for kind, _ in file.blocks))


def certificates_in(file: File) -> list[x509.Certificate]:
    """All certificates of a file, in order; at least one."""
    blocks = file.kinds(CERTIFICATE)
    if not blocks:
        fix = "name the certificate's file; are certificate and key swapped?" if file.kinds(KEY) else NAME_IT
        raise Wrong(f"{file.name} holds {held(file)}, and no certificate", fix)
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks]
    except ValueError as error:
        raise Wrong(f"{file.name} holds a certificate that is broken: {first_line(error)}", "get it again") from None


def key_in(file: File) -> object:
    """The first private key of a file."""
    blocks = file.kinds(KEY)
    if not blocks and file.kinds(("ENCRYPTED PRIVATE KEY",)):
        raise locked(file)
    if not blocks:
        fix = "name the key's file; are certificate and key swapped?" if file.kinds(CERTIFICATE) else NAME_KEY
        raise Wrong(f"{file.name} holds {held(file)}, and no private key", fix)
    try:
        return load_pem_private_key(blocks[0], None)
    except TypeError:
        raise locked(file) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Wrong(f"{file.name} holds a private key that is broken: {first_line(error)}", "make it again") from None


def locked(file: File) -> Wrong:
    message = f"the private key in {file.name} has a passphrase, and nobody is there to type it"
    return Wrong(message, f"take it off: openssl pkey -in {file.name} -out {file.name}.open")


def revocations_in(file: File) -> list[x509.CertificateRevocationList]:
    """All revocation lists of a file; at least one."""
    blocks = file.kinds(REVOCATIONS)
    if not blocks:
        raise Wrong(f"{file.name} holds {held(file)}, and no revocation list", "write the path of a PEM file of CRLs")
    try:
        return [x509.load_pem_x509_crl(block) for block in blocks]
    except ValueError as error:
        raise Wrong(f"{file.name} holds a revocation list that is broken: {first_line(error)}") from None


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__
