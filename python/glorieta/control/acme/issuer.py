"""The issuer, as this package speaks with it: by certbot's library, with more patience for nonces, and with what that
does not know of renewal (RFC 9773)."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import josepy
import requests
from acme import client, errors, messages
from cryptography import x509
from josepy.json_util import field
from josepy.jwa import ES256
from josepy.jwk import JWKEC

from ...plan.certificates.names import is_address
from .problems import IssuerUnreachable, OrderFailed, problem_text, unreachable_text
from .schedule import Window

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

MOST_NONCES = 6
"""Tries of one request whose nonce is refused (RFC 8555 §6.5: such a request is sent again with another)."""
REQUEST_SECONDS = 30
LARGEST_ANSWER = 1 << 20
BUSY = (429, 503)


class NewOrder(messages.NewOrder):
    """An order that says which certificate it takes the place of (RFC 9773 §5)."""

    replaces: str | None = field("replaces", omitempty=True)


class Wish(NamedTuple):
    """When the issuer would like a certificate renewed."""

    window: Window
    explanation: str
    retry_after: float | None
    """In so many seconds it is to be asked again."""


class Network(client.ClientNetwork):
    """Requests to the issuer, bounded in time and size."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, authorities: str | None, user_agent: str) -> None:
        jwk = JWKEC(key=key)
        # The library hands this on to `requests`, which takes a file as well.
        verify = cast("bool", authorities or True)
        super().__init__(jwk, alg=ES256, verify_ssl=verify, user_agent=user_agent, timeout=REQUEST_SECONDS)
        self.retry_after: float | None = None
        """Of the last answer that asked for patience, in seconds."""

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        for _ in range(MOST_NONCES - 1):
            try:
                return self._post_once(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return self._post_once(*args, **kwargs)

    def _send_request(self, method: str, url: str, *args: Any, **kwargs: Any) -> requests.Response:
        response = super()._send_request(method, url, *args, **kwargs)
        if response.status_code in BUSY:
            self.retry_after = seconds_of(response.headers.get("Retry-After"))
        if len(response.content) > LARGEST_ANSWER:
            raise errors.ClientError(f"the answer of {url} is too large")
        return response


class Issuer(client.ClientV2):
    """A directory, and what is asked of it."""

    net: Network

    @classmethod
    def at(cls, url: str, net: Network) -> Issuer:
        """`IssuerUnreachable`."""
        try:
            directory = client.ClientV2.get_directory(url, net)
        except requests.RequestException as error:
            raise IssuerUnreachable(f"{url} does not answer: {unreachable_text(error)}") from None
        except (errors.Error, josepy.errors.Error, ValueError) as error:
            raise IssuerUnreachable(f"{url} is no directory of an issuer: {type(error).__name__}") from None
        return cls(directory, net)

    @property
    def terms(self) -> str | None:
        """Where its terms of service are."""
        try:
            return cast("str | None", self.directory.meta.terms_of_service)
        except AttributeError:
            return None

    def order(self, names: list[str], csr_pem: bytes, profile: str | None, replaces: str | None) -> Any:
        """A new order with its authorizations. `replaces`: by its `renewal_id`, the certificate that it takes the place
        of; that is the issuer's gain, and no reason to have none if it does not know that one."""
        if replaces is not None:
            try:
                return self.order_once(names, csr_pem, profile, replaces)
            except errors.ConflictError:
                # It was replaced already, by another process or another machine.
                pass
            except messages.Error as error:
                if error.code != "malformed":
                    raise
        return self.order_once(names, csr_pem, profile, None)

    def order_once(self, names: list[str], csr_pem: bytes, profile: str | None, replaces: str | None) -> Any:
        identifiers = [messages.Identifier(typ=type_of(name), value=name) for name in names]
        wanted = NewOrder(identifiers=identifiers, profile=profile or "", replaces=replaces)
        response = self._post(self.directory["newOrder"], wanted)
        body = messages.Order.from_json(response.json())
        authorizations = [self.authorization(url) for url in body.authorizations]
        return messages.OrderResource(
            body=body, uri=response.headers.get("Location"), authorizations=authorizations, csr_pem=csr_pem
        )

    def authorization(self, url: str) -> messages.AuthorizationResource:
        return self._authzr_from_response(self._post_as_get(url), uri=url)

    def wish(self, certificate: x509.Certificate) -> Wish | None:
        """None: it says nothing of renewal. `OrderFailed`: it should, and has not."""
        try:
            base = self.directory["renewalInfo"]
        except KeyError:
            return None
        try:
            response = self.net.get(f"{base}/{renewal_id(certificate)}")
            info = messages.RenewalInfo.from_json(response.json())
            window = Window(info.suggested_window.start.timestamp(), info.suggested_window.end.timestamp())
        except requests.RequestException as error:
            raise OrderFailed(f"when to renew cannot be asked: {unreachable_text(error)}") from None
        except messages.Error as error:
            raise OrderFailed(f"when to renew is not said: {problem_text(error)}") from None
        except (errors.Error, josepy.errors.Error, ValueError, AttributeError) as error:
            raise OrderFailed(f"when to renew is not said: {type(error).__name__}") from None
        explanation = response.json().get("explanationURL")
        return Wish(
            window, explanation if isinstance(explanation, str) else "", seconds_of(response.headers.get("Retry-After"))
        )


def type_of(name: str) -> Any:
    """What is ordered for: a name, or an address (RFC 8738 §3)."""
    return messages.IDENTIFIER_IP if is_address(name) else messages.IDENTIFIER_FQDN


def renewal_id(certificate: x509.Certificate) -> str:
    """RFC 9773 §4.1: the authority's key and the serial number."""
    above = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier or b""
    number = certificate.serial_number
    # As DER writes an integer: with a zero in front where the first bit would be taken for a sign.
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return f"{unpadded(above)}.{unpadded(serial)}"


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def seconds_of(retry_after: str | None, now: datetime | None = None) -> float | None:
    """`Retry-After` (RFC 9110 §10.2.3): seconds, or a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
