"""The OpenAPI document says what requests are validated by."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from glorieta.handlers import (
    Body,
    Cookie,
    Depends,
    EventStream,
    Form,
    Header,
    Query,
    Response,
    Router,
    UploadFile,
    WebSocket,
)
from harness.asked import ask


class Item(BaseModel):
    name: str = Field(description="What it is called")
    parts: list["Item"] = []


class Filters(BaseModel):
    limit: int = Field(10, gt=0)
    order: Literal["new", "old"] = "new"
    words: list[str]


class Message(BaseModel):
    text: str


async def user(x_user: Annotated[str, Header(description="Who asks")]) -> str:
    return x_user


router = Router(title="Shop", version="7", description="All of it", openapi_url="/openapi.json", tags=["shop"])


@router.get("/items/{id}", responses={404: {"model": Message, "description": "No such item"}, 503: {}})
async def one(
    id: Annotated[int, Field(ge=1)],
    filters: Annotated[Filters, Query()],
    user: Annotated[str, Depends(user)],
    old: Annotated[bool, Query(deprecated=True)] = False,
    theme: Annotated[str | None, Cookie()] = None,
    hidden: Annotated[int, Query(include_in_schema=False)] = 0,
) -> Item:
    """One item.

    With its parts.
    """
    raise NotImplementedError


@router.post("/items", status_code=201, summary="Make one", response_description="It is made", deprecated=True)
async def make(item: Item) -> Item:
    raise NotImplementedError


@router.put("/items/{id}/{rest:path}")
async def put(item: Item, weight: Annotated[float, Body(gt=0)]) -> None: ...


@router.post("/form")
async def form(note: Annotated[str, Form()], picture: UploadFile | None = None) -> Any: ...


@router.delete("/items/{id}", status_code=204)
async def delete(id: int) -> Response:
    raise NotImplementedError


@router.get("/events", response_class=EventStream)
async def events() -> Any:
    yield 1


@router.get("/hidden", include_in_schema=False)
async def hidden() -> None: ...


@router.websocket("/live")
async def live(websocket: WebSocket) -> None: ...


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return router.openapi()


def test_it_is_valid(document: dict[str, Any]) -> None:
    validator = pytest.importorskip(
        "openapi_spec_validator", reason="openapi-spec-validator is not installed: the document is NOT checked by it"
    )
    validator.validate(document)


def test_what_is_in_it(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "Shop", "version": "7", "description": "All of it"}
    found = {path: sorted(operations) for path, operations in document["paths"].items()}
    assert found == {
        "/items/{id}": ["delete", "get"],
        "/items": ["post"],
        "/items/{id}/{rest}": ["put"],
        "/form": ["post"],
        "/events": ["get"],
    }


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> Any:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name == "$ref":
                    yield inner
                else:
                    yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    found = set(references(document))
    assert "#/components/schemas/Message" in found
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_parameters(document: dict[str, Any]) -> None:
    operation = document["paths"]["/items/{id}"]["get"]
    found = {each["name"]: each for each in operation["parameters"]}
    assert {name: (each["in"], each["required"]) for name, each in found.items()} == {
        "id": ("path", True),
        "limit": ("query", False),
        "order": ("query", False),
        "words": ("query", True),
        "x-user": ("header", True),
        "old": ("query", False),
        "theme": ("cookie", False),
    }
    assert found["id"]["schema"] == {"type": "integer", "minimum": 1, "title": "Id"}
    assert found["limit"]["schema"] == {"type": "integer", "exclusiveMinimum": 0, "default": 10, "title": "Limit"}
    assert found["order"]["schema"]["enum"] == ["new", "old"]
    assert found["x-user"]["description"] == "Who asks"
    assert found["old"]["deprecated"] is True
    assert (operation["tags"], operation["summary"]) == (["shop"], "One")
    assert operation["description"] == "One item.\n\nWith its parts."
    assert operation["operationId"] == "one_items__id__get"


def test_answers(document: dict[str, Any]) -> None:
    responses = document["paths"]["/items/{id}"]["get"]["responses"]
    assert sorted(responses) == ["200", "404", "422", "503", "default"]
    assert "$ref" in responses["200"]["content"]["application/json"]["schema"]
    assert responses["404"]["description"] == "No such item"
    assert responses["404"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Message"}
    assert responses["503"]["description"] == "Service Unavailable"
    assert "application/problem+json" in responses["422"]["content"]
    made = document["paths"]["/items"]["post"]
    assert (made["summary"], made["deprecated"], made["responses"]["201"]["description"]) == (
        "Make one",
        True,
        "It is made",
    )
    assert "content" not in document["paths"]["/items/{id}"]["delete"]["responses"]["204"]
    assert list(document["paths"]["/events"]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]


def test_bodies(document: dict[str, Any]) -> None:
    made = document["paths"]["/items"]["post"]["requestBody"]
    assert made["required"] is True
    assert "$ref" in made["content"]["application/json"]["schema"]
    both = document["paths"]["/items/{id}/{rest}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert (sorted(both["properties"]), both["required"]) == (["item", "weight"], ["item", "weight"])
    form = document["paths"]["/form"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert (sorted(form["properties"]), form["required"]) == (["note", "picture"], ["note"])


def test_a_part_of_the_path_that_the_handler_does_not_ask_for_is_described(document: dict[str, Any]) -> None:
    found = document["paths"]["/items/{id}/{rest}"]["put"]["parameters"]
    assert [(each["name"], each["in"], each["schema"]) for each in found] == [
        ("id", "path", {"type": "string"}),
        ("rest", "path", {"type": "string"}),
    ]


def test_it_is_served_where_that_is_asked_for(document: dict[str, Any]) -> None:
    answer = ask(router, "GET", "/openapi.json")
    assert (answer.status, answer.json) == (200, document)
    assert [each.path for each in Router().table().listing()] == []


@pytest.mark.parametrize(
    ("prefix", "said", "server"),
    [
        ("", None, None),
        ("/shop", None, "/shop"),
        ("/a/b", None, "/a/b"),
        ("", "/outer", "/outer"),
        ("", "/outer/", "/outer"),
        ("/shop", "/outer/more", "/outer/more/shop"),
        ("/shop", "", "/shop"),
        ("/shop", "//evil.example", "/shop"),
        ("/shop", "https://evil.example", "/shop"),
        ("/shop", "/a?b", "/shop"),
        ("/shop", "/a b", "/shop"),
        ("/shop", "relative", "/shop"),
        ("", "/", None),
    ],
)
def test_the_document_says_below_which_prefix_it_was_asked_for(
    document: dict[str, Any], prefix: str, said: str | None, server: str | None
) -> None:
    headers = {} if said is None else {"X-Forwarded-Prefix": said}
    answer = ask(router, "GET", "/openapi.json", prefix=prefix, headers=headers)
    servers = {} if server is None else {"servers": [{"url": server}]}
    assert answer.json == {**document, **servers}


def test_a_prefix_of_the_routers_own_is_part_of_its_paths() -> None:
    inner = Router(openapi_url="/openapi.json", prefix="/{tenant}")
    inner.get("/items")(user)
    outer = Router()
    outer.include_router(inner, prefix="/v1")
    found = ask(outer, "GET", "/v1/one/openapi.json", prefix="/shop").json
    assert (found["servers"], list(found["paths"])) == ([{"url": "/shop"}], ["/v1/{tenant}/items"])
