"""Hosts, paths and conditions: brought to the form in which the engine matches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from glorieta.config.errors import Wrong
from glorieta.config.match import (
    Match,
    check_header_name,
    check_host,
    check_method,
    check_path,
    check_regex,
    parameters_of,
)
from glorieta.config.route import read_route_key
from glorieta.config.words import check_matched_word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Shop.Example.", "shop.example"),
        ("*.shop.example", "*.shop.example"),
        ("*", "*"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("[::1]", "[::1]"),
        ("10.0.0.1", "10.0.0.1"),
        ("_dmarc.example", "_dmarc.example"),
    ],
)
def test_hosts_take_one_form(text: str, expected: str) -> None:
    assert check_host(text) == expected


@pytest.mark.parametrize("text", ["a:80", "a..b", "", "a.*.b", "a*", "-a.example", "a b", "x" * 64, "ü" * 70])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(Wrong):
        check_host(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/", "/"),
        ("/*", "/*"),
        ("/a/*", "/a/*"),
        ("/a//b/", "/a//b/"),
        ("/%7euser/%2fx", "/~user/%2Fx"),
        ("/é", "/%C3%A9"),
        ("/users/{user-id}/*", "/users/{user-id}/*"),
        ("~/v[0-9]+", "~/v[0-9]+"),
        ("/a;b=1/!$&'()+,=:@", "/a;b=1/!$&'()+,=:@"),
    ],
)
def test_paths_take_the_engines_form(text: str, expected: str) -> None:
    assert check_path(text) == expected
    assert check_path(expected) == expected


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a", 'write "/a"'),
        ("/a?b", "match.query"),
        ("/a#b", "fragment"),
        ("/a b", "%20"),
        ("/a\\b", "refused"),
        ("/%00", "refused"),
        ("/%5c", "refused"),
        ("/%", "%25"),
        ("/a/../b", "dot segment"),
        ("/%2e", "dot segment"),
        ("/a/*/b", "whole last segment"),
        ("/a*", "whole last segment"),
        ("/x{id}", "whole segment"),
        ("/{1}", "whole segment"),
        ("/{a}/{a}", "twice"),
        ("/a" * 129, "more than 128"),
    ],
)
def test_paths_that_can_never_match_are_refused(text: str, part: str) -> None:
    with pytest.raises(Wrong) as caught:
        check_path(text)
    assert part in str(caught.value)


@pytest.mark.parametrize("text", ["(?=a)", "(?<!a)", r"(a)\1", "(a", "[a", "*"])
def test_expressions_that_the_engine_has_not_are_refused(text: str) -> None:
    with pytest.raises(Wrong):
        check_regex(text)


@pytest.mark.parametrize("text", [r"\pL+", r"a\\1", "(?<id>[0-9]+)", "(?P<id>x)", r"\x41", "[[:alpha:]]"])
def test_expressions_of_the_engine_pass(text: str) -> None:
    assert check_regex(text) == text


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/a", []),
        ("/a/*", ["*"]),
        ("/{a}/b/{c-d}/*", ["a", "c-d", "*"]),
        ("~/(?<x>.)(?P<y>.)(?:z)", ["x", "y"]),
    ],
)
def test_parameters_are_found(path: str, names: list[str]) -> None:
    assert parameters_of(path) == names


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("/a", (None, "/a")),
        ("GET /a/*", ("GET", "/a/*")),
        ("M-SEARCH  /a", ("M-SEARCH", "/a")),
        ("~/x", (None, "~/x")),
        ("POST ~/x", ("POST", "~/x")),
        ("OPTIONS *", ("OPTIONS", "*")),
        ("a-name_1.x", (None, None)),
    ],
)
def test_route_keys_are_read(key: str, expected: tuple[str | None, str | None]) -> None:
    assert read_route_key(key) == expected


@pytest.mark.parametrize("key", ["*", "GET *", "get /a", "shop.example/a", "GET a", "", "a b c", "ü"])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(Wrong):
        read_route_key(key)


@pytest.mark.parametrize(
    ("value", "host", "path"),
    [
        ("shop.example/a/*", ["shop.example"], "/a/*"),
        ("shop.example", ["shop.example"], None),
        ("/a", [], "/a"),
        ({"host": ["a.example", "*.b.example"]}, ["a.example", "*.b.example"], None),
    ],
)
def test_matches_have_a_short_form(value: object, host: list[str], path: str | None) -> None:
    from glorieta.config.match import MatchValue

    match = TypeAdapter[Match](MatchValue).validate_python(value)
    assert (match.host, match.path) == (host, path)


def test_conditions_have_short_forms() -> None:
    match = Match.model_validate({"headers": {"a": "present", "b": "absent", "c": "x", "d": {"prefix": "p"}, "e": 5}})
    said = {name: condition.model_dump(exclude_unset=True) for name, condition in match.headers.items()}
    assert said == {
        "a": {"present": True},
        "b": {"present": False},
        "c": {"exact": "x"},
        "d": {"prefix": "p"},
        "e": {"exact": "5"},
    }


def test_words_are_matched_as_headers_are() -> None:
    match = Match.model_validate(
        {
            "words": {
                "sni": "a.example",
                "tls.version": 1.3,
                "cookie.a": "absent",
                "cookie.B": True,
                "client.certificate.names": {"regex": "spiffe://shop/.*"},
                "client.certificate.verified": True,
            }
        }
    )
    said = {name: condition.model_dump(exclude_unset=True) for name, condition in match.words.items()}
    assert said == {
        "sni": {"exact": "a.example"},
        "tls.version": {"exact": "1.3"},
        "cookie.a": {"present": False},
        "cookie.B": {"present": True},
        "client.certificate.names": {"regex": "spiffe://shop/.*"},
        # Everybody is verified or not: true is what it says, not that it says something.
        "client.certificate.verified": {"exact": "true"},
    }


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("header.X-User", '"header.x-user" has a key of its own; write headers: {x-user: …}'),
        ("query.q", '"query.q" has a key of its own; write query: {q: …}'),
        ("query", '"query" has a key of its own; use match.query'),
        ("search", '"search" has a key of its own; use match.query'),
        ("path", '"path" has a key of its own; use match.path'),
        ("target", '"target" has a key of its own; use match.path'),
        ("method", '"method" has a key of its own; use match.method'),
        ("host", '"host" has a key of its own; use match.host'),
        ("path.id", '"path.id" is known only once the route is; match.path says what the path must be'),
        ("route", '"route" is known only once the route is; match.path says what the path must be'),
        ("status", '"status" is known only once the request has been answered; match by what the request says'),
        ("snj", '"snj" is no request value; did you mean "sni"?'),
        ("consumer", '"consumer" comes with Gateway, not yet'),
    ],
)
def test_words_with_a_key_of_their_own_or_known_later_are_refused(word: str, said: str) -> None:
    with pytest.raises(Wrong) as caught:
        check_matched_word(word)
    assert str(caught.value) == said


def test_methods_and_names_are_tokens() -> None:
    assert check_method("PROPFIND") == "PROPFIND"
    assert check_header_name("X-A!") == "X-A!"
    for check, text in (
        (check_method, "get"),
        (check_method, "G ET"),
        (check_header_name, "a b"),
        (check_header_name, ""),
    ):
        with pytest.raises(Wrong):
            check(text)


@given(st.text(max_size=30))
def test_any_path_is_taken_or_refused_and_taken_twice_is_the_same(text: str) -> None:
    try:
        once = check_path(f"/{text}")
    except Wrong:
        return
    assert check_path(once) == once
    assert once.isascii()
