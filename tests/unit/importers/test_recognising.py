"""Whose file it is, by its content."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.config import ConfigError
from glorieta.importers import import_file, recognise


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http { server { listen 80; } }", "nginx"),
        ("# a comment\nuser x;\nevents {}\nhttp {\n  include a.conf;\n}\n", "nginx"),
        ("server {\n\tlisten 80;\n}\n", "nginx"),
        ("upstream a {\n server b:1;\n}\n", "nginx"),
        ("version: 1\nlisteners: {web: {bind: ':80', to: a}}\nupstreams: {a: {endpoints: [b:1]}}\n", None),
        ("listeners:\n  web: {bind: ':80'}  # http { server { listen 80; } }\n", None),
        ("", None),
        ("hello", None),
        ("events {}\nhttp {\n", "nginx"),
        ("server {\n", "nginx"),
        ("location / {\n  root /x;\n}\n", "nginx"),
        ("proxy_pass http://a:80;\n", "nginx"),
        ("include: [a.yaml]\nlisteners: {web: {bind: ':80', routes: {/a;b: a}}}\n", None),
        ("server: {a: b}\n", None),
        ("localhost {\n  respond x\n}\n", None),
        ("frontend http\n  bind :80\n  server a 127.0.0.1:80\n", None),
    ],
)
def test_recognise(tmp_path: Path, text: str, expected: str | None) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text, encoding="utf-8")
    assert recognise(path) == expected


def test_a_file_that_is_not_there_is_nobodys(tmp_path: Path) -> None:
    assert recognise(tmp_path / "none") is None


def test_what_cannot_be_imported_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="is no configuration of NGINX"):
        import_file(path)
    path.write_text("upstream a {\n server b:1;\n}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="has no server"):
        import_file(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty; name a file of NGINX"),
        (" \n", "is empty"),
        ("# listen 80;\n", "has nothing but comments in it"),
        ("\x7fELF\0\0http { listen 80; }", "is no text"),
        ("location / {\n  root /x;\n}\n", "has no server: it is a part of one; put server { listen 80; … } around it"),
        ("listen 80;\nroot /x;\n", "has no server: it is a part of one"),
        ("http {\n include none/*.conf;\n}\n", "has no server: no file fits include none/"),
        ("events {}\nhttp {\n  server {\n    listen 80;\n", 'nginx.conf:3:1 this "server {" is never closed'),
    ],
)
def test_what_is_no_whole_configuration_is_told_apart(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        import_file(path)
    assert expected in str(caught.value)


def test_a_server_alone_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "shop"
    path.write_text("server {\n  listen 80;\n  root /srv;\n}\n", encoding="utf-8")
    assert list(import_file(path).edge.listeners) != []
