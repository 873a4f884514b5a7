"""Header fields in tests: several of one name, defaults, and paths that lack a slash or have one too many."""

from pathlib import Path
from typing import Annotated, Any

import pytest

from glorieta.handlers import Header, HTTPException, Request, Response, Router, UploadFile, Upstream
from glorieta.testing import Answer, TestClient

router = Router(calls=["users"])
strict = Router(redirect_slashes=False)


@router.get("/tokens/")
async def tokens(x_token: Annotated[list[str] | None, Header()] = None, x_name: Annotated[str, Header()] = "") -> Any:
    return {"tokens": x_token, "name": x_name}


@router.get("/old")
async def old() -> Response:
    raise HTTPException(307, headers={"location": "/tokens/"})


@router.get("/login")
async def login(users: Upstream) -> Any:
    answer = await users.get("/login")
    return answer.headers.getlist("set-cookie")


@router.get("/cookies")
async def cookies(request: Request) -> Any:
    return request.cookies


@router.post("/files")
async def files(file: UploadFile) -> Any:
    return [file.filename, (await file.read()).decode()]


@router.post("/tokens")
async def made() -> str:
    return "made"


@router.get("/items/{id}")
async def item(id: str) -> str:
    return id


@strict.get("/items/{id}")
async def strict_item(id: str) -> str:
    return id


def test_several_fields_of_one_name_are_sent() -> None:
    fields = [("x-token", "a"), ("X-Token", "b"), ("x-token", "c")]
    with TestClient(router) as client:
        assert client.get("/tokens/", headers=fields).json()["tokens"] == ["a", "b", "c"]
        assert client.get("/old", headers=fields, follow_redirects=True).json()["tokens"] == ["a", "b", "c"]


def test_a_requests_own_field_counts_whatever_its_case() -> None:
    with TestClient(router, headers={"X-Name": "all", "X-Token": "all"}) as client:
        assert client.get("/tokens/").json() == {"tokens": ["all"], "name": "all"}
        assert client.get("/tokens/", headers={"x-token": "own"}).json() == {"tokens": ["own"], "name": "all"}


def test_a_fake_may_answer_several_fields_of_one_name() -> None:
    cookies = [("set-cookie", "a=1"), ("Set-Cookie", "b=2")]
    service = Router()

    @service.get("/login")
    async def answer() -> Response:
        response = Response()
        for name, value in cookies:
            response.headers.append(name, value)
        return response

    for users in (Answer(headers=cookies), service):
        with TestClient(router, upstreams={"users": users}) as client:
            assert client.get("/login").json() == ["a=1", "b=2"]


@pytest.mark.parametrize(
    ("method", "path", "location"),
    [
        ("GET", "/items/7/", "/items/7"),
        ("HEAD", "/items/7/", "/items/7"),
        ("GET", "/items/7/?a=1&a=2", "/items/7?a=1&a=2"),
        ("POST", "/tokens/7", None),
        ("GET", "//items/7/", None),
        ("GET", "/", None),
        ("GET", "/items/7//", None),
    ],
)
def test_who_is_wrong_about_a_slash_is_sent_to_the_right_path(method: str, path: str, location: str | None) -> None:
    with TestClient(router) as client:
        answer = client.request(method, path)
    expected = (404, "no_route") if location is None else (307, "slash_redirect")
    assert (answer.status_code, answer.reason, answer.headers.get("location")) == (*expected, location)


def test_a_path_that_is_there_for_another_method_is_no_wrong_one() -> None:
    with TestClient(router) as client:
        answer = client.get("/tokens")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_router_may_want_no_redirections() -> None:
    with TestClient(strict) as client:
        assert (client.get("/items/7").status_code, client.get("/items/7/").status_code) == (200, 404)


def test_they_are_followed() -> None:
    with TestClient(router) as client:
        assert client.get("/items/7/", follow_redirects=True).json() == "7"


def test_cookies_may_be_there_from_the_start_and_are_set_as_in_httpx() -> None:
    with TestClient(router, cookies={"session": "7"}) as client:
        assert client.get("/cookies").json() == {"session": "7"}
        client.cookies.set("theme", "dark")
        assert client.get("/cookies").json() == {"session": "7", "theme": "dark"}
        client.cookies.clear()
        assert client.get("/cookies").json() == {}


def test_a_file_on_disk_has_its_name(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"one")
    with TestClient(router) as client, path.open("rb") as file:
        assert client.post("/files", files={"file": file}).json() == ["list.txt", "one"]
        assert client.post("/files", files={"file": b"two"}).json() == ["upload", "two"]
