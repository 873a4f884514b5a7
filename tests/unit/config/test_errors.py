"""How errors look: for a person in lines, for a program as JSON."""

from __future__ import annotations

from glorieta.config.errors import (
    ConfigError,
    Place,
    Problem,
    Severity,
    did_you_mean,
    format_problems,
    nearest,
    path_text,
    sort_problems,
)

ONE = Problem(("listeners", "web", "routes", "/a/*"), 'unknown key "x"', 'did you mean "to"?', Place("f.yaml", 6, 38))
TWO = Problem(("upstreams", "a"), "is used by nothing", place=Place("f.yaml", 10, 3), severity="warning")


def test_the_lines_are_those_of_the_design() -> None:
    two = Problem(
        ("upstreams", "a", "health", "every"), '"5" has no unit', "write 5s or 5m", Place("glorieta.yaml", 10, 24)
    )
    one = Problem(ONE.path, ONE.message, ONE.fix, Place("glorieta.yaml", 6, 38))
    assert format_problems([one, two]) == (
        'glorieta.yaml:6:38  listeners.web.routes."/a/*": unknown key "x"; did you mean "to"?\n'
        'glorieta.yaml:10:24 upstreams.a.health.every: "5" has no unit; write 5s or 5m\n'
        "2 errors; nothing was changed"
    )


def test_warnings_are_told_apart() -> None:
    assert format_problems([TWO]) == "f.yaml:10:3 upstreams.a: warning: is used by nothing\n1 warning"
    assert format_problems([ONE, TWO]).endswith("\n1 error, 1 warning; nothing was changed")
    assert format_problems([]) == ""


def test_problems_as_json() -> None:
    assert ONE.as_json() == {
        "severity": "error",
        "code": None,
        "file": "f.yaml",
        "line": 6,
        "column": 38,
        "path": 'listeners.web.routes."/a/*"',
        "message": 'unknown key "x"',
        "fix": 'did you mean "to"?',
        "also": None,
    }
    both = Problem(("a",), "collides", file="shop.edge:edge", also=("b", 0), also_place=Place("f", 1, 2))
    assert both.as_json()["also"] == {"path": "b.0", "file": "f", "line": 1, "column": 2}
    assert both.as_json()["file"] == "shop.edge:edge"
    assert both.line() == "shop.edge:edge a: collides (the other: f:1:2 b.0)"
    assert ConfigError([ONE]).as_json() == {"problems": [ONE.as_json()]}
    assert str(ConfigError([ONE])) == format_problems([ONE])


def test_problems_are_sorted_and_each_told_once() -> None:
    first = Problem((), "x", place=Place("f", 1, 1))
    assert sort_problems([TWO, ONE, first, ONE]) == [first, ONE, TWO]


def test_paths_quote_what_is_no_word() -> None:
    assert path_text(("a", 0, "b-c", "x y", "/p")) == 'a.0.b-c."x y"."/p"'


def test_the_nearest_word_is_found() -> None:
    assert nearest("Strip_prefx", ["strip_prefix", "to"]) == "strip_prefix"
    assert nearest("zzz", ["to"]) is None
    assert did_you_mean("zzz", ["to", "at"]) == "known are at, to"
    assert did_you_mean("zzz", [str(number) for number in range(30)]) is None
    assert did_you_mean("zzz", []) is None


def test_notes_are_counted_by_themselves_and_marked() -> None:
    kinds: tuple[Severity, ...] = ("error", "warning", "note", "note")
    problems = [Problem(("upstreams", "a"), "is so", severity=each, code="sticky") for each in kinds]
    lines = format_problems(problems).splitlines()
    assert lines[0] == "upstreams.a: sticky: is so"
    assert lines[2] == "upstreams.a: note: sticky: is so"
    assert lines[-1] == "1 error, 1 warning, 2 notes; nothing was changed"
    assert format_problems(problems[2:]).splitlines()[-1] == "2 notes"
