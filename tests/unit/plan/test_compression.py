"""Compression in the Plan: layers, targets, layers 4 and roles."""

from __future__ import annotations

from typing import Any

import pytest

from glorieta.config import ConfigError, load_text
from glorieta.plan import compile

FILE = """\
version: 1
listeners:
  web:
    bind: ":8080"
    filters: {compress: {types: text/*, levels: {gzip: 5}}}
    routes:
      /inherits: a
      /changes: {to: a, filters: {compress: {min_size: 5KiB, levels: {br: 4}}}}
      /repeats: {to: a, filters: {compress: on}}
      /off: {to: a, filters: {compress: off}}
      /open: {to: a, filters: {compress: {credentials: on}}}
      /own: {respond: text}
      /files/*: {files: /usr/share}
      /cautious/*: {files: /usr/share, filters: {compress: {credentials: off}}}
upstreams:
  a: {endpoints: [localhost:3000]}
"""


def compressed(text: str = FILE) -> dict[str, Any]:
    """The filter of each route."""
    found = {}
    for route in compile(load_text(text).edge)["listeners"][0]["routes"]:
        found[route["name"]] = next((each["compress"] for each in route["filters"] if "compress" in each), None)
    return found


def test_layers_are_laid_over_each_other_field_by_field() -> None:
    found = compressed()
    levels = {"zstd": 1, "br": 1, "gzip": 5}
    assert (found["/inherits"]["types"], found["/inherits"]["levels"]) == (["text/*"], levels)
    assert (found["/changes"]["types"], found["/changes"]["min_bytes"]) == (["text/*"], 5120)
    assert found["/changes"]["levels"] == {"zstd": 1, "br": 4, "gzip": 5}
    assert found["/repeats"] == found["/inherits"]
    assert found["/off"] is None


def test_credentials_are_no_hindrance_where_all_get_the_same() -> None:
    found = compressed()
    credentials = {name: each["credentials"] for name, each in found.items() if each is not None}
    assert {name for name, each in credentials.items() if each} == {"/open", "/files/*"}


def test_layer_4_and_pure_balancing_have_none() -> None:
    tcp = "version: 1\nlisteners: {t: {bind: ':1', protocol: tcp, to: a, filters: {compress: on, decompress: on}}}\n"
    role = "version: 1\nlisteners: {w: {bind: ':1', role: load-balancer, to: a, filters: {compress: on}}}\n"
    for text, words in (
        (tcp, ('"compress" on a tcp listener', '"decompress" on a tcp listener')),
        (role, ("compressing answers is a reverse proxy's work",)),
    ):
        with pytest.raises(ConfigError) as refused:
            compile(load_text(f"{text}upstreams: {{a: {{endpoints: [localhost:1]}}}}\n").edge)
        assert all(each in str(refused.value) for each in words)
