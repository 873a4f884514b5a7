"""Request words and templates: known ones pass, others are told apart from those of later versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glorieta.config.errors import Wrong
from glorieta.config.values import Expanded, Piece, as_template
from glorieta.config.words import (
    LOG_WORDS,
    REQUEST_WORDS,
    check_header_template,
    check_parameters,
    check_template,
    check_word,
    escape,
    template_words,
)


def refusal(check: object, *arguments: object, **named: object) -> str:
    assert callable(check)
    with pytest.raises(Wrong) as caught:
        check(*arguments, **named)
    return str(caught.value)


def test_known_words_pass() -> None:
    for word in [*REQUEST_WORDS, "cookie.sid", "query.q[]", "path.id", "path.*"]:
        assert check_word(word) == word
    for word in LOG_WORDS:
        assert check_word(word, log=True) == word
    assert check_word("header.X-User") == "header.x-user"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("client.pi", '"client.pi" is no request value; did you mean "client.ip"?'),
        ("headr.NAME", '"headr.NAME" is no request value; did you mean "header.NAME"?'),
        ("status", '"status" is known only to the access log; use it in log.format'),
        ("trace.id", '"trace.id" is known only to the access log; use it in log.format'),
        ("claim.sub", '"claim.sub" comes with Gateway, not yet'),
    ],
)
def test_unknown_words_say_what_is_near(word: str, expected: str) -> None:
    assert refusal(check_word, word) == expected


@pytest.mark.parametrize("word", ["header", "header.", "cookie.a b", "path.", "", "client"])
def test_families_need_a_name(word: str) -> None:
    assert "is no request value" in refusal(check_word, word)


def test_parameters_must_be_in_the_path() -> None:
    assert check_word("path.id", parameters=frozenset({"id"})) == "path.id"
    assert refusal(check_word, "path.ide", parameters=frozenset({"id"})).endswith('did you mean "id"?')
    assert refusal(check_parameters, "/${path.x}", frozenset()).endswith("put {x} into the route's path")


def test_templates_name_their_words() -> None:
    assert list(template_words("a ${client.ip} $${no} ${path.id}$$")) == ["client.ip", "path.id"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $ b", '"a $ b" has a single $; write $$ for a dollar sign, ${word} for a value'),
        (
            "${client.ip",
            '"${client.ip" opens "${" and never closes it; close it with }, or write $${ for the text itself',
        ),
        ("${env:X:-y}", '"${env:X:-y}" names no variable; write ${env:NAME}'),
        ("${file:a}", '"${file:a}" is relative, and nothing says to what; write an absolute path'),
        ("${}", '"" is no request value'),
    ],
)
def test_bad_templates_are_refused(text: str, expected: str) -> None:
    assert refusal(check_template, text).startswith(expected)


def test_a_header_value_cannot_be_split() -> None:
    for text in ("a\r\nb: c", "a\nb", "a\0b", "\x7f"):
        assert "no line breaks" in refusal(check_header_template, text)
    assert check_header_template("a\tb") == "a\tb"


@given(st.text())
def test_an_escaped_text_has_no_words(text: str) -> None:
    assert list(template_words(escape(text))) == []


def test_a_value_from_outside_stays_text_in_a_template() -> None:
    value = Expanded((Piece("5$ ${client.ip}", "5$$ $${client.ip}", outside=True),))
    assert value == "5$ ${client.ip}"
    assert as_template(value) == "5$$ $${client.ip}"
    assert as_template("plain") == "plain"
