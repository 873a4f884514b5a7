"""Forms: fields and files, read within bounds."""

from __future__ import annotations

import logging
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any

from pydantic_core import core_schema

from .body import check_encoding, media_type, too_large
from .fields import Headers, Multi, WrongEncoding, parse_query
from .problems import RequestRefused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from python_multipart.multipart import MultipartCallbacks

    from .body import MediaType
    from .live.scope import CallScope
    from .request import Request

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
MOST_PARTS = 1000
"""Fields and files of a form."""
LARGEST_FIELD = 1024 * 1024
"""Bytes of a field that is no file."""
KEPT_IN_MEMORY = 256 * 1024
"""Bytes of a file that stay in memory; a larger one goes to disk."""
PARSERS_LOG = logging.getLogger("python_multipart")
if PARSERS_LOG.level == logging.NOTSET:
    # It warns of what the client is told as well; a level that somebody sets holds.
    PARSERS_LOG.setLevel(logging.CRITICAL)


class UploadFile:
    """A file of a form. It is gone when the request is over."""

    def __init__(self, file: SpooledTemporaryFile[bytes], filename: str, headers: Headers, scope: CallScope) -> None:
        self.file = file
        """The file itself, for code that reads without waiting."""
        self.filename = filename
        """As the client wrote it: not to be trusted as a path."""
        self.headers = headers
        self.size = 0
        """In bytes."""
        self.scope = scope

    @property
    def content_type(self) -> str | None:
        return self.headers.get("content-type")

    async def read(self, size: int = -1) -> bytes:
        """The next `size` bytes; -1: all that is left."""
        data: bytes = await self.wait(self.file.read, size)
        return data

    async def write(self, data: bytes) -> None:
        await self.wait(self.file.write, data)

    async def seek(self, offset: int) -> None:
        await self.wait(self.file.seek, offset)

    async def close(self) -> None:
        await self.wait(self.file.close)

    async def wait(self, function: Any, *args: Any) -> Any:
        """A disk may be slow: files that are on it are used on a thread."""
        if getattr(self.file, "_rolled", True):
            return await self.scope.run_sync(function, *args)
        return function(*args)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return core_schema.is_instance_schema(cls, cls_repr="UploadFile")

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, Any]:
        return {"type": "string", "contentMediaType": "application/octet-stream"}


class FormData(Multi["str | UploadFile"]):
    """Fields and files by name; of several with one name the last stands for it."""

    __slots__ = ()

    async def close(self) -> None:
        for _, value in self.multi_items():
            if isinstance(value, UploadFile):
                value.file.close()


async def read_form(request: Request) -> FormData:
    """The form of a request. `RequestRefused`: it has none, or a wrong one, or one beyond the bounds."""
    check_encoding(request.headers)
    kind = media_type(request.headers.get("content-type", ""))
    if kind.name == URLENCODED:
        return urlencoded(await request.body())
    if kind.name == MULTIPART:
        reading = MultipartReading(boundary_of(kind), request.call_scope)
        return await reading.read(request.stream(), request.route.limits.form)
    got = repr(kind.name) if kind.name else "nothing"
    detail = f"The body must be a form, {URLENCODED} or {MULTIPART}; Content-Type says {got}."
    raise RequestRefused(415, "content_type", detail, {"Accept": f"{URLENCODED}, {MULTIPART}"})


def urlencoded(data: bytes) -> FormData:
    try:
        lists = parse_query(data.decode())
    except (UnicodeDecodeError, WrongEncoding):
        raise RequestRefused(400, "form_encoding", "The form is not UTF-8.") from None
    if sum(map(len, lists.values())) > MOST_PARTS:
        raise too_many()
    return FormData({name: list(values) for name, values in lists.items()})


def boundary_of(kind: MediaType) -> bytes:
    boundary = kind.parameters.get("boundary", "")
    if not 0 < len(boundary) <= 70:
        raise RequestRefused(400, "form_boundary", "Content-Type has no boundary of 1 to 70 characters (RFC 2046).")
    return boundary.encode("latin-1")


def too_many() -> RequestRefused:
    return RequestRefused(413, "form_too_many_parts", f"The form has more than {MOST_PARTS} fields and files.")


def malformed(what: str) -> RequestRefused:
    return RequestRefused(400, "form_invalid", f"The form is malformed: {what}.")


