"""Filters: inherited listener → group → route, merged by key, and put into the order in which they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from ..config.base import Noun, laid_over
from ..config.compression import DECODED, ENCODED, WORTHWHILE, Compress, Decompress
from ..config.errors import Path, Wrong
from ..config.filter import Filters, Headers, RequestHeaders, ResponseHeaders
from ..config.words import check_parameters, template_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .compiling import Compiling
    from .model import CompressFilter, DecompressFilter, Filter

Changes = RequestHeaders | ResponseHeaders
N = TypeVar("N", bound=Noun)
FILES = "files"
"""The kind of target whose answers are the same for everybody."""


class Change(NamedTuple):
    """What happens to one header: the name as it was written last, and remove, set, add."""

    name: str
    remove: bool = False
    set: str | None = None
    add: tuple[str, ...] = ()


@dataclass(frozen=True)
class Merged:
    """The filters that hold somewhere, after all layers so far."""

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    max_body: int | None = None
    compress: Compress | None = None
    decompress: Decompress | None = None
    grpc_web: bool = False
    request: dict[str, Change] = field(default_factory=dict)
    response: dict[str, Change] = field(default_factory=dict)

    def over(self, filters: Filters) -> Merged:
        """The same with one more layer; what it says wins, key by key."""
        written = filters.model_fields_set
        if not written:
            return self
        request, response = self.request, self.response
        if "headers" in written:
            request, response = self.headers_over(filters.headers)
        return Merged(
            tuple(filters.allow or ()) if "allow" in written else self.allow,
            tuple(filters.deny or ()) if "deny" in written else self.deny,
            filters.max_body if "max_body" in written else self.max_body,
            over_noun(self.compress, filters.compress) if "compress" in written else self.compress,
            over_noun(self.decompress, filters.decompress) if "decompress" in written else self.decompress,
            filters.grpc_web if "grpc_web" in written else self.grpc_web,
            request,
            response,
        )

    def headers_over(self, headers: Headers | None) -> tuple[dict[str, Change], dict[str, Change]]:
        """Changes of the request and of the response."""
        if headers is None:
            return {}, {}
        written = headers.model_fields_set
        return (
            changed(self.request, headers.request) if "request" in written else self.request,
            changed(self.response, headers.response) if "response" in written else self.response,
        )

    def in_order(self, kind: str | None = None) -> list[Filter]:
        """As the engine runs them before a target of this kind."""
        filters: list[Filter] = []
        if self.compress is not None:
            filters.append({"compress": compress_filter(self.compress, same_for_all=kind == FILES)})
        if self.allow or self.deny:
            filters.append({"addresses": {"allow": list(self.allow), "deny": list(self.deny)}})
        if self.max_body is not None:
            filters.append({"max_body": {"bytes": int(self.max_body)}})
        if self.decompress is not None:
            filters.append({"decompress": decompress_filter(self.decompress)})
        if self.grpc_web:
            filters.append({"grpc_web": {}})
        if self.request or self.response:
            filters.append({"headers": {"request": listed(self.request), "response": listed(self.response)}})
        return filters

    def of_all_answers(self) -> list[Filter]:
        """What belongs to every answer, whichever route it is of, or of none: headers, such as HSTS or CORS."""
        return [{"headers": {"request": listed({}), "response": listed(self.response)}}] if self.response else []

    def parameters(self) -> set[str]:
        """The path parameters that its templates name."""
        changes = [*self.request.values(), *self.response.values()]
        texts = [text for change in changes for text in (change.set, *change.add) if text is not None]
        return {word[5:] for text in texts for word in template_words(text) if word.startswith("path.")}


def over_noun(before: N | None, said: N | None) -> N | None:
    """What an inner layer says of a filter, field by field over what an outer one says; `off` removes all of it."""
    return said if before is None or said is None else laid_over(before, said)


def compress_filter(compress: Compress, *, same_for_all: bool) -> CompressFilter:
    """`same_for_all`: what is answered holds nobody's secrets."""
    credentials = compress.credentials if compress.credentials is not None else same_for_all
    return {
        "algorithms": list(compress.algorithms or ENCODED),
        "types": list(WORTHWHILE if compress.types is None else compress.types),
        "min_bytes": int(compress.min_size),
        "levels": {"zstd": compress.levels.zstd, "br": compress.levels.br, "gzip": compress.levels.gzip},
        "credentials": credentials,
    }


def decompress_filter(decompress: Decompress) -> DecompressFilter:
    return {
        "algorithms": list(decompress.algorithms or DECODED),
        "max_bytes": int(decompress.max_size),
        "ratio": decompress.ratio,
    }


def changed(before: dict[str, Change], changes: Changes | None) -> dict[str, Change]:
    """Changes of an outer layer with an inner one's laid over them, header by header."""
    if changes is None:
        return {}
    merged = dict(before)
    for name in changes.remove:
        merged[name.lower()] = Change(name, remove=True)
    for name, value in changes.set.items():
        kept = merged.get(name.lower())
        merged[name.lower()] = Change(name, remove=kept is not None and kept.remove, set=value)
    for name, values in changes.add.items():
        kept = merged.get(name.lower(), Change(name))
        merged[name.lower()] = kept._replace(name=name, add=(*kept.add, *values))
    return merged


def listed(changes: dict[str, Change]) -> dict[str, list[object]]:
    """A header that is set needs no removing first."""
    return {
        "remove": [change.name for change in changes.values() if change.remove and change.set is None],
        "set": [[change.name, change.set] for change in changes.values() if change.set is not None],
        "add": [[change.name, value] for change in changes.values() for value in change.add],
    }


def check_own(compiling: Compiling, filters: Filters, path: Path, parameters: frozenset[str]) -> None:
    """Templates of a route's own filters name only parameters that its path has."""
    for where, text in templates(filters):
        try:
            check_parameters(text, parameters)
        except Wrong as wrong:
            compiling.error((*path, *where), wrong.message, wrong.fix)


def templates(filters: Filters) -> Iterator[tuple[Path, str]]:
    """Every template of these filters with its place."""
    if filters.headers is None:
        return
    for direction in ("request", "response"):
        changes: Changes | None = getattr(filters.headers, direction)
        if changes is None:
            continue
        for name, text in changes.set.items():
            yield ("headers", direction, "set", name), text
        for name, values in changes.add.items():
            for index, text in enumerate(values):
                yield ("headers", direction, "add", name, index), text
