"""Fields and tags may have any name, those that pydantic has words of its own for among them."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from glorieta.handlers import Router
from glorieta.handlers.lost_numbers import may_be_told_by_types, may_have_floats
from harness.asked import ask


class Car(BaseModel):
    type: Literal["car"] = "car"
    name: str


class Plane(BaseModel):
    type: Literal["plane"] = "plane"
    name: str
    size: int


class Words(BaseModel):
    type: str
    fields: str
    choices: list[str]
    metadata: str
    default: str
    expected: str
    members: str
    config: dict[str, int]
    serialization: str
    extra_behavior: str


class Told(BaseModel):
    options: dict[str, Any] = {"type": {"type": "float"}}


@dataclass
class Held:
    type: str
    size: int


Vehicle = Annotated[Car | Plane, Field(discriminator="type")]


@pytest.mark.parametrize("kind", [Car, Plane, Car | Plane, Vehicle, list[Vehicle], Words, Held], ids=str)
def test_names_are_no_words_of_a_schema(kind: Any) -> None:
    schema = TypeAdapter(kind).core_schema
    assert (may_have_floats(schema), may_be_told_by_types(schema)) == (False, True)


@pytest.mark.parametrize("name", ["type", "fields", "choices", "metadata", "default", "expected", "members"])
def test_a_number_is_seen_under_each_name(name: str) -> None:
    kind = type("Sized", (BaseModel,), {"__annotations__": {name: float}})
    assert may_have_floats(TypeAdapter(kind).core_schema)


def test_a_route_takes_and_gives_them() -> None:
    router = Router()

    @router.post("/vehicles", response_model=Plane | Car)
    async def vehicles(vehicle: Vehicle) -> Any:
        return vehicle

    @router.post("/told")
    async def told(body: Told) -> Told:
        return body

    plane = {"type": "plane", "name": "kite", "size": 5}
    assert ask(router, "POST", "/vehicles", json_body=plane).json == plane
    refused = ask(router, "POST", "/vehicles", json_body={"type": "boat"})
    assert refused.errors() == [("body", None, "#", "union_tag_invalid")]
    assert ask(router, "POST", "/told", json_body={}).json == {"options": {"type": {"type": "float"}}}
