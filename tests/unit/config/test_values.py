"""`${env:…}` and `${file:…}`: read once, as text, and what cannot be read is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from glorieta.config.errors import Wrong
from glorieta.config.values import LARGEST_FILE, Expanded, expand
from harness.configuring import compiled, errors, routes, upstream

if TYPE_CHECKING:
    from pathlib import Path


def test_values_are_put_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIETA_HOST", "db$1")
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    (tmp_path / "secret").write_text("hidden\n")
    read: set[Path] = set()
    assert expand("plain", tmp_path, read) == "plain"
    text = expand("${env:GLORIETA_HOST}:${env:GLORIETA_NONE:-80} ${file:secret} $$ ${client.ip}", tmp_path, read)
    assert text == "db$1:80 hidden $ ${client.ip}"
    assert isinstance(text, Expanded)
    assert text.template == "db$$1:80 hidden $$ ${client.ip}"
    assert read == {tmp_path / "secret"}


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIETA_EMPTY", "")
    assert expand("${env:GLORIETA_EMPTY:-}", tmp_path, set()) == ""
    with pytest.raises(Wrong) as caught:
        expand("${env:GLORIETA_EMPTY}", tmp_path, set())
    assert str(caught.value) == (
        "the environment variable GLORIETA_EMPTY is not set; set it, or write ${env:GLORIETA_EMPTY:-default}"
    )


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(LARGEST_FILE + 1)
    for name, part in (
        ("none", "No such file"),
        ("binary", "is not UTF-8"),
        ("large", "larger than 1 MiB"),
        ("", "cannot be read"),
    ):
        with pytest.raises(Wrong, match=part):
            expand(f"${{file:{name}}}", tmp_path, set())


def test_what_is_not_set_is_an_error_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    assert errors(upstream('{endpoints: ["${env:GLORIETA_NONE}:80"]}')) == [
        "glorieta.yaml:3:29 upstreams.a.endpoints.0: the environment variable GLORIETA_NONE is not set; "
        "set it, or write ${env:GLORIETA_NONE:-default}"
    ]


def test_a_value_adds_neither_keys_nor_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIETA_BODY", "${header.cookie}, to: a}")
    plan = compiled(routes('/x: {respond: {body: "${env:GLORIETA_BODY} ${client.ip}"}}\n/y: a'))
    target = plan["listeners"][0]["routes"][0]["target"]
    assert target["respond"]["body"] == "$${header.cookie}, to: a} ${client.ip}"
