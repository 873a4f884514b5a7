"""What `glorieta try` says of compression: what a client would get, and what becomes of a compressed body."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Call

FILE = """\
version: 1
listeners:
  web:
    bind: "127.0.0.1:8080"
    filters: {compress: {min_size: 1B}, decompress: {algorithms: gzip}}
    to: shop
    routes: {/own: {respond: "a text that is long enough to be worth it, worth it, worth it, worth it"}}
upstreams:
  shop: {endpoints: ["10.0.0.1:80"]}
"""


@pytest.fixture(autouse=True)
def edge(folder: Path) -> None:
    (folder / "glorieta.yaml").write_text(FILE)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["Accept-Encoding: gzip;q=0.5, br"], "compress    passed: br where the answer is worth it"),
        ([], "compress    passed: the client takes none of its codings"),
        (["Accept-Encoding: gzip", "Cookie: a=1"], "compress    passed: the request carries credentials"),
        (["Accept-Encoding: gzip", "Cache-Control: no-transform"], "compress    passed: the client says no-transform"),
    ],
)
def test_what_a_client_would_get(call: Call, headers: list[str], expected: str) -> None:
    told = call("try", "http://shop.example/a", *(word for header in headers for word in ("-H", header)))
    assert told.exit_code == 0, told.output
    assert f"  {expected}" in told.stdout.splitlines(), told.stdout


def test_an_answer_of_its_own_is_shown_as_it_would_be(call: Call) -> None:
    told = call("try", "http://shop.example/own", "-H", "Accept-Encoding: gzip")
    assert told.exit_code == 0, told.output
    assert "Content-Encoding: gzip" in told.stdout
    assert "Vary: Accept-Encoding" in told.stdout


def test_what_becomes_of_a_compressed_body(call: Call) -> None:
    told = call("try", "POST", "http://shop.example/a", "--body", "1KiB", "-H", "Content-Encoding: gzip")
    assert told.exit_code == 0, told.output
    assert "- Content-Encoding: gzip" in told.stdout
    refused = call("try", "POST", "http://shop.example/a", "--body", "1KiB", "-H", "Content-Encoding: br")
    assert "content_coding_unknown" in refused.stdout
    assert "415" in refused.stdout
