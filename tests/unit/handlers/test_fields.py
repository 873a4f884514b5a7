"""Names and values of requests: what is parsed is what was meant, whatever it is."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glorieta.handlers import Headers, MutableHeaders, QueryParams, State
from glorieta.handlers.fields import WrongEncoding, checked_field, grouped, parse_cookies, parse_query
from glorieta.handlers.problems import pointer

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_a_query_is_read_as_it_was_written(pairs: list[tuple[str, str]]) -> None:
    assert QueryParams(parse_query(urlencode(pairs))).lists == QueryParams(grouped(pairs)).lists


@given(st.text(st.sampled_from("ab=&+%;41C3A9 "), max_size=30))
def test_a_query_is_read_as_pythons_own_library_reads_it(text: str) -> None:
    expected = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    try:
        found = parse_query(text)
    except WrongEncoding:
        assert any("\udc80" <= letter <= "\udcff" for pair in expected for letter in "".join(pair))
    else:
        assert found == grouped(expected)


@pytest.mark.parametrize(
    ("lines", "cookies"),
    [
        (["a=1; b=2"], {"a": "1", "b": "2"}),
        (["a=1", "b=2;a=3"], {"a": "3", "b": "2"}),
        (['a="x y"; b=="; c="'], {"a": "x y", "b": '="', "c": '"'}),
        (["nothing; =x; a=b=c ; ;"], {"": "x", "a": "b=c"}),
        ([], {}),
    ],
)
def test_cookies(lines: list[str], cookies: dict[str, str]) -> None:
    assert parse_cookies(lines) == cookies


@given(st.text(max_size=20), st.text(max_size=40))
def test_a_field_that_may_be_sent_is_one_field(name: str, value: str) -> None:
    try:
        sent_name, sent_value = checked_field(name, value)
    except ValueError:
        return
    assert re.fullmatch(rb"[!-9;-~]+", sent_name.encode("latin-1"))
    assert not set(sent_value.encode("latin-1")) & {0, 10, 13}


def test_several_values_of_one_name() -> None:
    headers = Headers(grouped([("a", "1"), ("b", "2"), ("a", "3")]))
    assert (headers["A"], headers.get("B"), headers.getlist("A"), "C" in headers) == ("1", "2", ["1", "3"], False)
    assert headers.multi_items() == [("a", "1"), ("a", "3"), ("b", "2")]
    query = QueryParams(parse_query("a=1&a=2&B=3"))
    assert (query["a"], query.getlist("a"), query.get("b"), len(query), dict(query)) == (
        "2",
        ["1", "2"],
        None,
        2,
        {"a": "2", "B": "3"},
    )


def test_headers_that_change() -> None:
    headers = MutableHeaders([])
    headers["A"] = " 1\t"
    headers.setdefault("a", "2")
    headers.update({"B": "3"})
    assert headers.raw == [("a", "1"), ("b", "3")]
    with pytest.raises(KeyError):
        headers["c"]
    with pytest.raises(KeyError):
        del headers["c"]


def test_a_state_says_what_it_lacks() -> None:
    state = State({"a": 1})
    state.b = 2
    assert (state.a, state["b"], "b" in state, "c" in state) == (1, 2, True, False)
    with pytest.raises(AttributeError, match="the state has no 'c'"):
        state.c  # noqa: B018


@pytest.mark.parametrize(("steps", "expected"), [([], "#"), (["a", 0], "#/a/0"), (["a/b", "c~d", ""], "#/a~1b/c~0d/")])
def test_pointers(steps: list[str | int], expected: str) -> None:
    assert pointer(steps) == expected