class MultipartReading:
    """One multipart body, from its pieces to fields and files (RFC 7578)."""

    def __init__(self, boundary: bytes, scope: CallScope) -> None:
        # Imported here: most handlers read no forms. It bounds the heads of parts itself.
        from python_multipart.multipart import MultipartParser

        self.scope = scope
        self.lists: dict[str, list[str | UploadFile]] = {}
        self.parts = 0
        self.size = 0
        """Bytes of the part, if it is no file."""
        self.ended = False
        self.field_name = bytearray()
        self.field_value = bytearray()
        self.head: dict[str, list[str]] = {}
        self.name = ""
        self.value: bytearray | UploadFile = bytearray()
        callbacks: MultipartCallbacks = {
            "on_part_begin": self.part_begins,
            "on_header_field": self.header_name,
            "on_header_value": self.header_value,
            "on_header_end": self.header_ends,
            "on_headers_finished": self.head_ends,
            "on_part_data": self.data,
            "on_part_end": self.part_ends,
            "on_end": self.all_ends,
        }
        self.parser = MultipartParser(boundary, callbacks)

    async def read(self, stream: AsyncIterator[bytes], limit: int) -> FormData:
        total = 0
        try:
            async for piece in stream:
                total += len(piece)
                if total > limit:
                    raise too_large(limit)
                await self.parse(piece)
            if not self.ended:
                raise malformed("it ends before its last boundary")
        except BaseException:
            await FormData(self.lists).close()
            self.close_current()
            raise
        for value in FormData(self.lists).multi_items():
            if isinstance(value[1], UploadFile):
                value[1].file.seek(0)
        return FormData(self.lists)

    async def parse(self, piece: bytes) -> None:
        from python_multipart.exceptions import FormParserError

        on_disk = isinstance(self.value, UploadFile) and getattr(self.value.file, "_rolled", True)
        try:
            if on_disk:
                await self.scope.run_sync(self.parser.write, piece)
            else:
                self.parser.write(piece)
        except FormParserError as error:
            raise malformed(str(error)) from None

    def close_current(self) -> None:
        if isinstance(self.value, UploadFile):
            self.value.file.close()

    def part_begins(self) -> None:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise too_many()
        self.head, self.size, self.name, self.value = {}, 0, "", bytearray()

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self.field_name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.field_value += data[start:end]

    def header_ends(self) -> None:
        name = self.field_name.decode("latin-1").lower()
        self.head.setdefault(name, []).append(decoded(self.field_value, "a part's header"))
        self.field_name.clear()
        self.field_value.clear()

    def head_ends(self) -> None:
        disposition = disposition_of(self.head.get("content-disposition", [""])[0])
        if "name" not in disposition:
            raise malformed("a part has no name")
        self.name, self.size = disposition["name"], 0
        if "filename" in disposition:
            file = SpooledTemporaryFile(max_size=KEPT_IN_MEMORY)  # noqa: SIM115 - open until the request is over
            self.value = UploadFile(file, disposition["filename"], Headers(self.head), self.scope)

    def data(self, data: bytes, start: int, end: int) -> None:
        if isinstance(self.value, UploadFile):
            self.value.file.write(data[start:end])
            self.value.size += end - start
            return
        self.size += end - start
        if self.size > LARGEST_FIELD:
            detail = f"In the form, a field is larger than {LARGEST_FIELD} bytes."
            raise RequestRefused(413, "form_field_too_large", detail)
        self.value += data[start:end]

    def part_ends(self) -> None:
        value = self.value if isinstance(self.value, UploadFile) else decoded(self.value, f"the field {self.name!r}")
        self.lists.setdefault(self.name, []).append(value)
        self.value = bytearray()

    def all_ends(self) -> None:
        self.ended = True


def decoded(value: bytearray, what: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise RequestRefused(400, "form_encoding", f"In the form, {what} is not UTF-8.") from None


def disposition_of(text: str) -> dict[str, str]:
    """The parameters of a `Content-Disposition: form-data`, as browsers write them (HTML, multipart/form-data)."""
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(text.encode())
    if kind != b"form-data":
        return {}
    escapes = {"%22": '"', "%0D": "\r", "%0A": "\n"}
    found = {}
    for name, value in options.items():
        plain = decoded(bytearray(value), "a part's header")
        for escape, character in escapes.items():
            plain = plain.replace(escape, character)
        found[name.decode("latin-1")] = plain
    return found
