"""gzip, Brotli and zstd of NGINX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

SERVER = "http {{ {http} server {{ listen 80; location / {{ {location} }} }} }}"
PROXY = "proxy_pass http://127.0.0.1:81;"


def filters(imported: Callable[..., Any], http: str, location: str = PROXY) -> Any:
    listener = yaml.safe_load(imported(SERVER.format(http=http, location=location)).yaml)["listeners"]["web"]
    found = dict(listener.get("filters", {}))
    for route in listener.get("routes", {}).values():
        found |= route.get("filters", {}) if isinstance(route, dict) else {}
    return found.get("compress")


@pytest.mark.parametrize(
    ("http", "expected"),
    [
        ("", None),
        ("gzip off; gzip_types text/css;", None),
        ("gzip on;", {"algorithms": "gzip", "types": "text/html", "min_size": "20B"}),
        (
            "gzip on; gzip_types text/css application/json text/html; gzip_min_length 1k; gzip_comp_level 6;",
            {
                "algorithms": "gzip", "types": ["text/html", "text/css", "application/json"], "min_size": "1KiB",
                "levels": {"gzip": 6},
            },
        ),
        ("gzip on; gzip_types *;", {"algorithms": "gzip", "types": "*/*", "min_size": "20B"}),
        (
            "brotli on; brotli_comp_level 11; gzip on;",
            {"algorithms": ["br", "gzip"], "types": "text/html", "min_size": "20B", "levels": {"br": 9}},
        ),
        ("zstd on; zstd_types text/css;", {"algorithms": "zstd", "types": ["text/html", "text/css"], "min_size": "20B"}),
    ],
)  # fmt: skip
def test_settings_become_a_filter(imported: Callable[..., Any], http: str, expected: Any) -> None:
    assert filters(imported, http) == expected


def test_a_location_may_do_without(imported: Callable[..., Any]) -> None:
    assert filters(imported, "gzip on;", f"gzip off; {PROXY}") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [("gzip_static on;", ["gzip"]), ("gzip_static on; brotli_static on;", ["br", "gzip"]), ("gzip_static off;", None)],
)
def test_files_compressed_beforehand(imported: Callable[..., Any], text: str, expected: Any) -> None:
    listener = yaml.safe_load(imported(SERVER.format(http=text, location="root /srv;")).yaml)["listeners"]["web"]
    files = listener.get("files") or listener["routes"]["/*"]["files"]
    assert (files.get("precompressed") if isinstance(files, dict) else None) == expected


@pytest.mark.parametrize(
    ("http", "location", "kind", "words"),
    [
        ("gzip on; gzip_vary on; gzip_proxied any;", "root /srv;", "translated", ""),
        ("gzip on; gzip_vary on; gzip_proxied any;", PROXY, "nearly", "credentials: on"),
        ("gzip on; gzip_proxied any;", "root /srv;", "nearly", "Vary"),
        ("gzip on; gzip_vary on;", "root /srv;", "nearly", "Via"),
    ],
)
def test_what_differs_is_noted(imported: Callable[..., Any], http: str, location: str, kind: str, words: str) -> None:
    notes = imported(SERVER.format(http=http, location=location)).notes
    note = next(each for each in notes if each.directive == "gzip on")
    assert note.kind == kind
    assert words in note.text
    assert {each.kind for each in notes if each.directive.startswith("gzip_")} <= {"translated"}
