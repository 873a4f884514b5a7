"""NaN and Infinity: JSON has neither, so no answer says `null` for them, and no body brings them in."""

import logging
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    computed_field,
    field_serializer,
    field_validator,
)

from glorieta.handlers import Event, EventStream, Form, HTTPException, JSONResponse, Query, Router, Upstream
from glorieta.handlers.encoding import Unserialisable, encode_json
from glorieta.handlers.errors import NOWHERE
from glorieta.handlers.live.decoding import decoded
from glorieta.handlers.lost_numbers import may_have_floats
from glorieta.handlers.routing.answers import answer_adapter, encoder
from glorieta.handlers.routing.definition import WHOLE
from harness.asked import Answer, ask

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
    Loose(other=NAN),
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


@pytest.mark.parametrize(
    "path", ["/model", "/converted", "/json-response", "/raised/nan", "/raised/model", "/raised/object", "/call"]
)
def test_it_is_a_500_wherever_it_stands(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = ask(router, "GET", path, upstreams={"users": {"POST /": {}}})
    assert (answer.status, answer.json["request_id"], "detail" in answer.json) == (500, "an-id", False)
    assert "Unserialisable" in caplog.text


@pytest.mark.parametrize(("path", "before"), [("/lines", b'{"x":1.0,"note":null}\n'), ("/events", b"data: ")])
def test_a_stream_is_cut_before_it(path: str, before: bytes) -> None:
    answer = ask(router, "GET", path)
    assert answer.failed
    assert len(answer.pieces) == 1
    assert answer.body.startswith(before)


class Taken(BaseModel):
    """Says itself that it takes what is no number."""

    model_config = ConfigDict(allow_inf_nan=True)

    x: float
    inner: Size | None = None


class Limits(BaseModel):
    most: float = INF
    least: float = Field(default=-INF, allow_inf_nan=True)
    name: str = ""
    unlimited: float | None = None

    @field_validator("unlimited")
    @classmethod
    def none_is_all(cls, value: float | None) -> float:
        return INF if value is None else value


class Body(BaseModel):
    x: float = 0.0
    named: float = Field(default=0.0, validation_alias="other-name")
    choice: float = Field(default=0.0, validation_alias=AliasChoices("a", AliasPath("deep", 0)))
    any: Any = None
    some: list[float] = []
    pair: tuple[float, float] = (0.0, 0.0)
    unique: set[float] = set()
    inner: dict[str, Size] = {}
    whole: Whole = Whole([])
    point: Point = Point(0.0)
    either: float | str = 0.0


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


taking = Router()


@taking.post("/body")
async def body(body: Body) -> str:
    return "taken"


@taking.post("/open")
async def opened(body: Open) -> str:
    return "taken"


@taking.post("/taken")
async def taken(body: Taken) -> str:
    return "taken"


@taking.post("/limits")
async def limits(body: Limits) -> str:
    return f"{body.most} {body.least} {body.unlimited}"


@taking.post("/two")
async def two(first: Size, second: dict[str, Any]) -> str:
    return "taken"


@taking.get("/query")
async def query(size: Annotated[Size, Query()]) -> str:
    return "taken"


@taking.post("/form")
async def form(size: Annotated[Size, Form()]) -> str:
    return "taken"


def post(path: str, body: str) -> Answer:
    return ask(taking, "POST", path, headers={"content-type": "application/json"}, body=body.encode())


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/body", '{"x": "NaN"}', "#/x"),
        ("/body", '{"x": "-infinity"}', "#/x"),
        ("/body", '{"x": "Inf"}', "#/x"),
        ("/body", '{"x": "na_n"}', "#/x"),
        ("/body", '{"x": "\\u004eaN"}', "#/x"),
        ("/body", '{"x": 1e999}', "#/x"),
        ("/body", '{"x": -1E+999}', "#/x"),
        ("/body", '{"x": "1.e999"}', "#/x"),
        ("/body", '{"x": ' + "1" * 250 + "e99}", "#/x"),
        ("/body", '{"other-name": "nan"}', "#/other-name"),
        ("/body", '{"a": "nan"}', "#/a"),
        ("/body", '{"deep": ["nan"]}', "#/deep/0"),
        ("/body", '{"any": {"a": [1, 1e999]}}', "#/any/a/1"),
        ("/body", '{"some": [1, "nan"]}', "#/some/1"),
        ("/body", '{"pair": [1, "nan"]}', "#/pair/1"),
        ("/body", '{"unique": ["nan"]}', "#/unique/0"),
        ("/body", '{"inner": {"a/b": {"x": "nan"}}}', "#/inner/a~1b/x"),
        ("/body", '{"whole": [1, "nan"]}', "#/whole/1"),
        ("/body", '{"point": {"x": "nan"}}', "#/point/x"),
        ("/open", '{"more": 1e999}', "#/more"),
        ("/taken", '{"x": 1, "inner": {"x": "nan"}}', "#/inner/x"),
        ("/limits", '{"most": "inf"}', "#/most"),
        ("/two", '{"first": {"x": "nan"}, "second": {}}', "#/first/x"),
        ("/two", '{"first": {"x": 1}, "second": {"y": 1e999}}', "#/second/y"),
    ],
)
def test_a_body_brings_no_such_number_in(path: str, body: str, pointer: str) -> None:
    answer = post(path, body)
    assert (answer.status, answer.errors()) == (422, [("body", None, pointer, "finite_number")])


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/body", '{"x": 1e200, "either": "nan", "any": "Infinity", "unknown": 1e999}', "taken"),
        ("/taken", '{"x": "nan"}', "taken"),
        ("/limits", '{"name": "information", "unlimited": null}', "inf -inf inf"),
        ("/limits", '{"least": "-inf", "name": "nan"}', "inf -inf None"),
    ],
)
def test_what_is_meant_is_taken(path: str, body: str, said: str) -> None:
    answer = post(path, body)
    assert (answer.status, answer.json) == (200, said)


def test_models_of_the_query_and_of_forms_as_well() -> None:
    assert ask(taking, "GET", "/query?x=n%61n").errors() == [("query", "x", None, "finite_number")]
    assert ask(taking, "GET", "/query?x=1").json == "taken"
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert ask(taking, "POST", "/form", headers=kind, body=b"x=1e999").errors() == [
        ("body", None, "#/x", "finite_number")
    ]


@pytest.mark.parametrize(
    ("model", "body", "place"),
    [
        (Body, b'{"x": "NaN"}', "x"),
        (Body, b'{"some": [1, 1e999]}', "some.1"),
        (Body, b'{"inner": {"a": {"x": "-inf"}}}', "inner.a.x"),
        (float, b'"nan"', "the body"),
        (list[float], b"[1e999]", "0"),
    ],
)
def test_an_upstreams_body_brings_none_into_a_model(model: Any, body: bytes, place: str) -> None:
    with pytest.raises(ValueError, match=f"^{place} is no finite number"):
        decoded(body, "", model)


def test_an_upstreams_body_may_have_what_its_model_takes_and_words_that_look_alike() -> None:
    assert decoded(b'{"x": "NaN"}', "", Loose).x == "NaN"
    assert decoded(b'{"least": "-inf", "name": "nan"}', "", Limits).least == -INF
