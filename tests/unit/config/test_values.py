"""`${env:…}` and `${file:…}`: read once, as text, and what cannot be read is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from glorieta.config import ConfigError, load_text
from glorieta.config.errors import Wrong
from glorieta.config.values import LARGEST_FILE, Expanded, Outside
from glorieta.plan import build, plan_json
from harness.configuring import compiled, errors, routes, upstream

if TYPE_CHECKING:
    from pathlib import Path


def test_values_are_put_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIETA_HOST", "db$1")
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    (tmp_path / "secret").write_text("hidden\n")
    read: set[Path] = set()
    outside = Outside(tmp_path, read)
    assert outside.expand("plain") == "plain"
    text = outside.expand("${env:GLORIETA_HOST}:${env:GLORIETA_NONE:-80$} ${file:secret} $$ ${client.ip}")
    assert text == "db$1:80$ hidden $ ${client.ip}"
    assert isinstance(text, Expanded)
    assert text.template == f"${{env:GLORIETA_HOST}}:80$$ ${{file:{tmp_path}/secret}} $$ ${{client.ip}}"
    assert not text.missing
    assert read == {tmp_path / "secret"}


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIETA_EMPTY", "")
    assert Outside(tmp_path, set()).expand("${env:GLORIETA_EMPTY:-}") == ""
    with pytest.raises(Wrong) as caught:
        Outside(tmp_path, set()).expand("${env:GLORIETA_EMPTY}")
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
            Outside(tmp_path, set()).expand(f"${{file:{name}}}")


def test_what_is_not_set_is_an_error_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    assert errors(upstream('{endpoints: ["${env:GLORIETA_NONE}:80"]}')) == [
        "glorieta.yaml:3:29 upstreams.a.endpoints.0: the environment variable GLORIETA_NONE is not set; "
        "set it, or write ${env:GLORIETA_NONE:-default}"
    ]


def test_a_value_adds_neither_keys_nor_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIETA_NAME", "${header.cookie}, to: a}")
    plan = compiled(routes("n: {match: {path: /y, headers: {x: '${env:GLORIETA_NAME}'}}, to: a}"))
    route = plan["listeners"][0]["routes"][0]
    assert route["headers"] == [{"name": "x", "value": {"exact": "${header.cookie}, to: a}"}}]


SECRETS = """\
version: 1
log: {format: "${env:GLORIETA_FORMAT:-json}"}
listeners:
  web:
    bind: "127.0.0.1:${env:GLORIETA_NONE}"
    filters: {headers: {request: {set: {authorization: "Bearer ${env:GLORIETA_NONE} ${file:none} ${client.ip}"}}}}
    routes:
      /a/*: "${env:GLORIETA_NONE}"
      /b/*: {to: a, rewrite: "${env:GLORIETA_NONE}/${path.*}"}
      /c/*: {respond: {body: "${env:GLORIETA_NONE:-$1}"}}
groups: {g: {at: "${env:GLORIETA_NONE}", match: /g/*, to: "${file:none}", owner: "${env:GLORIETA_NONE}"}}
upstreams:
  a: {endpoints: ["a:1", "${env:GLORIETA_NONE}:1"], health: {every: "${env:GLORIETA_NONE}", path: /x}}
"""


def test_without_secrets_what_depends_on_them_is_left_unchecked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    path = tmp_path / "glorieta.yaml"
    path.write_text(SECRETS)
    with pytest.raises(ConfigError) as caught:
        build(path)
    assert len(caught.value.problems) == 9
    built = build(path, secrets=False)
    assert built.warnings == ()
    assert tmp_path / "none" in built.files
    routes = {route["id"]: route for route in built.plan["listeners"][0]["routes"]}
    assert routes["web/b/*"]["filters"][0]["headers"]["request"]["set"] == [
        ["authorization", f"Bearer ${{env:GLORIETA_NONE}} ${{file:{tmp_path}/none}} ${{client.ip}}"]
    ]
    assert routes["web/b/*"]["target"]["proxy"]["rewrite"] == "${env:GLORIETA_NONE}/${path.*}"
    assert routes["web/c/*"]["target"]["respond"]["body"] == "$$1"
    assert built.plan["access_log"]["format"] == "json"


def test_without_secrets_the_rest_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    path = tmp_path / "glorieta.yaml"
    path.write_text(SECRETS + '  b: {endpoints: ["${env:GLORIETA_NONE}"], panik: 1}\n')
    with pytest.raises(ConfigError) as caught:
        build(path, secrets=False)
    assert [problem.text() for problem in caught.value.problems] == ['unknown key "panik"; did you mean "panic"?']


def test_a_plan_refers_to_secrets_and_holds_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIETA_PORT", "9000")
    monkeypatch.setenv("GLORIETA_KEY", "hidden-1")
    (tmp_path / "none").write_text("hidden-2\n")
    path = tmp_path / "glorieta.yaml"
    path.write_text(
        'version: 1\nlisteners:\n  web:\n    bind: "127.0.0.1:${env:GLORIETA_PORT}"\n    respond: "${env:GLORIETA_KEY}"\n'
        '    filters: {headers: {response: {set: {x-key: "${env:GLORIETA_KEY} ${file:none}"}}}}\n'
    )
    built = build(path)
    assert built.plan["listeners"][0]["bind"] == ["127.0.0.1:9000"]
    text = plan_json(built.plan)
    assert "hidden" not in text
    assert f"${{file:{tmp_path}/none}}" in text
    edge = load_text(built.edge.dump(), folder=tmp_path).edge
    assert edge.model_dump(exclude_unset=True) == built.edge.model_dump(exclude_unset=True)
