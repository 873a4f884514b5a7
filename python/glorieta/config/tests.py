"""Tests that a configuration brings along: requests, and what must become of each."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, create_model, model_validator

from .base import TEXT, Noun, Shorthand, as_list, checked_text, whole
from .errors import Wrong
from .match import Condition, HeaderName, KeptText, MethodText, check_method, expand_condition
from .units import SIZE, Bytes, Size
from .values import template_after

REQUEST = re.compile(r"(?:(?P<method>\S+)\s+)?(?P<url>[A-Za-z][A-Za-z0-9+.-]*://\S+)")
"""`METHOD URL`, or `tcp://HOST:PORT` or `udp://HOST:PORT`."""
PATH_ONLY = re.compile(r"[A-Z-]+\s+/\S*")
LAYER4 = ("tcp", "udp")
SCHEMES = ("http", "https", *LAYER4)


def read_request(text: str) -> tuple[str, str]:
    """Method and URL of `METHOD URL`; layer 4 has no method."""
    found = REQUEST.fullmatch(text.strip())
    if found is None:
        raise Wrong(f'"{text}" is no request', "write METHOD URL, such as GET http://shop.example/orders/7")
    scheme, method = found["url"].partition("://")[0].lower(), found["method"]
    if scheme not in SCHEMES:
        raise Wrong(
            f'"{found["url"]}" is no URL that can be asked for',
            "write http://HOST/PATH, https://HOST/PATH, tcp://HOST:PORT or udp://HOST:PORT",
        )
    if not urlsplit(found["url"]).netloc:
        raise Wrong(f'"{found["url"]}" names no host')
    if scheme in LAYER4:
        if method:
            raise Wrong(f'"{text}": layer 4 has no methods', f"write {found['url']}")
        return "", found["url"]
    if method is None:
        raise Wrong(f'"{text}" has no method', f"write GET {text}")
    return check_method(method), found["url"]


def check_request(text: str) -> str:
    read_request(text)
    return text


def is_request(key: str) -> bool:
    """Whether a test's key is its request, rather than a name."""
    return REQUEST.fullmatch(key.strip()) is not None


def check_key(key: str) -> str:
    """A request, or any text that is no half of one."""
    if is_request(key):
        return check_request(key)
    if PATH_ONLY.fullmatch(key):
        method, path = key.split()
        raise Wrong(f'"{key}" names no host', f"write {method} http://HOST{path}")
    if not key.strip():
        raise Wrong("a test needs a name", "write METHOD URL, or a name and request:")
    return key


def check_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise Wrong(f'"{text}" is no IP address', "write one such as 203.0.113.7") from None


def read_body(value: Any) -> Any:
    """A size such as `10MiB`, or the text itself, of which only the length counts."""
    is_text = isinstance(value, str) and not SIZE.fullmatch(value.strip()) and not value.strip().isdecimal()
    return Bytes(len(value.encode())) if is_text else value


def check_forwards(text: str) -> str:
    """`UPSTREAM` or `UPSTREAM /path`."""
    upstream, *path = text.split()
    if len(path) > 1 or (path and not path[0].startswith("/")):
        raise Wrong(f'"{text}" is no upstream and path', f"write {upstream} /path")
    return " ".join([upstream, *path])


def expand_expected(value: Any) -> Any:
    return {"present": False} if value is None else expand_condition(value)


Expected = Annotated[Condition, Shorthand(expand_expected, ({"type": ["string", "number", "null"]},))]
RequestText = Annotated[str, checked_text(check_request), BeforeValidator(template_after("?"))]
Forwards = Annotated[str, checked_text(check_forwards), BeforeValidator(template_after(" "))]
TestKey = Annotated[str, checked_text(check_key)]
Values = Annotated[list[KeptText], Shorthand(as_list, (TEXT,))]
Body = Annotated[Size, Shorthand(read_body, (TEXT,))]
ASKED = ("request", "headers", "from", "body", "client_certificate", "sni", "protocol", "listener")
"""What describes the request; everything else is expected of it."""


class CaseCertificate(Noun):
    """What a test's client has proved to be: what the words `client.certificate.*` say of it. It counts as good,
    whoever has signed it."""

    subject: KeptText | None = None
    """The subject, such as `CN=billing, O=Shop`."""
    issuer: KeptText | None = None
    """Who has signed it."""
    names: Values = Field(default_factory=list)
    """The alternative names: DNS names, URIs, e-mail and IP addresses."""
    serial: KeptText | None = None
    """The serial number, in hexadecimal."""
    fingerprint: KeptText | None = None
    """SHA-256 of the certificate, in hexadecimal."""


class CaseBase(Noun, defer_build=True):
    """A request and what must become of it; nothing is sent."""

    request: RequestText | None = None
    """`METHOD URL`, where the key is a name: `GET http://shop.example/orders/7`. At layer 4 `tcp://HOST:PORT`."""
    headers: dict[HeaderName, Values] = Field(default_factory=dict)
    """Headers of the request by name, each with one value or several."""
    body: Body | None = None
    """The request's body: a size such as `10MiB`, or a text, of which only the length counts."""
    client_certificate: CaseCertificate | None = None
    """What the client has proved to be, where the listener asks for certificates. Left out: it shows none; `{}`: one of
    which nothing is known."""
    sni: str | None = None
    """The name that the client asks for by TLS. Left out: the URL's host."""
    protocol: Literal["HTTP/1.0", "HTTP/1.1", "HTTP/2", "HTTP/3"] | None = None
    """The version of HTTP in which the request comes. Left out: HTTP/1.1."""
    listener: str | None = None
    """The listener that is asked. Left out: the one at the URL's port, or the only one."""
    route: str | None = None
    """Which route must take it: a route's id or name, or the name of its group."""
    forwards: Forwards | None = None
    """Where it must be forwarded to: `UPSTREAM`, or `UPSTREAM /path` with the path that the upstream gets."""
    method: MethodText | None = None
    """The method that the upstream must get."""
    sends: dict[HeaderName, Expected] = Field(default_factory=dict)
    """Headers that the upstream must get: a text, a condition, `present`, or `absent` (`null`)."""
    endpoint: str | None = None
    """The endpoint that must be chosen, as it is written; only where not chance decides."""
    status: Annotated[int, whole(100, 599)] | None = None
    """The status with which glorieta itself must answer."""
    location: KeptText | None = None
    """Where a redirect must lead."""
    reason: str | None = None
    """Glorieta's word for why it answers itself, as in the access log: `no_route`, `denied`."""
    answers: dict[HeaderName, Expected] = Field(default_factory=dict)
    """Headers that glorieta's own answer must have: as in `sends`."""

    @model_validator(mode="after")
    def expects_something(self) -> Self:
        if self.model_fields_set <= set(ASKED):
            raise Wrong("expects nothing", "say what must become of it: forwards, status, route, …")
        return self


if TYPE_CHECKING:
    Case = CaseBase
else:
    # Python has no other way to name a field `from`.
    Case = create_model(
        "Case",
        __base__=CaseBase,
        __doc__=CaseBase.__doc__,
        **{
            "from": (
                Annotated[str, checked_text(check_address)] | None,
                Field(default=None, description="The client's address. Left out: 127.0.0.1."),
            )
        },
    )
