"""Compression: of answers on their way to clients, of requests' bodies on theirs to whoever reads them, and files that
were compressed beforehand."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from .base import TEXT, Noun, Shorthand, Switch, as_list, checked_text, left_to_defaults, one_of, whole
from .errors import Wrong
from .units import Bytes, Size

TOKEN = r"[A-Za-z0-9!#$&^_.-]+"
MEDIA_TYPE = re.compile(rf"\*/\*|{TOKEN}/\*|{TOKEN}/{TOKEN}(?:\+{TOKEN})*|\+{TOKEN}")
ENCODED = ("zstd", "gzip", "br")
"""What answers are encoded in, as glorieta would rather have it."""
DECODED = ("gzip", "deflate", "br", "zstd")
BESIDE = ("br", "zstd", "gzip")
"""Smallest first: what was compressed beforehand costs nothing any more."""
WORTHWHILE = (
    "text/*",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/wasm",
    "application/yaml",
    "application/x-ndjson",
    "+json",
    "+xml",
    "font/ttf",
    "font/otf",
    "image/bmp",
    "image/vnd.microsoft.icon",
)


def each_once(value: Any) -> Any:
    """One or more, in the order of preference."""
    names = as_list(value)
    if not names:
        raise Wrong("is empty", "write off for no compression, or name the algorithms")
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        raise Wrong(f'names "{twice}" twice', "name each algorithm once")
    return names


def check_type(text: str) -> str:
    if not MEDIA_TYPE.fullmatch(text):
        raise Wrong(f'"{text}" is no media type', "write text/html, text/*, */*, or +json for all types that end so")
    return text


def expand_switch(value: Any) -> Any:
    """`on`: with all that is usual."""
    return {} if value is True or value == "on" else value


def expand_beside(value: Any) -> Any:
    if value is True or value == "on":
        return list(BESIDE)
    return [] if value is False or value in ("off", []) else each_once(value)


ON = {"enum": ["on", True]}
ON_OR_OFF = {"enum": ["on", "off", True, False]}
MediaType = Annotated[str, checked_text(check_type)]
Encoded = Annotated[list[Annotated[str, one_of(*ENCODED)]], Shorthand(each_once, (TEXT,))]
Decoded = Annotated[list[Annotated[str, one_of(*DECODED)]], Shorthand(each_once, (TEXT,))]
Beside = Annotated[list[Annotated[str, one_of(*BESIDE)]], Shorthand(expand_beside, (ON_OR_OFF, TEXT))]
Level = Annotated[int, whole(1, 9)]


class CompressLevels(Noun):
    """How much work each algorithm puts into an answer: from 1 (fast) to 9 (small)."""

    zstd: Level = 1
    """For zstd."""
    gzip: Level = 3
    """For gzip; NGINX's `gzip_comp_level` is 1 unless written."""
    br: Level = 1
    """For Brotli: from 2 on it takes several times as long. Files are better compressed beforehand."""


class Compress(Noun):
    """Answers compressed for clients that take them so (`Accept-Encoding`), while they stream.

    Left as they are: answers that are encoded already, parts (206), what says `Cache-Control: no-transform`, and what
    carries a digest or a signature of its bytes.
    """

    algorithms: Encoded | None = None
    """Which, in the order in which glorieta would rather use them; the client's own preference comes first. Left out:
    zstd, gzip, br."""
    types: Annotated[list[MediaType], Shorthand(as_list, (TEXT,))] | None = None
    """The types of answers that are compressed: `text/html`, `text/*`, `*/*`, or `+json` for all that end so. Left out:
    `text/*`, `+json` and `+xml`, JSON, JavaScript, XML, YAML and WebAssembly, and the pictures and fonts that are not
    compressed by themselves."""
    min_size: Size = Bytes(1024)
    """Answers whose length is known and smaller stay as they are."""
    levels: CompressLevels = Field(default_factory=left_to_defaults(CompressLevels))
    """How much work is put into it."""
    credentials: Switch | None = None
    """Whether answers are compressed that set a cookie, or are given to requests with `Cookie`, `Authorization` or a
    client certificate. From the length of such an answer a stranger's page can guess secrets that stand in it beside
    what the page has made the browser send (BREACH). Left out: `off`, but `on` for `files`, which are the same for
    everybody."""


class Decompress(Noun):
    """Bodies of requests made plain before anybody reads them, within bounds."""

    algorithms: Decoded | None = None
    """Values of `Content-Encoding` that are taken; others, and more than one, are answered with 415. Left out: gzip,
    deflate, br, zstd."""
    max_size: Size = Bytes(10 * 1024**2)
    """The largest body after decoding; larger ones are answered with 413. `max_body` bounds what is sent."""
    ratio: Annotated[int, whole(1, 100_000)] = 100
    """How many times longer a body may become, once it is longer than 64 KiB; more is answered with 413."""


CompressValue = Annotated[Compress, Shorthand(expand_switch, (ON,))]
DecompressValue = Annotated[Decompress, Shorthand(expand_switch, (ON,))]
