"""The house's form of YAML: what changes, what stays, and what is refused."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from glorieta.config import ConfigError
from glorieta.config.document import read_document
from glorieta.config.formatting import format_text
from glorieta.config.formatting.same import comments
from harness.commented import Written

UNTIDY = """


# the shop
version:   1
listeners:
    web:    # everybody
        bind:   ":8080"
        routes:


            "/service1/*":   {to:   service1,strip_prefix: true }    # aligned
            '/hello': { respond: "hello" }                           # with this
            # a comment of the next
            "GET /users/{id}" : users    # as it is
          # between

upstreams:
  service1:
    endpoints:
    - "localhost:3001"   # first
    -   address: localhost:3002
        weight:   2
    # the last
  users: {endpoints: [
            "[::1]:80",   # six

            "users:80"
         ]}


"""
TIDY = """\
# the shop
version: 1
listeners:
  web:    # everybody
    bind: ":8080"
    routes:

      /service1/*: {to: service1, strip_prefix: true}                # aligned
      /hello: {respond: hello}                                       # with this
      # a comment of the next
      GET /users/{id}: users    # as it is
      # between

upstreams:
  service1:
    endpoints:
      - localhost:3001   # first
      - address: localhost:3002
        weight: 2
      # the last
  users: {endpoints: [
            "[::1]:80",   # six

            users:80
         ]}
"""


def test_a_file_gets_the_houses_form() -> None:
    assert format_text(UNTIDY, "glorieta.yaml") == TIDY
    assert format_text(TIDY, "glorieta.yaml") == TIDY


@pytest.mark.parametrize(
    "text",
    ['"*"', '"[::1]:80"', '"off"', '"true"', '"1"', '"1.10"', '"12:30"', '"~"', '"null"', '":8080"', '"{a}"', '"a: b"', '"a #b"',
     '"-"', '"!t"', '"%a"', '"@a"', '"`a`"', '"a\\tb"', '"a "', '""', '"..."', '"---"', '"0x1F"', '"2001-01-01"', '"<<"', '"="', '"yes"', '"a, b"'],
)  # fmt: skip
def test_quotes_that_some_reader_of_yaml_needs_stay(text: str) -> None:
    for document in (f"a: {text}\n", f"a: [{text}]\n", f"{text}: 1\n"):
        assert format_text(document, "x") == document


@pytest.mark.parametrize(
    "text", ["5s", "/a/*", "localhost:3001", "http://a.example/b", "two words", "10.0.0.1:80", "ñandú"]
)
def test_quotes_that_nobody_needs_go(text: str) -> None:
    for quote in "\"'":
        assert format_text(f"a: {quote}{text}{quote}\n", "x") == f"a: {text}\n"
    assert yaml.safe_load(f"a: [{text}]") == {"a": [text]}, "and nobody reads it as something else"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a:\n- b\n-   c: 1\n    d: 2\n- - e\n", "a:\n  - b\n  - c: 1\n    d: 2\n  - - e\n"),
        ("a: |\n      x\n        y\n\n\nb: 1\n", "a: |\n  x\n    y\n\nb: 1\n"),
        ("a:\n    b: |+\n        x\n\n\n", "a:\n  b: |+\n    x\n\n\n"),
        ("a: |2\n   x\n", "a: |2\n   x\n"),
        ("a: >-\n x\n  # no comment of c\n", "a: >-\n  x\n   # no comment of c\n"),
        ("a:\n   - |\n    x\n    y\n", "a:\n  - |\n    x\n    y\n"),
        ("a: 'b\n\n\n     c'\n", "a: 'b\n\n\n     c'\n"),
        ("x: &a {b: 1}\nc:   *a\nd: {<<: *a , e: 2}\n", "x: &a {b: 1}\nc: *a\nd: {<<: *a, e: 2}\n"),
        ("x: &k v\n*k : 1\n", "x: &k v\n*k : 1\n"),
        ("---\na: 1\n...\n", "---\na: 1\n...\n"),
        ("# only\n\n\n\n  # comments\n\n", "# only\n\n# comments\n"),
        ("", ""),
        ("\ufeffa: 1\r\nb:   2\r\n", "a: 1\nb: 2\n"),
        ("a: 1", "a: 1\n"),
        ("a: |\n  x", "a: |\n  x"),
        ("{a: 1,\n  b: 2}\n", "{a: 1,\n  b: 2}\n"),
        ("a:   # one\n  1\n", "a:   # one\n  1\n"),
        ("a: 1 # near\nbcd:   1        # far\n", "a: 1 # near\nbcd: 1        # far\n"),
        ("a:  1     # one\nbcd: 1    # below\n", "a: 1      # one\nbcd: 1    # below\n"),
        ('a: "12345"x\n'.replace("x", " # c"), 'a: "12345" # c\n'),
    ],
)  # fmt: skip
def test_what_changes_and_what_stays(before: str, after: str) -> None:
    assert format_text(before, "x") == after
    assert format_text(after, "x") == after
    assert data_of(before) == data_of(after)


def test_a_comment_behind_a_text_in_a_block_does_not_become_a_part_of_it() -> None:
    formatted = format_text("a:\n      b: |\n          x\n        # not of b\n", "x")
    assert formatted == "a:\n  b: |\n    x\n  # not of b\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "x:2:1 a: stands here a second time"),
        ("a: {b\n", "x:"),
        ("a: *b\n", "x:1:4"),
        ("a: !b c\n", "tags mean nothing"),
        ("? {a: b}\n: c\n", "a key is a text"),
        ("a: \x01\n", "control character"),
        ("a: 1\n---\nb: 2\n", "x:2:1"),
    ],
)
def test_what_is_wrong_is_told_as_everywhere(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as told:
        format_text(text, "x")
    assert message in str(told.value)


def test_values_from_outside_are_not_asked_for() -> None:
    text = "a: ${env:NOBODY_HAS_SET_THIS}\nb: ${file:nowhere}\n"
    assert format_text(text, "x") == text


@settings(max_examples=400, deadline=None)
@given(st.randoms(use_true_random=False))
def test_random_files_keep_their_meaning_and_every_comment(random: Random) -> None:
    written = Written(random)
    before = written.text()
    after = format_text(before, "x")
    assert format_text(after, "x") == after, "formatting twice is formatting once"
    assert data_of(after) == data_of(before)
    assert comments(after) == comments(before)
    numbers = range(1, written.comments + 1)
    assert [after.count(f"c{number}") for number in numbers] == [before.count(f"c{number}") for number in numbers]


def data_of(text: str) -> object:
    document = read_document(text, "x", Path(), secrets=False)
    assert not document.problems
    return document.data
