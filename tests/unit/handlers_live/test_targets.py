"""Paths and queries of calls: values are escaped and cannot become another path."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glorieta.handlers.live.targets import has_dot_segments, target_of

RIGHT: list[tuple[str, Any, Any, str]] = [
    ("/users", None, None, "/users"),
    ("/users/{id}", {"id": 7}, None, "/users/7"),
    ("/users/{id}", {"id": "a/b c?#%é"}, None, "/users/a%2Fb%20c%3F%23%25%C3%A9"),
    ("/a/{x}-{y}", {"x": 1, "y": 2}, None, "/a/1-2"),
    ("/files/{name:path}", {"name": "a b/c"}, None, "/files/a%20b/c"),
    ("/users", None, {"q": "a&b", "n": 1, "on": True, "off": None, "l": [1, 2]}, "/users?q=a%26b&n=1&on=true&l=1&l=2"),
    ("/users?a=1", None, [("b", "2")], "/users?a=1&b=2"),
    ("/users", None, {"none": None}, "/users"),
    ("/café/%7E", None, None, "/caf%C3%A9/%7E"),
    ("/v1.0/a..b/...", None, None, "/v1.0/a..b/..."),
]


@pytest.mark.parametrize(("text", "path", "params", "target"), RIGHT)
def test_targets(text: str, path: Any, params: Any, target: str) -> None:
    assert target_of(text, path, params) == target


WRONG: list[tuple[str, Any, str]] = [
    ("users", None, "does not begin with a slash"),
    ("http://users/7", None, "does not begin with a slash"),
    ("/users/{id}", None, "path= lacks id"),
    ("/users/{id}", {"user": 7, "id": 7}, 'path= has user, which "/users/{id}" does not name'),
    ("/users", {"id": 7}, "does not name"),
    ("/users/{id}", {"id": ""}, "id is empty"),
    ("/users/{id}", {"id": ".."}, "climbs"),
    ("/users/{id}", {"id": "."}, "climbs"),
    ("/users/{id}/x", {"id": "%2e%2E"}, ""),
    ("/files/{name:path}", {"name": "../secret"}, "climbs"),
    ("/users/../admin", None, "climbs"),
    ("/users/%2e%2e/admin", None, "climbs"),
    ("/users/a b", None, "has ' '"),
    ("/users/a\r\nHost: b", None, "has"),
    ("/users/a#b", None, "has '#'"),
    ("/users/a\\b", None, "has"),
    ("/users/{}", None, "has '{'"),
]


@pytest.mark.parametrize(("text", "path", "why"), WRONG)
def test_what_would_be_another_path_is_refused(text: str, path: Any, why: str) -> None:
    if not why:
        # Its percent signs are escaped themselves.
        assert target_of(text, path, None) == "/users/%252e%252E/x"
        return
    with pytest.raises(ValueError) as raised:
        target_of(text, path, None)
    assert why in str(raised.value)


@given(st.text(min_size=1), st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
def test_any_value_comes_out_as_it_went_in_or_not_at_all(value: str, params: dict[str, str]) -> None:
    try:
        value.encode()
        "".join([*params, *params.values()]).encode()
    except UnicodeEncodeError:
        return
    try:
        target = target_of("/a/{value}/b", {"value": value}, params)
    except ValueError:
        assert value in (".", "..")
        return
    path, _, query = target.partition("?")
    assert target.isascii() and " " not in target
    assert not has_dot_segments(path)
    first, a, middle, b = path.split("/")
    assert (first, a, unquote(middle), b) == ("", "a", value, "b")
    assert dict(parse_qsl(query, keep_blank_values=True)) == params
