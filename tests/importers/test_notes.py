"""Every line of every configuration is accounted for, and what has no twin is what is known to have none."""

from __future__ import annotations

import pytest

from .announced import ANNOUNCED
from .corpus import names, read_case
from .twin import Twin, place_of

FEWEST = 50


@pytest.fixture(scope="module", params=names())
def twin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Twin:
    case = read_case(request.param)
    return Twin(case, tmp_path_factory.mktemp("notes"), {})


def test_there_are_enough() -> None:
    assert len(names()) >= FEWEST


def test_every_directive_has_a_note(twin: Twin) -> None:
    noted = {place_of(note) for note in twin.imported.notes}
    assert noted == twin.written().keys()


def test_places_are_right(twin: Twin) -> None:
    texts: dict[str, list[str]] = {}
    for note in twin.imported.notes:
        file = note.place.file
        if file not in texts:
            with open(file, encoding="utf-8") as source:
                texts[file] = source.read().split("\n")
        line = texts[file][note.place.line - 1]
        assert line[note.place.column - 1 :].startswith(note.directive.split(" ")[0].rstrip("…")), note.line()


@pytest.mark.parametrize("kind", ["missing", "nearly"])
def test_notes_are_those_expected(twin: Twin, kind: str) -> None:
    assert twin.said(kind) == sorted(getattr(twin.case, kind)), "\n".join(
        note.line() for note in twin.imported.notes if note.kind == kind
    )


def test_notes_say_why_and_what_instead(twin: Twin) -> None:
    for note in twin.imported.notes:
        if note.kind in ("missing", "nearly"):
            assert note.text, note.line()
            assert note.line() == note.line().strip()


def test_what_differs_has_its_note(twin: Twin) -> None:
    """A difference is allowed only where a note says so."""
    noted = {*twin.said("missing"), *twin.said("nearly")}
    lacking = [each.note for each in twin.case.differs if each.note is not None and each.note not in noted]
    lacking += [name for name in twin.case.known if not ANNOUNCED[name].is_noted(twin.imported.notes)]
    assert not lacking


def test_the_yaml_means_what_the_objects_mean(twin: Twin) -> None:
    plan = twin.plan()
    assert plan["listeners"], twin.imported.yaml
    assert plan == twin.plan_of_objects()
