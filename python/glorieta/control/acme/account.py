"""The account with an issuer: its key is made once, and everything else follows from that."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING

from acme import errors, messages
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from .problems import OrderFailed
from .records import Account

if TYPE_CHECKING:
    from ...plan.model.acme import Acme
    from .issuer import Issuer
    from .storage import Storage


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def account_key(storage: Storage) -> ec.EllipticCurvePrivateKey:
    """The one that is there, or a new one. `OrderFailed`: what is there is none."""
    pem = storage.account_key()
    if pem is None:
        key = new_key()
        storage.save_account_key(key_pem(key))
        return key
    try:
        known = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        known = None
    if not isinstance(known, ec.EllipticCurvePrivateKey):
        file = storage.folder / "account.key"
        raise OrderFailed(f"{file} holds no key of an account; bring it back, or remove it for a new account")
    return known


def sign_in(issuer: Issuer, storage: Storage, acme: Acme) -> None:
    """Has everything that follows asked as this account, which is made where there is none."""
    known = storage.account()
    if not known.is_there:
        register(issuer, storage, acme)
        return
    issuer.net.account = messages.RegistrationResource(uri=known.uri, body=messages.Registration())
    if known.email != acme["email"]:
        change_email(issuer, storage, known, acme["email"])


def register(issuer: Issuer, storage: Storage, acme: Acme) -> None:
    """A new account; an issuer that knows the key gives the one that it has."""
    issuer.net.account = None
    binding = bound_to(issuer, acme)
    wanted = messages.NewRegistration.from_data(
        email=acme["email"], terms_of_service_agreed=True, external_account_binding=binding
    )
    try:
        uri = issuer.new_account(wanted).uri
    except errors.ConflictError as known:
        uri = known.location
    issuer.net.account = messages.RegistrationResource(uri=uri, body=messages.Registration())
    storage.save_account(Account(uri, acme["email"]))


def change_email(issuer: Issuer, storage: Storage, known: Account, email: str | None) -> None:
    contact = (f"mailto:{email}",) if email else ()
    issuer._post(known.uri, messages.UpdateRegistration(contact=contact))
    storage.save_account(Account(known.uri, email))


def bound_to(issuer: Issuer, acme: Acme) -> dict[str, object] | None:
    """The proof that an account elsewhere is ours (RFC 8555 §7.3.4)."""
    external = acme["external_account"]
    if external is None:
        if issuer.external_account_required():
            raise OrderFailed(
                "the issuer asks for an account that it has given; write external_account: {id: …, key: …}"
            )
        return None
    try:
        text = Path(external["key"]).read_text().strip()
        base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except OSError as error:
        raise OrderFailed(f"{external['key']} cannot be read: {error.strerror}") from None
    except (binascii.Error, ValueError):
        raise OrderFailed(f"{external['key']} holds no key in base64url") from None
    key = issuer.net.key
    assert key is not None
    return messages.ExternalAccountBinding.from_data(
        key.public_key(), external["id"], text.rstrip("="), issuer.directory
    )
