"""Code for path, query, headers, cookies, bodies and forms means the same as in FastAPI, with only its imports changed.

Each case is a program and requests to it. Where FastAPI is installed, both answer and are compared; the expected
answers stand here as well, so that nothing is lost where it is not.
"""

from __future__ import annotations

import json
import types
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from harness.asked import ask

NAMES = "Body, Cookie, Depends, File, Form, Header, HTTPException, Path, Query, Request, Response, UploadFile, status"
COMMON = """
import datetime, decimal, enum, uuid
from typing import Annotated, Any, Literal, Union
from pydantic import AfterValidator, BaseModel, Field, HttpUrl
"""
OURS = f"from glorieta.handlers import Router as App, JSONResponse, RequestValidationError, {NAMES}"
THEIRS = f"""
from fastapi import FastAPI as App, {NAMES}
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
"""


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    status: int
    expected: Any
    """The body of a success; of a 422 the source, name and code of each wrong value."""
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    form: dict[str, str] | None = None
    raw: bytes | None = None

    def sent(self) -> tuple[dict[str, str], bytes]:
        if self.json is not None:
            return {**self.headers, "content-type": "application/json"}, json.dumps(self.json).encode()
        if self.form is not None:
            kind = "application/x-www-form-urlencoded"
            return {**self.headers, "content-type": kind}, urlencode(self.form).encode()
        return self.headers, self.raw or b""


def get(target: str, expected: Any, status: int = 200, **headers: str) -> Asked:
    return Asked("GET", target, status, expected, {name.replace("_", "-"): value for name, value in headers.items()})


def post(target: str, body: Any, expected: Any, status: int = 200) -> Asked:
    return Asked("POST", target, status, expected, json=body)


