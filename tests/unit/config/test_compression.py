"""Compression as it is written: short forms, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from glorieta.config import ConfigError, load_text

FILE = """\
version: 1
listeners:
  web:
    bind: ":8080"
    routes:
      /a: {{to: a, filters: {filters}}}
      /f/*: {{files: {files}}}
upstreams:
  a: {{endpoints: [localhost:3000]}}
"""


def routes(filters: str = "{}", files: str = "{root: .}") -> Any:
    return load_text(FILE.format(filters=filters, files=files)).edge.listeners["web"].routes


def test_on_is_what_is_usual_and_off_is_nothing() -> None:
    for on in ("on", "true", "{}"):
        filters = routes(f"{{compress: {on}, decompress: {on}}}")["/a"].filters
        assert (filters.compress.algorithms, filters.compress.types) == (None, None)
        assert (filters.compress.min_size, filters.compress.credentials) == (1024, None)
        assert (filters.decompress.algorithms, filters.decompress.max_size) == (None, 10 << 20)
        assert filters.decompress.ratio == 100
    filters = routes("{compress: off, decompress: off}")["/a"].filters
    assert (filters.compress, filters.decompress) == (None, None)
    assert {"compress", "decompress"} <= filters.model_fields_set


def test_one_stands_for_a_list() -> None:
    compress = routes("{compress: {algorithms: gzip, types: text/*}}")["/a"].filters.compress
    assert (compress.algorithms, compress.types) == (["gzip"], ["text/*"])


@pytest.mark.parametrize(
    ("written", "expected"),
    [("on", ["br", "zstd", "gzip"]), ("off", []), ("gzip", ["gzip"]), ("[gzip, br]", ["gzip", "br"]), ("[]", [])],
)
def test_files_compressed_beforehand(written: str, expected: list[str]) -> None:
    assert routes(files=f"{{root: ., precompressed: {written}}}")["/f/*"].files.precompressed == expected


@pytest.mark.parametrize(
    ("filters", "words"),
    [
        ("{compress: {algorithms: []}}", "is empty"),
        ("{compress: {algorithms: [gzip, gzip]}}", 'names "gzip" twice'),
        ("{compress: {algorithms: deflate}}", '"deflate" is not one of the words for this'),
        ("{compress: {algorithms: gzpi}}", 'did you mean "gzip"?'),
        ("{compress: {types: text}}", '"text" is no media type'),
        ("{compress: {types: [text/html, text/h*]}}", '"text/h*" is no media type'),
        ("{compress: {min_size: 5}}", '"5" has no unit'),
        ("{compress: {levels: {gzip: 10}}}", "10 is out of bounds; write 1 to 9"),
        ("{compress: {levels: {zstd: 0}}}", "0 is out of bounds"),
        ("{compress: {level: 3}}", 'unknown key "level"; did you mean "levels"?'),
        ("{decompress: {ratio: 0}}", "0 is out of bounds"),
        ("{decompress: {algorithms: [gzip, compress]}}", '"compress" is not one of the words for this'),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(filters: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        routes(filters)
    assert words in str(refused.value)
