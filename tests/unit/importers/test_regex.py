"""PCRE that matches anywhere, as expressions that match whole paths."""

from __future__ import annotations

import re

import pytest

from glorieta.importers.nginx.regex import Expression
from glorieta.importers.nginx.unclear import Unclear


@pytest.mark.parametrize(
    ("source", "insensitive", "expected"),
    [
        (r"\.php$", False, r".*\.php"),
        (r"\.php", False, r".*\.php.*"),
        ("^/a", False, "/a.*"),
        ("^/a$", False, "/a"),
        (r"\.(css|js)$", True, r"(?i).*\.(css|js)"),
        ("^/a$|^/b", False, "/a|/b.*"),
        ("(a|b)c|d$", False, ".*(a|b)c.*|.*d"),
        (r"^\/a\/b$", False, "/a/b"),
        (r"^/a[|$]b\$$", False, r"/a[|$]b\$"),
        ("^/(.*)$", False, "/(.*)"),
        (r"price\$", False, r".*price\$.*"),
    ],
)
def test_whole_paths(source: str, insensitive: bool, expected: str) -> None:
    assert Expression(source, insensitive).whole() == expected


@pytest.mark.parametrize("source", [r"\.php$", "^/a|b$", "^/x(y|z)?$", "a.c", "^$|^/$", "[|]"])
@pytest.mark.parametrize("path", ["/", "/a", "/a.php", "/x", "/xy", "/b/ab", "/abc", "/a|"])
def test_the_whole_expression_matches_where_the_original_does(source: str, path: str) -> None:
    expression = Expression(source)
    assert bool(re.fullmatch(expression.whole(), path)) == bool(re.search(source, path))


def test_only_groups_that_are_used_get_names() -> None:
    expression = Expression(r"^/(a)/(?:b)/(?<c>d)/([(]e)$")
    assert expression.whole(frozenset({"1", "3"})) == r"/(?<g1>a)/(?:b)/(?<c>d)/(?<g3>[(]e)"
    assert expression.whole() == r"/(a)/(?:b)/(?<c>d)/([(]e)"


@pytest.mark.parametrize(
    ("source", "insensitive", "prefix", "expected"),
    [
        (r"\.php$", False, "/api/", True),
        ("^/photo-[0-9]+$", False, "/api/", False),
        ("^/api/v1", False, "/api/", True),
        ("^/a", False, "/api/", True),
        ("^/(css|js)/", False, "/api/", False),
        ("^/(css|js)/", False, "/css/", True),
        ("^/API/", True, "/api/", True),
        ("^/API/", False, "/api/", False),
        ("^/x|^/api", False, "/api/", True),
        ("^/apx?i", False, "/api/", True),
    ],
)
def test_whether_an_expression_could_take_from_a_prefix(
    source: str, insensitive: bool, prefix: str, expected: bool
) -> None:
    assert Expression(source, insensitive).may_match_below(prefix) is expected


@pytest.mark.parametrize(
    ("source", "prefix", "expected"),
    [
        (r"\.php$", "/a/", r"/a/.*\.php"),
        (r"^/a/b\.php$", "/a/", r"/a/b\.php"),
        ("^/a", "/a/b", "/a/b.*"),
        ("/a/", "/b/a", "/b/a.*/a/.*|/b/a/.*"),
        ("^/x|b$", "/a/", "/a/.*b"),
    ],
)
def test_an_expression_within_a_prefix(source: str, prefix: str, expected: str) -> None:
    assert Expression(source).below(prefix) == expected


@pytest.mark.parametrize("prefix", ["/a/", "/a", "/b/a.x", "/x/"])
@pytest.mark.parametrize("source", [r"\.x$", "/a/", "b$", "^/a", r"a\.x", "^/a/", "xa"])
def test_it_matches_there_what_the_original_does(source: str, prefix: str) -> None:
    expression = Expression(source)
    text = expression.below(prefix)
    for rest in ("", "x", "/", "/a/", ".x", "b", "a/x", "/b", "xa"):
        path = prefix + rest
        assert bool(re.fullmatch(text, path)) == bool(re.search(source, path)), (path, text)


def test_what_cannot_be_said_of_a_prefix() -> None:
    with pytest.raises(Unclear, match="within /a/ only"):
        Expression(r"^/(x|y)?z*\.php$").below("/a/")


@pytest.mark.parametrize("source", ["^/(?!a)", "(?<=a)b", r"(a)\1", "a*+b", "(?>a)b"])
def test_what_linear_time_cannot_do(source: str) -> None:
    with pytest.raises(Unclear):
        Expression(source).whole()
