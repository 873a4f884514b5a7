"""The strictest `Cache-Control` of several answers is the same for `gather` in Python and for `gather:` in the engine.

The engine reads the same table: `engine/policy/tests/caching.rs`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.handlers.live.caching import Caching
from glorieta.handlers.live.response import UpstreamResponse
from glorieta.handlers.transport import CallResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = json.loads((Path(__file__).parent / "caching.json").read_text())
UNKNOWN = "unknown"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["about"])
def test_python_says_what_the_table_says(case: dict[str, Any]) -> None:
    caching = strictest(case["parts"])
    assert (caching.header(), caching.vary()) == (case["control"], case["vary"])
    assert strictest(reversed(case["parts"])).header() == case["control"], "in any order"


def strictest(parts: Iterable[Any]) -> Caching:
    caching = Caching()
    for part in parts:
        if part == UNKNOWN:
            caching.add_unknown()
            continue
        lists = {name: [values] if isinstance(values, str) else values for name, values in part.items()}
        fields = [(name, value) for name, values in lists.items() for value in values]
        caching.add(UpstreamResponse("users", "GET", "/", CallResponse(200, fields, b""), b""))
    return caching


def test_a_part_that_was_not_only_read_is_unknown() -> None:
    caching = Caching()
    caching.add(
        UpstreamResponse(
            "users", "POST", "/", CallResponse(200, [("cache-control", "max-age=9"), ("vary", "*")], b""), b""
        )
    )
    assert (caching.header(), caching.vary()) == (None, [])