CASES: dict[str, tuple[str, list[Asked]]] = {
    "fields that are called type, and a choice by them": (
        """
class Car(BaseModel):
    type: Literal["car"] = "car"
    doors: int

class Boat(BaseModel):
    type: Literal["boat"] = "boat"
    sails: int

@app.post("/vehicles", response_model=Car | Boat)
async def vehicles(vehicle: Annotated[Car | Boat, Field(discriminator="type")]):
    return vehicle
""",
        [
            post("/vehicles", {"type": "boat", "sails": 2}, {"type": "boat", "sails": 2}),
            post("/vehicles", {"type": "car"}, [("body", "car/doors", "missing")], 422),
            post("/vehicles", {"type": "cart"}, [("body", "", "union_tag_invalid")], 422),
        ],
    ),
    "a header several times": (
        """
@app.get("/tokens")
async def tokens(x_token: Annotated[list[str] | None, Header()] = None, x_one: Annotated[str, Header()] = ""):
    return {"all": x_token, "one": x_one}
""",
        [
            get("/tokens", {"all": None, "one": ""}),
            get("/tokens", {"all": ["a, b"], "one": "c"}, x_token="a, b", x_one="c"),
        ],
    ),
    "what was wrong, told by the program": (
        """
class Sent(BaseModel):
    size: int

@app.exception_handler(RequestValidationError)
async def told(request: Request, error: RequestValidationError):
    wrong = [(each["loc"], each["type"]) for each in error.errors()]
    return JSONResponse({"wrong": wrong, "body": error.body}, 203)

@app.post("/sent")
async def sent(sent: Sent):
    return sent

@app.get("/sent/{size}")
async def sized(size: int):
    return size
""",
        [
            post("/sent", {"size": 1}, {"size": 1}),
            post("/sent", {"size": "XL"}, {"wrong": [[["body", "size"], "int_parsing"]], "body": {"size": "XL"}}, 203),
            get("/sent/XL", {"wrong": [[["path", "size"], "int_parsing"]], "body": None}, 203),
        ],
    ),
    "a typed part of the path": (
        """
@app.get("/articles/{number}")
async def article(number: int):
    return {"number": number, "next": number + 1}
""",
        [
            get("/articles/41", {"number": 41, "next": 42}),
            get("/articles/first", [("path", "number", "int_parsing")], 422),
            get("/articles/4.5", [("path", "number", "int_parsing")], 422),
        ],
    ),
    "a choice in the path": (
        """
class Size(str, enum.Enum):
    small = "s"
    large = "l"

@app.get("/shirts/{size}")
async def shirt(size: Size):
    return {"size": size, "is_large": size is Size.large}
""",
        [
            get("/shirts/l", {"size": "l", "is_large": True}),
            get("/shirts/xl", [("path", "size", "enum")], 422),
        ],
    ),
    "the rest of the path": (
        """
@app.get("/tree/{where:path}")
async def tree(where: str):
    return {"where": where}
""",
        [get("/tree/a/b/c.txt", {"where": "a/b/c.txt"}), get("/tree/a%20b", {"where": "a b"})],
    ),
    "numbers with bounds in the path": (
        """
@app.get("/rooms/{floor}/{room}")
async def room(
    floor: Annotated[int, Path(title="Floor", ge=0, le=9)],
    room: Annotated[int, Path(gt=0)],
    share: Annotated[float, Query(gt=0, lt=1)] = 0.5,
):
    return {"floor": floor, "room": room, "share": share}
""",
        [
            get("/rooms/0/1?share=0.25", {"floor": 0, "room": 1, "share": 0.25}),
            get("/rooms/10/0", [("path", "floor", "less_than_equal"), ("path", "room", "greater_than")], 422),
            get("/rooms/1/1?share=1", [("query", "share", "less_than")], 422),
        ],
    ),
    "defaults and optional values in the query": (
        """
@app.get("/list")
async def listing(skip: int = 0, limit: int | None = None, q: Union[str, None] = None, short: bool = False):
    return {"skip": skip, "limit": limit, "q": q, "short": short}
""",
        [
            get("/list", {"skip": 0, "limit": None, "q": None, "short": False}),
            get("/list?skip=5&limit=3&q=a+b%26c&short=on", {"skip": 5, "limit": 3, "q": "a b&c", "short": True}),
            get("/list?short=1", {"skip": 0, "limit": None, "q": None, "short": True}),
            get("/list?short=maybe", [("query", "short", "bool_parsing")], 422),
            get("/list?q=", {"skip": 0, "limit": None, "q": "", "short": False}),
            get("/list?skip=1&skip=2", {"skip": 2, "limit": None, "q": None, "short": False}),
        ],
    ),
    "a required value of the query": (
        """
@app.get("/needed")
async def needed(word: str, times: int):
    return {"words": word * times}
""",
        [
            get("/needed?word=ab&times=2", {"words": "abab"}),
            get("/needed", [("query", "word", "missing"), ("query", "times", "missing")], 422),
        ],
    ),
    "text with constraints, and an alias": (
        """
@app.get("/search")
async def search(
    q: Annotated[str | None, Query(alias="search-for", min_length=3, max_length=6, pattern="^[a-z]+$", deprecated=True)] = None
):
    return {"q": q}
""",
        [
            get("/search?search-for=abc", {"q": "abc"}),
            get("/search?q=abc", {"q": None}),
            get("/search?search-for=ab", [("query", "search-for", "string_too_short")], 422),
            get("/search?search-for=abcdefg", [("query", "search-for", "string_too_long")], 422),
            get("/search?search-for=AB1", [("query", "search-for", "string_pattern_mismatch")], 422),
        ],
    ),
    "several values of one name": (
        """
@app.get("/tags")
async def tags(tag: Annotated[list[str], Query()] = ["none"], number: Annotated[set[int] | None, Query(max_length=2)] = None):
    return {"tags": tag, "sum": sum(number or [])}
""",
        [
            get("/tags", {"tags": ["none"], "sum": 0}),
            get("/tags?tag=a&tag=b&number=1&number=2&number=2", {"tags": ["a", "b"], "sum": 3}),
            get("/tags?number=1&number=x", [("query", "number", "int_parsing")], 422),
        ],
    ),
    "defaults written as Query()": (
        """
@app.get("/old")
async def old(a: str = Query(default="x", min_length=1), b: list[int] = Query(default=[]), c: int = Query(..., ge=1)):
    return {"a": a, "b": b, "c": c}
""",
        [
            get("/old?c=1", {"a": "x", "b": [], "c": 1}),
            get("/old?c=1&b=3&b=4&a=y", {"a": "y", "b": [3, 4], "c": 1}),
            get("/old?b=3", [("query", "c", "missing")], 422),
        ],
    ),
    "a validator of one's own": (
        """
def even(value: int) -> int:
    if value % 2:
        raise ValueError("odd")
    return value

@app.get("/even")
async def evens(n: Annotated[int, AfterValidator(even)] = 0):
    return {"n": n}
""",
        [get("/even?n=4", {"n": 4}), get("/even?n=5", [("query", "n", "value_error")], 422)],
    ),
    "types beyond numbers and text": (
        """
@app.get("/types")
async def kinds(
    id: uuid.UUID, day: datetime.date, wait: datetime.timedelta, price: decimal.Decimal, kind: Literal["a", "b"] = "a"
):
    return {"id": id, "day": day, "minutes": wait.total_seconds() / 60, "cents": int(price * 100), "kind": kind}
""",
        [
            get(
                "/types?id=12345678-1234-5678-1234-567812345678&day=2026-02-28&wait=PT5M&price=1.25&kind=b",
                {
                    "id": "12345678-1234-5678-1234-567812345678",
                    "day": "2026-02-28",
                    "minutes": 5.0,
                    "cents": 125,
                    "kind": "b",
                },
            ),
            get(
                "/types?id=1&day=2026-02-30&wait=x&price=y&kind=c",
                [
                    ("query", "id", "uuid_parsing"),
                    ("query", "day", "date_from_datetime_parsing"),
                    ("query", "wait", "time_delta_parsing"),
                    ("query", "price", "decimal_parsing"),
                    ("query", "kind", "literal_error"),
                ],
                422,
            ),
        ],
    ),
    "a model of the query": (
        """
class Filters(BaseModel):
    model_config = {"extra": "forbid"}
    limit: int = Field(100, gt=0, le=100)
    order: Literal["new", "old"] = "new"
    tags: list[str] = []

@app.get("/filtered")
async def filtered(filters: Annotated[Filters, Query()]):
    return filters
""",
        [
            get("/filtered", {"limit": 100, "order": "new", "tags": []}),
            get("/filtered?limit=5&order=old&tags=a&tags=b", {"limit": 5, "order": "old", "tags": ["a", "b"]}),
            get(
                "/filtered?limit=0&tool=x",
                [("query", "limit", "greater_than"), ("query", "tool", "extra_forbidden")],
                422,
            ),
        ],
    ),
    "headers": (
        """
@app.get("/headers")
async def headers(
    user_agent: Annotated[str | None, Header()] = None,
    x_token: Annotated[list[str] | None, Header()] = None,
    strange_one: Annotated[str | None, Header(convert_underscores=False)] = None,
    level: Annotated[int, Header(alias="X-Level", ge=1)] = 1,
):
    return {"agent": user_agent, "tokens": x_token, "strange": strange_one, "level": level}
""",
        [
            get("/headers", {"agent": "me", "tokens": None, "strange": None, "level": 1}, user_agent="me"),
            get(
                "/headers",
                {"agent": "me", "tokens": ["t"], "strange": None, "level": 3},
                user_agent="me",
                X_Token="t",
                x_level="3",
            ),
            get("/headers", [("header", "X-Level", "greater_than_equal")], 422, x_level="0"),
        ],
    ),
    "a model of headers": (
        """
class Common(BaseModel):
    save_data: bool
    traceparent: str | None = None
    x_tag: list[str] = []

@app.get("/common")
async def common(headers: Annotated[Common, Header()]):
    return headers
""",
        [
            get("/common", {"save_data": True, "traceparent": None, "x_tag": ["a"]}, save_data="true", x_tag="a"),
            get("/common", [("header", "save-data", "missing")], 422),
        ],
    ),
    "cookies": (
        """
class Cookies(BaseModel):
    session: str
    visits: int = 0

@app.get("/cookies")
async def cookies(ads: Annotated[str | None, Cookie()] = None):
    return {"ads": ads}

@app.get("/cookie-model")
async def model(cookies: Annotated[Cookies, Cookie()]):
    return cookies
""",
        [
            get("/cookies", {"ads": None}),
            get("/cookies", {"ads": "yes"}, cookie="a=b; ads=yes"),
            get("/cookies", {"ads": "a b"}, cookie='ads="a b"'),
            get("/cookie-model", {"session": "s", "visits": 3}, cookie="session=s; visits=3"),
            get(
                "/cookie-model",
                [("cookie", "session", "missing"), ("cookie", "visits", "int_parsing")],
                422,
                cookie="visits=x",
            ),
        ],
    ),
    "a model as body": (
        """
class Item(BaseModel):
    name: str = Field(max_length=10)
    price: float
    tax: float | None = None

@app.post("/items", status_code=201)
async def create(item: Item):
    return {**item.model_dump(), "total": item.price + (item.tax or 0)}

@app.post("/items/{id}")
async def update(id: int, item: Item, q: str | None = None):
    return {"id": id, "q": q, "item": item}
""",
        [
            post("/items", {"name": "a", "price": 2}, {"name": "a", "price": 2.0, "tax": None, "total": 2.0}, 201),
            post(
                "/items/7?q=x",
                {"name": "a", "price": "2.5"},
                {"id": 7, "q": "x", "item": {"name": "a", "price": 2.5, "tax": None}},
            ),
            post(
                "/items", {"name": "a" * 11}, [("body", "name", "string_too_long"), ("body", "price", "missing")], 422
            ),
            post("/items/x", {"price": 1}, [("path", "id", "int_parsing"), ("body", "name", "missing")], 422),
            Asked("POST", "/items", 422, [("body", "", "missing")]),
        ],
    ),
    "several parameters in one body": (
        """
class Item(BaseModel):
    name: str

class User(BaseModel):
    nick: str

@app.post("/both")
async def both(item: Item, user: User | None = None, importance: Annotated[int, Body(gt=0)] = 1):
    return {"item": item, "user": user, "importance": importance}

@app.post("/embedded")
async def embedded(item: Annotated[Item, Body(embed=True)]):
    return item

@app.post("/single")
async def single(count: Annotated[int, Body()]):
    return count
""",
        [
            post(
                "/both",
                {"item": {"name": "a"}, "user": {"nick": "b"}, "importance": 5},
                {"item": {"name": "a"}, "user": {"nick": "b"}, "importance": 5},
            ),
            post("/both", {"item": {"name": "a"}}, {"item": {"name": "a"}, "user": None, "importance": 1}),
            post(
                "/both",
                {"item": {}, "importance": 0},
                [("body", "item/name", "missing"), ("body", "importance", "greater_than")],
                422,
            ),
            post("/embedded", {"item": {"name": "a"}}, {"name": "a"}),
            post("/embedded", {"name": "a"}, [("body", "item", "missing")], 422),
            post("/single", 5, 5),
        ],
    ),
    "lists and dicts as body": (
        """
class Image(BaseModel):
    url: HttpUrl
    size: tuple[int, int] = (1, 1)

@app.post("/images")
async def images(images: list[Image]):
    return images

@app.post("/weights")
async def weights(weights: dict[int, float]):
    return weights

@app.post("/plain")
async def plain(anything: dict):
    return anything
""",
        [
            post(
                "/images",
                [{"url": "http://a.example/", "size": [2, 3]}],
                [{"url": "http://a.example/", "size": [2, 3]}],
            ),
            post("/images", [{"url": "x"}], [("body", "0/url", "url_parsing")], 422),
            post("/weights", {"1": 2}, {"1": 2.0}),
            post("/weights", {"a": 2}, [("body", "a/[key]", "int_parsing")], 422),
            post("/plain", {"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}),
        ],
    ),
    "what answers may have": (
        """
class UserIn(BaseModel):
    name: str
    password: str

class UserOut(BaseModel):
    name: str
    nick: str | None = None

class Sparse(BaseModel):
    a: int = 1
    b: int = 2

@app.post("/users", response_model=UserOut)
async def create(user: UserIn) -> Any:
    return user

@app.post("/same")
async def same(user: UserIn) -> UserOut:
    return user

@app.get("/sparse", response_model=Sparse, response_model_exclude_unset=True)
async def sparse():
    return {"b": 5}

@app.get("/some", response_model=Sparse, response_model_include={"a"})
async def some():
    return Sparse()

@app.get("/none", status_code=status.HTTP_204_NO_CONTENT)
async def none():
    return None

@app.get("/text")
async def text():
    return "text"
""",
        [
            post("/users", {"name": "a", "password": "b"}, {"name": "a", "nick": None}),
            post("/same", {"name": "a", "password": "b"}, {"name": "a", "nick": None}),
            get("/sparse", {"b": 5}),
            get("/some", {"a": 1}),
            get("/none", None, 204),
            get("/text", "text"),
        ],
    ),
    "forms": (
        """
class Login(BaseModel):
    name: str
    password: str = ""
    roles: list[str] = []

@app.post("/login")
async def login(name: Annotated[str, Form()], age: Annotated[int, Form()] = 1):
    return {"name": name, "age": age}

@app.post("/model")
async def model(data: Annotated[Login, Form()]):
    return data
""",
        [
            Asked("POST", "/login", 200, {"name": "a b", "age": 3}, form={"name": "a b", "age": "3"}),
            Asked(
                "POST", "/login", 422, [("body", "name", "missing"), ("body", "age", "int_parsing")], form={"age": "x"}
            ),
            Asked("POST", "/login", 422, [("body", "name", "missing")], form={"name": ""}),
            Asked(
                "POST",
                "/model",
                200,
                {"name": "a", "password": "b", "roles": ["r"]},
                form={"name": "a", "password": "b", "roles": "r"},
            ),
        ],
    ),
    "dependencies": (
        """
async def paging(skip: int = 0, limit: int = 10):
    return {"skip": skip, "limit": limit}

class Query2:
    def __init__(self, q: str | None = None, page: Annotated[dict, Depends(paging)] = None):
        self.q, self.page = q, page

def token(x_token: Annotated[str, Header()]):
    if x_token != "secret":
        raise HTTPException(status_code=401, detail="wrong token", headers={"X-Why": "token"})
    return x_token

@app.get("/page")
async def page(page: Annotated[dict, Depends(paging)], again: dict = Depends(paging)):
    return {"page": page, "same": page is again}

@app.get("/class")
async def with_class(query: Annotated[Query2, Depends()]):
    return {"q": query.q, "page": query.page}

@app.get("/guarded", dependencies=[Depends(token)])
async def guarded(n: int = 0):
    return n
""",
        [
            get("/page?limit=3", {"page": {"skip": 0, "limit": 3}, "same": True}),
            get("/page?limit=x", [("query", "limit", "int_parsing")], 422),
            get("/class?q=a&skip=2", {"q": "a", "page": {"skip": 2, "limit": 10}}),
            get("/guarded?n=4", 4, x_token="secret"),
            get("/guarded?n=x", {"detail": "wrong token"}, 401, x_token="other"),
            get("/guarded?n=x", [("header", "x-token", "missing"), ("query", "n", "int_parsing")], 422),
        ],
    ),
    "the request, and the answer's headers": (
        """
@app.get("/seen/{name}")
async def seen(name: str, request: Request, response: Response):
    response.headers["X-Seen"] = name
    response.status_code = 202
    return {
        "method": request.method,
        "path": request.url.path,
        "q": request.query_params.get("q"),
        "name": request.path_params["name"],
        "header": request.headers["X-Header"],
        "cookie": request.cookies.get("c"),
    }
""",
        [
            get(
                "/seen/a?q=1",
                {"method": "GET", "path": "/seen/a", "q": "1", "name": "a", "header": "h", "cookie": "d"},
                202,
                x_header="h",
                cookie="c=d",
            )
        ],
    ),
}
REQUESTS = [(name, asked) for name, (_, requests) in CASES.items() for asked in requests]


def program(imports: str, text: str) -> Any:
    """The application of a program."""
    module = types.ModuleType("program")
    text = COMMON + imports + "\napp = App()\n" + text
    # It is a module of its own: annotations are objects there, and not text as in this one.
    exec(compile(text, "<program>", "exec", dont_inherit=True), module.__dict__)
    return module.__dict__["app"]


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return {name: program(OURS, text).table() for name, (text, _) in CASES.items()}


@pytest.fixture(scope="module")
def theirs() -> dict[str, Any]:
    pytest.importorskip("fastapi", reason="FastAPI is not installed: the answers are NOT compared with it")
    testclient = pytest.importorskip("fastapi.testclient", reason="FastAPI's test client lacks httpx")
    return {name: testclient.TestClient(program(THEIRS, text)) for name, (text, _) in CASES.items()}


def summary(status: int, body: bytes) -> Any:
    """What is compared: of a success all of it, of a 422 where and what, of other refusals the detail."""
    if not body:
        return None
    value = json.loads(body)
    if status == 422:
        if "errors" in value:
            return [(each["in"], ours_named(each), each["code"]) for each in value["errors"]]
        # A dependency that is used twice is reported twice there.
        return list(dict.fromkeys(theirs_named(each) for each in value["detail"]))
    return {"detail": value["detail"]} if status >= 400 else value


def ours_named(error: dict[str, Any]) -> str:
    return error["name"] if "name" in error else error["pointer"].removeprefix("#").removeprefix("/")


def theirs_named(error: dict[str, Any]) -> tuple[str, str, str]:
    place, *rest = error["loc"]
    return place, "/".join(map(str, rest)) if place == "body" else str(rest[0]), error["type"]


@pytest.mark.parametrize(
    ("name", "asked"), REQUESTS, ids=lambda value: value if isinstance(value, str) else value.target
)
def test_answers_are_what_the_documents_say(ours: dict[str, Any], name: str, asked: Asked) -> None:
    headers, body = asked.sent()
    answer = ask(ours[name], asked.method, asked.target, headers=headers, body=body)
    assert (answer.status, summary(asked.status, answer.body)) == (asked.status, asked.expected), answer.text


@pytest.mark.parametrize(
    ("name", "asked"), REQUESTS, ids=lambda value: value if isinstance(value, str) else value.target
)
def test_answers_are_the_same_in_fastapi(theirs: dict[str, Any], name: str, asked: Asked) -> None:
    headers, body = asked.sent()
    answer = theirs[name].request(asked.method, asked.target, headers=headers, content=body)
    assert (answer.status_code, summary(asked.status, answer.content)) == (asked.status, asked.expected), answer.text
