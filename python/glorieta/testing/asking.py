"""Requests as a test writes them; the parameters are httpx's."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http.cookies import SimpleCookie
from pathlib import PurePath
from typing import IO, Any
from urllib.parse import quote, urlencode

from ..handlers.certificate import ClientCertificate
from ..handlers.encoding import encode_json
from ..handlers.live.durations import Duration, seconds
from ..handlers.live.targets import query_of
from ..handlers.transport import Fields, Start

HeaderValues = Mapping[str, str] | Iterable[tuple[str, str]]
Content = bytes | str | IO[bytes] | IO[str]
File = Content | tuple[str | None, Content] | tuple[str | None, Content, str]
"""Its content; or its name and content; or these and its media type. Without a name (none) it is a field."""
HOST = "testserver"
TLS_1_3 = 0x0304
PATH = "/:@!$&'()*+,;=~%"


@dataclass(slots=True)
class Asked:
    """A request of a test, before it is known which route takes it."""

    method: str
    path: str
    query: str
    headers: Fields
    pieces: list[bytes]
    streamed: bool
    """Whether its body comes in pieces."""
    timeout: float | None
    client_certificate: ClientCertificate | None
    """None: it comes in clear."""

    def start(self, route: int, parameters: Fields, request_id: str) -> Start:
        shown = self.client_certificate
        return Start(
            route=route,
            method=self.method,
            path=self.path,
            query=self.query,
            protocol="http/1.1",
            scheme="http" if shown is None else "https",
            client="192.0.2.1",
            request_id=request_id,
            parameters=parameters,
            headers=self.headers,
            body=None if self.streamed else b"".join(self.pieces),
            tls=None if shown is None else (TLS_1_3, shown.facts()),
        )


def asked(
    method: str,
    url: str,
    *,
    params: Any = None,
    headers: HeaderValues | None = None,
    cookies: Mapping[str, str] | None = None,
    json: Any = None,
    data: Mapping[str, Any] | None = None,
    files: Mapping[str, File | list[File]] | Iterable[tuple[str, File]] | None = None,
    content: bytes | str | Iterable[bytes] | None = None,
    client_certificate: ClientCertificate | None = None,
    deadline: Duration | None = None,
    timeout: Any = None,
) -> Asked:
    """`url` is a path, with or without a query. `content` may be several pieces. `client_certificate`: the request
    comes by TLS, and its client has proved to be whose this is. `deadline` is the route's. `timeout` is taken, since
    tests for httpx have it, and means nothing: on a fake clock nobody waits."""
    path, _, query = url.partition("?")
    more = query_text(params) if params else ""
    kind, pieces, streamed = body_of(json, data, files, content)
    fields = fields_of(headers)
    names = {name for name, _ in fields}
    fields += [("host", HOST)] if "host" not in names else []
    fields += [("content-type", kind)] if kind and "content-type" not in names else []
    if pieces and not streamed and "content-length" not in names:
        fields.append(("content-length", str(sum(map(len, pieces)))))
    if cookies:
        fields.append(("cookie", "; ".join(f"{name}={value}" for name, value in cookies.items())))
    return Asked(
        method.upper(),
        quote(path, safe=PATH),
        "&".join(part for part in (quote(query, safe=PATH + "?"), more) if part),
        fields,
        pieces,
        streamed,
        None if deadline is None else seconds(deadline),
        client_certificate,
    )


def fields_of(headers: HeaderValues | None) -> Fields:
    """Header fields in order, several of one name as well."""
    given = headers.items() if isinstance(headers, Mapping) else headers or ()
    return [(name.lower(), value) for name, value in given]


def with_defaults(headers: HeaderValues | None, defaults: Fields) -> Fields:
    """A request's own header fields, and those defaults that it says nothing of."""
    own = fields_of(headers)
    names = {name for name, _ in own}
    return [*(field for field in defaults if field[0] not in names), *own]


def query_text(params: Any) -> str:
    """A query from values by name, or from text that is one already."""
    if isinstance(params, bytes):
        params = params.decode("ascii")
    return quote(params, safe=PATH + "?") if isinstance(params, str) else query_of(params)


def body_of(json: Any, data: Any, files: Any, content: Any) -> tuple[str | None, list[bytes], bool]:
    """The media type, the pieces of the body, and whether they come one by one."""
    if files is not None:
        return multipart(data or {}, files)
    if json is not None:
        return "application/json", [encode_json(json)], False
    if data is not None:
        return "application/x-www-form-urlencoded", [urlencode(data, doseq=True).encode()], False
    if content is None:
        return None, [], False
    if isinstance(content, str):
        return "text/plain; charset=utf-8", [content.encode()], False
    if isinstance(content, bytes):
        return None, [content], False
    return None, list(content), True


def multipart(data: Mapping[str, Any], files: Any) -> tuple[str, list[bytes], bool]:
    """A form with files (RFC 7578)."""
    boundary = secrets.token_hex(16)
    parts: list[tuple[str, str | None, bytes]] = []
    for name, value in data.items():
        for one in value if isinstance(value, list | tuple) else [value]:
            parts.append((f'form-data; name="{name}"', None, str(one).encode()))
    for name, given in files.items() if isinstance(files, Mapping) else files:
        for file in given if isinstance(given, list) else [given]:
            filename, whole, media_type = file_of(file)
            called = "" if filename is None else f'; filename="{filename}"'
            parts.append((f'form-data; name="{name}"{called}', media_type, whole))
    body = b""
    for disposition, kind, content in parts:
        head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n"
        head += f"Content-Type: {kind}\r\n" if kind else ""
        body += head.encode() + b"\r\n" + content + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", [body + f"--{boundary}--\r\n".encode()], False


def file_of(file: Any) -> tuple[str | None, bytes, str | None]:
    """A file's name, content and media type; it is a field where it has no name."""
    name, content, *kind = file if isinstance(file, tuple) else (name_of(file), file)
    whole = content.read() if hasattr(content, "read") else content
    media_type = kind[0] if kind else None if name is None else "application/octet-stream"
    return name, whole.encode() if isinstance(whole, str) else whole, media_type


def name_of(content: Any) -> str:
    """The name of a file on disk, as httpx tells it."""
    name = getattr(content, "name", None)
    return PurePath(name).name if isinstance(name, str) else "upload"


class Cookies(dict[str, str]):
    """What a client keeps, by name; whose they are does not matter, since it asks one router."""

    def set(self, name: str, value: str) -> None:
        """As in httpx."""
        self[name] = value


def cookies_of(headers: Fields) -> dict[str, str]:
    """Cookies that an answer sets; a removed one is empty."""
    jar: SimpleCookie = SimpleCookie()
    found = {}
    for name, value in headers:
        if name == "set-cookie":
            jar.load(value)
    for name, morsel in jar.items():
        found[name] = "" if morsel["max-age"] == "0" else morsel.value
    return found
