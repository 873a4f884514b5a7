"""What an ASGI application is told of its client's TLS (ASGI TLS extension 0.2)."""

from __future__ import annotations

import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..certificate import CertificateFacts, TlsFacts

REMEMBERED = 1024
"""Certificates whose forms are kept: most clients make more than one request."""


def tls_extension(tls: TlsFacts) -> dict[str, Any]:
    """What stands in `scope["extensions"]["tls"]`. The server's own certificate and the cipher suite are the engine's
    affair: their places are empty, as the extension allows."""
    version, certificate = tls
    chain, name = ((), None) if certificate is None else forms_of(certificate)
    return {
        "server_cert": None,
        "client_cert_chain": chain,
        "client_cert_name": name,
        # Nobody gets this far with a certificate that is not good.
        "client_cert_error": None,
        "tls_version": version,
        "cipher_suite": None,
    }


@lru_cache(maxsize=REMEMBERED)
def forms_of(certificate: CertificateFacts) -> tuple[tuple[str, ...], str | None]:
    """The certificate as a chain of one in PEM form, and its subject as RFC 4514 writes names."""
    subject, der = certificate[0], certificate[-1]
    if not der:
        # A test says only whose it is.
        return (), subject
    return (ssl.DER_cert_to_PEM_cert(der),), distinguished_name(der)


def distinguished_name(der: bytes) -> str | None:
    """None: it is written in a way that RFC 4514 has no form for."""
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der).subject.rfc4514_string()
    except ValueError:
        return None
