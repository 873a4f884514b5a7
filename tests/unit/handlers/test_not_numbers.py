"""NaN and Infinity: JSON has neither, so no answer says `null` for them, and no body brings them in."""

import logging
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, RootModel, computed_field, field_serializer

from glorieta.handlers import Event, EventStream, HTTPException, JSONResponse, Router, Upstream, WebSocket
from glorieta.handlers.encoding import Unserialisable, encode_json
from glorieta.handlers.lost_numbers import may_have_floats
from glorieta.handlers.routing.answers import answer_adapter, encoder
from glorieta.handlers.routing.definition import WHOLE
from glorieta.handlers.errors import NOWHERE
from harness.asked import ask

NAN, INF = math.nan, math.inf


class Size(BaseModel):
    x: float
    note: str | None = None


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")

    x: Any = None


class Sizes(BaseModel):
    name: str = Field(serialization_alias="label")
    all: list[Size] = []
    unique: set[float] = set()
    by_number: dict[int, Size | None] = {}


class Whole(RootModel[list[float]]):
    pass


class Ratio(BaseModel):
    note: None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ratio(self) -> float:
        return NAN


class Hidden(BaseModel):
    x: float = Field(exclude=True)
    note: str | None = None


class Wanted(BaseModel):
    """Says itself that it wants null."""

    model_config = ConfigDict(ser_json_inf_nan="null")

    x: float
    some: list[float] = []
    inner: Size | None = None


class AsText(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="strings")

    x: float
    note: str | None = None


class OwnWords(BaseModel):
    """Says by serialisers what becomes of a number."""

    a: float
    b: Annotated[float, PlainSerializer(lambda value: None, when_used="json")] = 1.0
    c: float = 1.0

    @field_serializer("a")
    def no_a(self, value: float) -> float | None:
        return None if math.isnan(value) else value

    @field_serializer("c", when_used="json-unless-none")
    def no_c(self, value: float) -> float | None:
        return None if math.isnan(value) else value


@dataclass
class Point:
    x: float
    note: str | None = None


LOST = [
    Size(x=NAN),
    {"m": Size(x=INF)},
    [None, {"m": [Size(x=1.0), Size(x=-INF)]}],
    Loose(x=NAN),
    Loose(x={"a": [NAN]}),
    Loose(x=Size(x=NAN)),
    Loose(x=Point(NAN)),
    Loose(**{"other": NAN}),
    Sizes(name="a", all=[Size(x=1.0), Size(x=NAN)]),
    Sizes(name="a", unique={NAN}),
    Sizes(name="a", by_number={1: None, 2: Size(x=NAN)}),
    Whole([1.0, NAN]),
    Ratio(),
    Point(NAN),
    Wanted(x=1.0, inner=Size(x=NAN)),
    {"a": Wanted(x=NAN), "b": Size(x=NAN)},
]
KEPT = [
    (Size(x=1.0), {"x": 1.0, "note": None}),
    (Hidden(x=NAN), {"note": None}),
    (Wanted(x=NAN, some=[INF]), {"x": None, "some": [None], "inner": None}),
    (AsText(x=NAN), {"x": "NaN", "note": None}),
    (OwnWords(a=NAN, b=NAN, c=NAN), {"a": None, "b": None, "c": None}),
    (Loose(x="NaN", y="null"), {"x": "NaN", "y": "null"}),
    ({"m": Size(x=1.0), "text": "NaN is null"}, {"m": {"x": 1.0, "note": None}, "text": "NaN is null"}),
    ([None, Point(1.0)], [None, {"x": 1.0, "note": None}]),
]


def typed(value: Any) -> bytes:
    """The JSON of a handler that says what it returns."""
    return encoder(answer_adapter(type(value), "handler", NOWHERE), WHOLE, "handler")(value)


@pytest.mark.parametrize("value", LOST, ids=repr)
def test_no_answer_says_null_for_what_is_no_number(value: Any) -> None:
    with pytest.raises(Unserialisable, match="NaN and Infinity are no JSON"):
        encode_json(value)
    if isinstance(value, BaseModel):
        with pytest.raises(Unserialisable, match="NaN and Infinity are no JSON"):
            typed(value)


@pytest.mark.parametrize(("value", "said"), KEPT, ids=repr)
def test_null_that_is_meant_stays(value: Any, said: Any) -> None:
    answer = ask(returning(value), "GET", "/")
    assert (answer.status, answer.json) == (200, said)
    if isinstance(value, BaseModel):
        assert typed(value) == encode_json(value)


def returning(value: Any) -> Router:
    router = Router()

    @router.get("/")
    async def handler() -> Any:
        return value

    return router


def test_which_models_are_looked_at() -> None:
    class Without(BaseModel):
        a: int
        b: str | None
        c: list[bool] = []

    class Nested(BaseModel):
        inner: dict[str, Size] | None = None

    schemas = {kind: kind.__pydantic_core_schema__ for kind in (Without, Nested, Loose, Ratio, Whole)}
    looked_at = [kind for kind, schema in schemas.items() if may_have_floats(schema)]
    assert looked_at == [Nested, Loose, Ratio, Whole]


router = Router(calls=["users"])


@router.get("/model")
async def model() -> Size:
    return Size(x=NAN)


@router.get("/converted")
async def converted() -> Size:
    return {"x": NAN}  # type: ignore[return-value]


@router.get("/json-response")
async def json_response() -> JSONResponse:
    return JSONResponse({"m": Size(x=NAN)})


@router.get("/raised/{what}")
async def raised(what: str) -> None:
    raise HTTPException(400, {"nan": {"x": NAN}, "model": Size(x=NAN), "object": object()}[what])


@router.get("/call")
async def call(users: Upstream) -> Any:
    return await users.post("/", json=Size(x=NAN)).json()


@router.get("/lines")
async def lines() -> AsyncIterator[Size]:
    yield Size(x=1.0)
    yield Size(x=NAN)


@router.get("/events")
async def events() -> EventStream:
    async def made() -> AsyncIterator[Event]:
        yield Event(Size(x=1.0))
        yield Event(Size(x=NAN))

    return EventStream(made())


@router.websocket("/socket")
async def socket(socket: WebSocket) -> None:
    raise HTTPException(400, {"x": NAN})


@pytest.mark.parametrize(
    "path", ["/model", "/converted", "/json-response", "/raised/nan", "/raised/model", "/raised/object", "/call"]
)
def test_it_is_a_500_wherever_it_stands(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = ask(router, "GET", path, upstreams={"users": {"POST /": {}}})
    assert (answer.status, answer.json["id"], "detail" in answer.json) == (500, "an-id", False)
    assert "Unserialisable" in caplog.text


@pytest.mark.parametrize(("path", "before"), [("/lines", b'{"x":1.0,"note":null}\n'), ("/events", b"data: ")])
def test_a_stream_is_cut_before_it(path: str, before: bytes) -> None:
    answer = ask(router, "GET", path)
    assert answer.failed
    assert len(answer.pieces) == 1
    assert answer.body.startswith(before)
