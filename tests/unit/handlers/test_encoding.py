"""`jsonable_encoder`: FastAPI's name and parameters."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from fastapi.encoders import jsonable_encoder as fastapis
from pydantic import BaseModel, Field

from glorieta.handlers import jsonable_encoder
from glorieta.handlers.encoding import Unserialisable


class Colour(Enum):
    RED = "red"


class Item(BaseModel):
    name: str = Field(serialization_alias="called")
    size: float = 1.0
    note: str | None = None
    day: date | None = None


class Loose(BaseModel):
    x: Any


@dataclass
class Point:
    x: int
    colour: Colour = Colour.RED


class Opaque:
    def __init__(self) -> None:
        # FastAPI would give what is in it.
        self.secret = 1


class Inner(Opaque):
    pass


ITEM = Item(name="a", day=date(2026, 1, 2))
OPTIONS: list[dict[str, Any]] = [
    {},
    {"by_alias": False},
    {"exclude_unset": True},
    {"exclude_defaults": True},
    {"exclude_none": True},
    {"include": {"name", "day"}},
    {"exclude": {"day"}},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_model_becomes_what_fastapi_makes_of_it(options: dict[str, Any]) -> None:
    assert jsonable_encoder(ITEM, **options) == fastapis(ITEM, **options)


@pytest.mark.parametrize(
    "value",
    [
        {"item": ITEM, "points": [Point(1)], "set": {1}, "pair": (1, 2)},
        [UUID(int=7), date(2026, 1, 2), Colour.RED, None, True, "é"],
        datetime(2026, 1, 2, 3, 4, 5),
    ],
)
def test_other_values_as_well(value: Any) -> None:
    assert jsonable_encoder(value) == fastapis(value)


def test_what_pydantic_says_in_another_way() -> None:
    assert jsonable_encoder(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02T00:00:00Z"


def test_types_that_pydantic_does_not_know() -> None:
    own: dict[type, Callable[[Any], Any]] = {Opaque: lambda value: {"opaque": value.secret}}
    assert jsonable_encoder({"a": Inner()}, custom_encoder=own) == {"a": {"opaque": 1}}
    with pytest.raises(Unserialisable, match="Opaque is no type that pydantic knows; give custom_encoder="):
        jsonable_encoder({"a": Opaque()})


def test_what_is_no_number_is_not_lost() -> None:
    assert math.isnan(jsonable_encoder(Item(name="a", size=math.nan))["size"])
    with pytest.raises(Unserialisable, match="NaN and Infinity are no JSON"):
        jsonable_encoder(Loose(x=[math.nan]))
