"""What glorieta answers by itself: redirects, fixed responses, and errors."""

from __future__ import annotations

import json

import pytest

from harness import Engine, RawClient, Runner, build, get, refusing_address, request, wait_until
from harness.plan import http, plan, proxy, redirect, respond, route, upstream


@pytest.fixture(scope="module")
def edge(start: Runner) -> Engine:
    routes = [
        route("/old/{id}", redirect("/new/${path.id}")),
        route("/query/*", redirect("https://${host}${path}?${query}", 302)),
        *[route(f"/r{status}", redirect("/there", status)) for status in (301, 302, 303, 307, 308)],
        route("/open/*", redirect("${query.to}", 302)),
        route("/text", respond("hello ${query.name} from ${client.ip}", Content_Type="text/plain", X_Route="${route}")),
        route("/empty", respond("", 204)),
        route("/teapot", respond("short and stout", 418, X_A="${header.x-a}")),
        route("/json", respond('{"a": "$${not.a.word}"}', Content_Type="application/json")),
        route("/broken/*", proxy("broken", retries=0)),
        route("GET /get", respond("got")),
    ]
    return start.engine(plan(http(routes), [upstream("broken", refusing_address())]))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_statuses(edge: Engine, status: int) -> None:
    response = request(edge.port, "POST", f"/r{status}", body=b"x")
    assert (response.status, response.header("Location")) == (status, "/there")
    assert len(response.body) < 1000


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/old/7", "/new/7"),
        ("/old/a%2Fb", "/new/a%2Fb"),
        ("/query/a/b?c=d", "https://shop.example/query/a/b?c=d"),
        ("/open/x?to=/a", "/a"),
        ("/open/x?to=%2F%2Fevil.example", "%2F%2Fevil.example"),
        ("/open/x?to=//evil.example", "/evil.example"),
        ("/open/x?to=/%5Cevil.example", "/%5Cevil.example"),
    ],
)
def test_redirect_templates(edge: Engine, target: str, location: str) -> None:
    """A value never turns a path of this site into another site's address."""
    assert get(edge.port, target, {"Host": "shop.example"}).header("Location") == location


def test_responses_with_templates(edge: Engine) -> None:
    response = get(edge.port, "/text?name=Ana")
    assert (response.status, response.text) == (200, "hello Ana from 127.0.0.1")
    assert (response.header("Content-Type"), response.header("X-Route")) == ("text/plain", "/text")
    teapot = get(edge.port, "/teapot", {"X-A": "b"})
    assert (teapot.status, teapot.text, teapot.header("X-A")) == (418, "short and stout", "b")
    assert get(edge.port, "/json").json() == {"a": "${not.a.word}"}
    assert get(edge.port, "/empty").status == 204


def test_own_answers_keep_the_connection_whatever_came_with_the_request(edge: Engine) -> None:
    with RawClient(edge.port) as client:
        for method, path in [
            ("GET", "/text"),
            ("POST", "/text"),
            ("GET", "/nowhere"),
            ("PUT", "/get"),
            ("GET", "/old/1"),
        ]:
            response = client.exchange(build(method, path, body=b"x" if method in ("POST", "PUT") else None))
            assert not response.closes, (method, path, response)


ERRORS = [("GET", "/nowhere", 404), ("POST", "/get", 405), ("GET", "/broken/x", 502), ("GET", "/%00", 400)]


@pytest.mark.parametrize(("method", "path", "status"), ERRORS)
@pytest.mark.parametrize("accept", [None, "application/json", "application/problem+json, */*;q=0.1", "*/*"])
def test_errors_as_problem_documents(edge: Engine, method: str, path: str, status: int, accept: str | None) -> None:
    """RFC 9457."""
    response = request(edge.port, method, path, {"Accept": accept} if accept else None)
    assert (response.status, response.header("Content-Type")) == (status, "application/problem+json")
    document = json.loads(response.body)
    assert document["status"] == status
    assert isinstance(document["title"], str)
    assert document["title"]
    assert len(response.body) < 512


@pytest.mark.parametrize(("method", "path", "status"), ERRORS)
@pytest.mark.parametrize("accept", ["text/html,application/xhtml+xml,*/*;q=0.8", "text/plain", "image/png"])
def test_errors_as_text(edge: Engine, method: str, path: str, status: int, accept: str) -> None:
    response = request(edge.port, method, path, {"Accept": accept})
    assert response.status == status
    assert (response.header("Content-Type") or "").startswith("text/plain")
    assert b"{" not in response.body
    assert len(response.body) < 512


@pytest.mark.parametrize(("method", "path", "status"), ERRORS)
@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
def test_errors_have_the_id_that_the_log_has(edge: Engine, method: str, path: str, status: int, accept: str) -> None:
    text = request(edge.port, method, path, {"Accept": accept}).text

    def shown() -> list[str]:
        return [record["request_id"] for record in edge.records() if record["request_id"] in text]

    [found] = wait_until(shown, what=f"a record whose id this answer shows: {text}")
    assert len(found) == 32


def test_errors_tell_an_attacker_nothing(edge: Engine) -> None:
    for accept in ("application/json", "text/plain"):
        response = get(edge.port, "/broken/x", {"Accept": accept})
        text = (response.text + str(response.fields)).lower()
        for word in ("refused", "127.0.0.1", "broken", "connect", "os error", "rust", "glorieta-"):
            assert word not in text, text


def test_the_log_tells_the_operator_everything(edge: Engine) -> None:
    get(edge.port, "/broken/told")
    record = edge.wait_record(path="/broken/told")
    assert (record["status"], record["reason"], record["upstream"], record["route"]) == (
        502,
        "refused",
        "broken",
        "/broken/*",
    )
    assert record["endpoint"] in record["detail"]
    assert "refused" in record["detail"]


def test_a_method_that_is_not_allowed_names_those_that_are(edge: Engine) -> None:
    response = request(edge.port, "DELETE", "/get")
    assert response.status == 405
    assert {name.strip() for name in (response.header("Allow") or "").split(",")} == {"GET", "HEAD"}
