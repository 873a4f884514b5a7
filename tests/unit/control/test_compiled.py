"""The document that passes between the child and the serving process."""

from __future__ import annotations

import pytest

from glorieta.control.compiled import Compiled, refusal


def test_what_is_encoded_is_decoded() -> None:
    compiled = Compiled(
        plan='{"a": "line\nbreak, ñ"}',
        version="0123456789ab",
        files={"/a.yaml": [1, 2, 3, 4, 5], "/missing": None},
        watch=False,
        short="web",
        warnings=[{"message": "careful"}],
        warnings_text="careful",
        changes=[{"sign": "+"}],
        changes_text="+ route",
    )
    assert Compiled.decode(compiled.encode()) == compiled


def test_a_refusal_has_no_plan() -> None:
    decoded = Compiled.decode(refusal("it took too long").encode())
    assert decoded.refused
    assert decoded.plan is None
    assert decoded.problems[0]["message"] == decoded.problems_text == "it took too long"


def test_the_plan_comes_first_and_can_be_taken_before_the_rest_is_there() -> None:
    compiled = Compiled(plan="{ñ}", version="abc", secrets={"/key": [1, 2, 3, 4, 5]}, changes_text="+ it")
    document = compiled.encode()
    known = [Compiled.decode_plan(document[:length]) for length in range(len(document) + 1)]
    complete = len(compiled.encode_plan())
    assert known[:complete] == [None] * complete
    first = Compiled(plan="{ñ}", version="abc", secrets={"/key": [1, 2, 3, 4, 5]})
    assert all(each == (first, complete) for each in known[complete:])
    assert first.completed(compiled.encode_rest()) == compiled


@pytest.mark.parametrize("document", [b"", b"{}", b'{"plan": 1', b"Traceback\n"])
def test_half_a_document_is_an_error(document: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        Compiled.decode(document)
