"""What an error quotes where a value came from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glorieta.config import ConfigError, load_text
from glorieta.config.values import Expanded, Piece
from glorieta.config.veil import LONGEST, veiled, veiled_within

if TYPE_CHECKING:
    from pathlib import Path


def text(before: str, *values: str) -> Expanded:
    return Expanded((Piece(before, before), *(Piece(each, f"${{env:V{n}}}", True) for n, each in enumerate(values))))


def test_sentences_quote_what_is_written() -> None:
    port = "127.0.0.1:${env:V0}"
    for sentence, told in (
        ('"127.0.0.1:70a": "70a" is no port', f'"{port}": "${{env:V0}}" is no port'),
        ('"127.0.0.1:70A" is no port', f'"{port}" is no port'),
        ("write 127.0.0.1:70a/x or 127.0.0.1:80", f"write {port}/x or 127.0.0.1:80"),
        (f'"{port}" and "70a"', f'"{port}" and "${{env:V0}}"'),
        ("ports are 0 to 65535", "ports are 0 to 65535"),
    ):
        assert veiled(sentence, port, text("127.0.0.1:", "70a")) == told


def test_ordinary_words_stay() -> None:
    told = veiled('"no-a-port" is no port; a list is no port', "${env:V0}", text("", "no-a-port"))
    assert told == '"${env:V0}" is no ${env:V0}; a list is no ${env:V0}'
    assert veiled('"a" is no port, not a list', "${env:V0}", text("", "a")) == '"${env:V0}" is no port, not a list'
    assert veiled('"portal" is no port', "${env:V0}", text("", "portal")) == '"${env:V0}" is no port'


def test_a_sentence_of_several_values_quotes_the_whole() -> None:
    told = veiled(
        '"one-word:two-word": "two-word" is no port', "${env:V0}:${env:V1}", text("", "one-word:", "two-word")
    )
    assert told == '"${env:V0}:${env:V1}": "${env:V0}:${env:V1}" is no port'


def test_a_file_that_is_no_value_makes_no_sentence_of_a_megabyte() -> None:
    large = "x" * (LONGEST + 10)
    assert veiled(f"/{large}/ is no path", "${env:V0}", text("", large)) == "/${env:V0}/ is no path"
    upper = f"{large.upper()} is no path"
    assert veiled(upper, "${env:V0}", text("", large)) == "the value of ${env:V0} cannot stand here"


def test_sentences_about_what_is_around_lose_whole_values() -> None:
    texts = [text("", "hunter2"), text("", "up")]
    assert veiled_within('"hunter2" is up, hunter2s are not', texts) == '"${env:V0}" is up, hunter2s are not'


@given(st.text(min_size=8, max_size=24), st.text(max_size=12), st.data())
def test_no_long_part_of_a_value_is_ever_told(value: str, around: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(value) - 8))
    part = value[start : data.draw(st.integers(start + 8, len(value)))]
    told = veiled(f"{around}{part}{around} is wrong", "${env:V0}", text("", value))
    assert part not in told.replace("${env:V0}", "")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("workers: '${env:V}'", 'workers: "${env:V}" is not a whole number; write 1 to 1024'),
        ("drain: '${env:V}5'", 'drain: "${env:V}5" is not a duration; write 250ms, 5s, 10m, 2h or 1h30m'),
        (
            "log: '${env:V}'",
            'log.to: "${env:V}" is neither a stream nor a file; write stdout, stderr, off or ./${env:V}',
        ),
        (
            "groups: {g: {at: '${env:V}', match: /g, to: a}}",
            'groups.g.at: there is no listener "${env:V}"; known are web',
        ),
        ("drain: '${env:GLORIETA_NONE:-5x}'", 'drain: "5x" is not a duration; write 250ms, 5s, 10m, 2h or 1h30m'),
    ],
)
def test_the_errors_of_a_configuration(
    written: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from glorieta.plan import build

    monkeypatch.setenv("V", "hunter2-Zx9")
    monkeypatch.delenv("GLORIETA_NONE", raising=False)
    path = tmp_path / "glorieta.yaml"
    path.write_text(
        f'version: 1\n{written}\nlisteners: {{web: {{bind: ":8080", to: a}}}}\nupstreams: {{a: {{endpoints: ["a:1"]}}}}\n'
    )
    with pytest.raises(ConfigError) as caught:
        build(path)
    problems = [problem.line().partition(" ")[2] for problem in caught.value.problems]
    assert problems == [told]
    assert "hunter2" not in str(caught.value.as_json())


def test_an_included_text_is_read_with_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "team/secret").write_text("hunter2-Zx9\n")
    (tmp_path / "team/more.yaml").write_text("upstreams: {b: {endpoints: ['${file:secret}']}}\n")
    with pytest.raises(ConfigError) as caught:
        load_text("version: 1\ninclude: team/more.yaml\n", folder=tmp_path)
    assert '"${file:secret}" has no port' in str(caught.value)
    assert "hunter2" not in str(caught.value)
