"""What may be written in a document besides what follows from annotations."""

import json
from datetime import date
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel

from glorieta.handlers import File, Router, UploadFile
from harness.asked import ask


class Area(Enum):
    shop = "shop"
    office = "office"


class Item(BaseModel):
    name: str


class Problem(BaseModel):
    mine: int


router = Router(openapi_url="/openapi.json", tags=[Area.shop])
inner = Router(tags=["inner"])
EXAMPLE = {"name": "cup"}


@router.get("/items", tags=[Area.office], responses={200: {"content": {"application/json": {"example": EXAMPLE}}}})
async def items() -> Item:
    raise NotImplementedError


@router.post("/files")
async def files(
    first: Annotated[bytes, File(description="Its bytes")],
    second: Annotated[UploadFile, File(description="The file")],
    more: list[UploadFile],
    several: Annotated[list[bytes] | None, File()] = None,
) -> None:
    """Takes files.
    \f
    Nothing for readers.
    """


@inner.get("/problems", openapi_extra={"x-since": date(2026, 11, 29)})
async def problems() -> Problem:
    raise NotImplementedError


router.include_router(inner, tags=[Area.office])
DOCUMENT = router.openapi()
PATHS = DOCUMENT["paths"]


def test_it_is_json() -> None:
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    assert PATHS["/problems"]["get"]["x-since"] == "2026-11-29"


def test_tags_may_be_an_enumerations() -> None:
    assert PATHS["/items"]["get"]["tags"] == ["shop", "office"]
    assert PATHS["/problems"]["get"]["tags"] == ["shop", "office", "inner"]


def test_an_example_stands_beside_the_schema() -> None:
    response = PATHS["/items"]["get"]["responses"]["200"]
    content = {"schema": {"$ref": "#/components/schemas/Item"}, "example": EXAMPLE}
    assert response["content"] == {"application/json": content}


def test_files_are_bytes_and_have_a_description() -> None:
    schema = PATHS["/files"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    content = {"type": "string", "contentMediaType": "application/octet-stream"}
    assert schema["first"] == {**content, "description": "Its bytes"}
    assert schema["second"] == {**content, "description": "The file"}
    assert schema["more"]["items"] == content
    assert schema["several"]["anyOf"][0]["items"] == content


def test_a_description_ends_before_what_is_for_nobody() -> None:
    assert PATHS["/files"]["post"]["description"] == "Takes files."


def test_a_model_keeps_its_name_whatever_errors_are_called() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert list(schemas["Problem"]["properties"]) == ["mine"]
    for response in PATHS["/problems"]["get"]["responses"].values():
        for content in response["content"].values():
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert ("status" in schemas[name]["properties"]) is (name != "Problem")
    (whole,) = schemas["ValidationProblem"]["allOf"]
    assert whole == {"$ref": "#/components/schemas/Problem_"}


def test_it_is_made_once() -> None:
    table = router.table()
    assert table.openapi() is table.openapi()
    served: Any = table.openapi(["/shop"])
    assert (list(served)[:3], served["servers"]) == (["openapi", "info", "servers"], [{"url": "/shop"}])
    assert ask(table, "GET", "/openapi.json").json == DOCUMENT


def test_no_url_serves_none() -> None:
    assert Router(openapi_url="").table().listing() == []
