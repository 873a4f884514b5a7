"""Requests of tests as they are written for httpx: the same arguments give the same requests."""

import io
from typing import Any

import httpx
import pytest

from glorieta.handlers import RedirectResponse, Request, Response, Router
from glorieta.testing import TestClient, TooManyRedirects

router = Router()


@router.api_route("/echo", methods=["GET", "POST"])
async def echo(request: Request) -> Any:
    form = {}
    if "multipart/form-data" in request.headers.get("content-type", ""):
        for name, value in (await request.form()).multi_items():
            told = (
                value if isinstance(value, str) else [value.filename, value.content_type, (await value.read()).decode()]
            )
            form.setdefault(name, []).append(told)
    return {"method": request.method, "query": request.query_params.multi_items(), "form": form}


@router.api_route("/to/{status}", methods=["GET", "POST", "HEAD", "PUT"])
async def redirects(status: int, to: str) -> Response:
    return RedirectResponse(to, status)


@router.get("/round")
async def around() -> Response:
    return RedirectResponse("/round")


@pytest.fixture
def client() -> Any:
    with TestClient(router) as made:
        yield made


FILES: list[Any] = [
    [("f", ("a.txt", b"one", "text/plain")), ("g", ("b", b"two", "text/x")), ("g", ("c", b"three", "text/x"))],
    {"f": ("a.txt", io.BytesIO(b"one"), "text/plain")},
    [("f", (None, b"a field"))],
]


@pytest.mark.parametrize("files", FILES, ids=["pairs", "a file", "a field"])
def test_files_are_sent_as_httpx_sends_them(client: TestClient, files: Any) -> None:
    def received(request: httpx.Request) -> httpx.Response:
        kind = {"content-type": request.headers["content-type"]}
        return httpx.Response(200, json=client.post("/echo", content=request.read(), headers=kind).json())

    with httpx.Client(transport=httpx.MockTransport(received), base_url="http://testserver") as other:
        expected = other.post("/echo", files=files, data={"n": "x"}).json()
    for given in files.values() if isinstance(files, dict) else ():
        given[1].seek(0)
    assert client.post("/echo", files=files, data={"n": "x"}).json() == expected
    assert expected["form"]["n"] == ["x"]


@pytest.mark.parametrize("params", ["a=1&b=é x", b"a=1&b=%C3%A9%20x", [("a", "1"), ("b", "é x")], {"a": 1, "b": "é x"}])
def test_parameters_may_be_text(client: TestClient, params: Any) -> None:
    assert client.get("/echo", params=params).json()["query"] == [["a", "1"], ["b", "é x"]]
    assert client.get("/echo?z=0", params=params).json()["query"] == [["z", "0"], ["a", "1"], ["b", "é x"]]


def test_a_timeout_is_taken_and_means_nothing(client: TestClient) -> None:
    assert client.get("/echo", timeout=5).status_code == 200
    assert client.get("/echo", timeout=httpx.Timeout(1, read=None)).status_code == 200


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("PUT", 303, "GET"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
    ],
)
def test_redirections_are_followed_when_asked(client: TestClient, method: str, status: int, then: str) -> None:
    url, what = f"/to/{status}", {"params": {"to": "/echo?a=1"}, "files": {"f": ("a", b"b", "c/d")}}
    assert client.request(method, url, **what).status_code == status
    answer = client.request(method, url, follow_redirects=True, **what).json()
    assert (answer["method"], answer["query"]) == (then, [["a", "1"]])
    assert bool(answer["form"]) == (then == "POST")


def test_where_a_redirection_leads(client: TestClient) -> None:
    assert client.get("/to/302?to=../echo", follow_redirects=True).status_code == 200
    assert client.get("/to/302?to=http://testserver/echo", follow_redirects=True).status_code == 200
    elsewhere = client.get("/to/302?to=https://example.com/new", follow_redirects=True)
    assert (elsewhere.status_code, elsewhere.headers["location"]) == (302, "https://example.com/new")
    with pytest.raises(TooManyRedirects, match="more than 20 redirections, the last one to /round"):
        client.get("/round", follow_redirects=True)
