"""`${env:…}` and `${file:…}`: read once, as text, and what cannot be read is told."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest

from glorieta.config import ConfigError, load_text
from glorieta.config.errors import Wrong
from glorieta.config.health import Health
from glorieta.config.match import Condition
from glorieta.config.values import LARGEST_FILE, Expanded, Outside, read_regular, template_after
from glorieta.plan import build, compile, plan_json
from glorieta.plan.secrets import secret_files
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
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(LARGEST_FILE + 1)
    for name, part in (
        ("none", "No such file"),
        ("binary", "is not UTF-8"),
        ("large", "larger than 1 MiB"),
        ("", "is no file"),
        ("pipe", "is no file; name a file"),
        ("/dev/zero", "is no file"),
    ):
        with pytest.raises(Wrong, match=part):
            Outside(tmp_path, set()).expand(f"${{file:{name}}}")


def test_a_file_without_an_end_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    growing = tmp_path / "growing"
    growing.write_bytes(b"x" * (LARGEST_FILE + 2))
    asked: list[int] = []

    class Counting(io.FileIO):
        def read(self, size: int | None = -1) -> bytes | None:  # type: ignore[override]
            asked.append(-1 if size is None else size)
            return super().read(size)

    monkeypatch.setattr("builtins.open", lambda descriptor, mode, closefd: Counting(descriptor, mode, closefd))
    assert len(read_regular(growing) or b"") == LARGEST_FILE + 1
    assert asked == [LARGEST_FILE + 1]


def test_what_is_not_set_is_an_error_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    assert errors(upstream('{endpoints: ["${env:GLORIETA_NONE}:80"]}')) == [
        "glorieta.yaml:3:29 upstreams.a.endpoints.0: the environment variable GLORIETA_NONE is not set; "
        "set it, or write ${env:GLORIETA_NONE:-default}"
    ]


def test_a_value_adds_neither_keys_nor_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLORIETA_NAME", "${header.cookie}, to: a}")
    group = "{at: web, match: /g/*, to: a, owner: '${env:GLORIETA_NAME}'}"
    plan = compiled(routes("/y: a") + f"groups: {{g: {group}}}\n")
    assert plan["groups"][1]["owner"] == "${header.cookie}, to: a}"


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


KEPT = """\
version: 1
listeners:
  web:
    bind: "127.0.0.1:0"
    routes:
      /a/*:
        match:
          headers: {x-a: "Bearer ${env:V}$$", x-b: {prefix: "${file:v}"}, x-c: {regex: "${env:V}[0-9]+$"}, x-d: "${env:D:-present}"}
          query: {key: "${env:V}"}
        to: a
        host: "${env:V}.example"
      /b/*: {to: a, host: "${env:NONE:-upstream}"}
upstreams:
  a: {endpoints: ["a:1"], health: {path: "/x?key=${env:V}", host: "${env:V}"}}
"""


def test_what_is_sent_or_compared_is_referred_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", "hidden")
    monkeypatch.delenv("NONE", raising=False)
    (tmp_path / "v").write_text("hidden\n")
    path = tmp_path / "glorieta.yaml"
    path.write_text(KEPT)
    built = build(path)
    first, second = built.plan["listeners"][0]["routes"]
    assert {each["name"]: each["value"] for each in first["headers"]} == {
        "x-a": {"exact": "Bearer ${env:V}$$"},
        "x-b": {"prefix": f"${{file:{tmp_path}/v}}"},
        "x-c": {"regex": "${env:V}[0-9]+$"},
        # What comes from outside is text, whatever it says.
        "x-d": {"exact": "present"},
    }
    assert first["query"] == [{"name": "key", "value": {"exact": "${env:V}"}}]
    assert first["target"]["proxy"]["host"] == {"name": "${env:V}.example"}
    assert second["target"]["proxy"]["host"] == "upstream"
    check = built.plan["upstreams"][0]["health"]
    assert check is not None and check["kind"] != "tcp"
    assert (check["kind"]["http"]["path"], check["kind"]["http"]["host"]) == ("/x?key=${env:V}", "${env:V}")
    assert "hidden" not in plan_json(built.plan)
    assert secret_files(plan_json(built.plan)) == [str(tmp_path / "v")]
    again = load_text(built.edge.dump(), folder=tmp_path).edge
    assert plan_json(compile(again)) == plan_json(compile(built.edge))


def test_texts_that_are_compared_are_checked_where_nothing_in_them_is_from_outside() -> None:
    assert errors(routes("n: {match: {path: /y, headers: {x: {regex: 'a$$('}}}, to: a}")) == [
        'glorieta.yaml:6:50 listeners.web.routes.n.match.headers.x.regex: "a$(" is no regular expression: '
        "missing ), unterminated subpattern at position 2"
    ]
    assert errors(upstream("{endpoints: a:1, health: {path: 'x$$'}}")) == [
        'glorieta.yaml:3:48 upstreams.a.health.path: "x$" is no path to ask for; write a path, such as /healthz'
    ]


def test_references_of_python_are_checked_as_those_of_templates_are() -> None:
    with pytest.raises(ValueError, match="write an absolute path"):
        Condition(exact="${file:relative}")
    with pytest.raises(ValueError, match=r"write \$\{env:NAME\}"):
        Health(path="/${env:no-name}")
    assert Condition(exact="${env:NAME} ${client.ip} $").exact == "${env:NAME} ${client.ip} $"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("POST http://${env:H}/a?k=${env:V}$$&${env:N:-$}", "POST http://h.example/a?k=${env:V}$$&$$"),
        ("GET http://h/a", "GET http://h/a"),
        ("GET http://${env:H}/", "GET http://h.example/"),
    ],
)
def test_what_says_where_to_is_put_in_and_what_is_sent_there_is_kept(
    written: str, kept: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("H", "h.example")
    monkeypatch.setenv("V", "hidden")
    monkeypatch.delenv("N", raising=False)
    assert template_after("?")(Outside(tmp_path, set()).expand(written)) == kept


def test_what_is_behind_the_mark_need_not_be_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("N", raising=False)
    outside = Outside(tmp_path, set(), secrets=False)
    for written, taken in (("a /b?${env:N}", True), ("${env:N} /b", False)):
        text = outside.expand(written)
        template_after(" ")(text)
        assert isinstance(text, Expanded) and text.taken == taken


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
