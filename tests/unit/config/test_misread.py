"""Characters that YAML takes for something else: each is explained, with the fix."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.config.document import read_document

STAR = '"*" at the beginning of a text means an alias in YAML; put it in quotes: '
COLON = 'within { } and [ ] a text cannot begin with ":"; put it in quotes: '
FLOW = "within { } and [ ] the characters { } [ ] and , end a text; put it in quotes: "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bind: *:80", f'1:7 {STAR}"*:80"'),
        ("a:\n  host: *.shop.example # all", f'2:9 {STAR}"*.shop.example"'),
        ("a: {host: *.shop.example, to: b}", f'1:11 {STAR}"*.shop.example"'),
        ("a: [x, *]", f'1:8 {STAR}"*"'),
        ("routes:\n  *: b", f'2:3 {STAR}"*"'),
        ("a: *name", f'1:4 {STAR}"*name"'),
        ("x-a: &base 1\na: *other", f'2:4 {STAR}"*other"'),
        (
            "x-a: &base 1\na: *bsae",
            '2:4 "*bsae" is an alias, and nothing above it is marked "&bsae"; did you mean "*base"?',
        ),
        (
            "x-a: [&base {b: 1}]\na: {b: [*bas, *c]}",
            '2:9 "*bas" is an alias, and nothing above it is marked "&bas"; did you mean "*base"?',
        ),
        ("bind: [:18080]", f'1:8 {COLON}":18080"'),
        ("bind: ['127.0.0.1:80', :81 ]", f'1:24 {COLON}":81"'),
        ("a: {b: :80}", f'1:8 {COLON}":80"'),
        ("h: [*.shop.example, b]", f'1:5 {STAR}"*.shop.example"'),
        ("a: &", '1:4 "&" at the beginning of a text means an anchor in YAML; put it in quotes: "&"'),
        ("bind: [::1]:80", '1:7 YAML reads "[" as the beginning of a list; put it in quotes: "[::1]:80"'),
        ("e: [a:1, [::1]:80]", '1:10 YAML reads "[" as the beginning of a list; put it in quotes: "[::1]:80"'),
        ("r: {/users/{id}: a}", f'1:5 {FLOW}"/users/{{id}}"'),
        ("r: {/a: b, /users/{id}/x: a}", f'1:12 {FLOW}"/users/{{id}}/x"'),
        ("e: [${env:HOST}:80, b]", f'1:5 {FLOW}"${{env:HOST}}:80"'),
        ("r: {to: a, rewrite: /x/${path.id}}", f'1:21 {FLOW}"/x/${{path.id}}"'),
        (
            "r: {path: ~/a[0-9]+, to: b}",
            f'1:11 {FLOW}"~/a[0-9]+"',
        ),
        ("a: @x", '1:4 a text cannot begin with "@" in YAML; put it in quotes: "@x"'),
        ("a: `x` b", '1:4 a text cannot begin with "`" in YAML; put it in quotes: "`x`"'),
        ("a: %x", '1:4 a text cannot begin with "%" in YAML; put it in quotes: "%x"'),
        ("a:\n\tb: 1", "2:1 a tab stands where YAML expects blanks; indent by blanks"),
        ("a: ]", '1:4 a text cannot begin with "]" in YAML; put it in quotes'),
        ("a: , b", '1:4 a text cannot begin with "," in YAML; put it in quotes'),
        ("a:\n  to:b\n  c: d", "2:5 a blank is missing after the colon; write to: b"),
        ("a:\n  c: d\n  to:b", "3:5 a blank is missing after the colon; write to: b"),
        ("a: b: c", '1:5 a second ": " stands in one value; put it in quotes: "b: c"'),
        (
            "a: 1\n  b: 2",
            "2:4 is indented deeper than the value above, which is complete; "
            "indent it like the key above, or leave the value above out",
        ),
        ("a:\n  b: 1\n c: 2", "3:2 is indented like no line above it; indent it like the keys that it stands beside"),
        ("- a: 1\n  -c", "2:3 a blank is missing after the dash; write - c"),
        ("a: {b: 1", '1:4 this "{" is never closed; close it with "}"'),
        ("a: [1,\nb: 2", '1:4 this "[" is never closed; close it with "]"'),
        ("a: 'x\nb: 1", "1:4 this quote is never closed; close it on the same line"),
        ('a: "\\d+"', "1:5 \"\\d\" is no escape of a text in double quotes; use single quotes: '…'"),
        ('a: "b" c', "1:8 something stands behind the closing quote; put the whole text in quotes"),
        ("a: [b]c", '1:1 something stands behind the closing bracket; put it in quotes: "[b]c"'),
        ("a: {id}/x", '1:1 something stands behind the closing bracket; put it in quotes: "{id}/x"'),
        (
            "a: >x",
            '1:4 ">" at the beginning of a text means lines of text below in YAML; put it in quotes: ">x"',
        ),
        (
            "a: - b",
            '1:4 "- " cannot stand at the beginning of a value on the same line; '
            'put it on a line of its own, or in quotes: "- b"',
        ),
        ("a: 1\n---\nb: 1", '2:1 a second document begins with "---"; put it into a file of its own'),
        ("a: 1\nb", '2:1 "b" is no key with a value; write key: value'),
    ],
)
def test_the_character_is_named_with_the_fix(text: str, expected: str) -> None:
    problems = read_document(text, "f", Path("/")).problems
    assert [problem.line() for problem in problems] == [f"f:{expected}"]


def test_control_characters_have_no_place() -> None:
    problems = read_document("a: b\x01", "f", Path("/")).problems
    assert [problem.line() for problem in problems] == ["f has a control character (U+0001), which YAML does not allow"]
