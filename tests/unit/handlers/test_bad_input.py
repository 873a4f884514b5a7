"""Requests that no handler should see: each gets an answer that says what is wrong, and the handler is not called."""

import logging
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from glorieta.handlers import Body, File, Form, Header, Query, Request, RequestValidationError, Router, UploadFile
from glorieta.handlers.transport import BodyLost
from harness.asked import Answer, ask

JSON = {"content-type": "application/json"}
MULTIPART = {"content-type": "multipart/form-data; boundary=line"}
CALLED: list[Any] = []


class Item(BaseModel):
    name: str
    sizes: list[int] = []


router = Router()


@router.post("/item")
async def item(item: Item) -> None:
    CALLED.append(item)


@router.post("/small", max_body_size="10B")
async def small(item: Annotated[Any, Body()]) -> None:
    CALLED.append(item)


@router.post("/optional")
async def optional(item: Item | None = None) -> Any:
    return item


@router.post("/text")
async def text(text: Annotated[str, Body(media_type="text/plain")]) -> str:
    return text


@router.post("/bytes")
async def raw(data: Annotated[bytes, Body(media_type="application/octet-stream")]) -> int:
    return len(data)


@router.post("/form")
async def form(name: Annotated[str, Form()]) -> str:
    return name


@router.post("/upload")
async def upload(file: UploadFile, note: Annotated[str, Form()] = "") -> Any:
    return [file.filename, file.size, file.content_type, note]


@router.post("/contents")
async def contents(files: Annotated[list[bytes], File()]) -> Any:
    return [len(each) for each in files]


@router.get("/query/{part}")
async def query(
    part: str, tags: Annotated[list[int], Query(default_factory=list)], n: float = 0.0, x: Annotated[int, Header()] = 0
) -> Any:
    return [part, n, tags]


@router.post("/by-hand")
async def by_hand(request: Request) -> Any:
    return [await request.json(), await request.json(), (await request.body()).decode()]


@pytest.fixture(autouse=True)
def nothing_called() -> Any:
    CALLED.clear()
    yield
    assert not CALLED


def refused(answer: Answer) -> tuple[int | None, str]:
    assert answer.header("content-type") == "application/problem+json"
    found = answer.json
    assert found["status"] == answer.status and found["title"] and found["type"] == "about:blank"
    assert found["detail"]
    return answer.status, found["code"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        (JSON, b'{"name": ', 400, "json_invalid"),
        (JSON, b'{"name": "a"} more', 400, "json_invalid"),
        (JSON, b"{'name': 1}", 400, "json_invalid"),
        (JSON, b'{"name": "\xff"}', 400, "json_encoding"),
        (JSON, b"\xef\xbb\xbf{}", 400, "json_encoding"),
        (JSON, '{"name": "a"}'.encode("utf-16"), 400, "json_encoding"),
        (JSON, b'{"name": "a", "sizes": [NaN]}', 400, "json_not_a_number"),
        (JSON, b'{"name": "a", "sizes": [-Infinity]}', 400, "json_not_a_number"),
        (JSON, b"[" * 100_000 + b"]" * 100_000, 400, "json_too_deep"),
        (JSON, b'{"a":' * 201 + b"1" + b"}" * 201, 400, "json_too_deep"),
        (JSON, b'"' + b"a" * 1024 * 1024 + b'"', 413, "body_too_large"),
        ({}, b"{}", 415, "content_type"),
        ({"content-type": "text/plain"}, b"{}", 415, "content_type"),
        ({"content-type": "application/jsonp"}, b"{}", 415, "content_type"),
        ({"content-type": "application/json; charset=latin-1"}, b"{}", 415, "charset"),
        ({**JSON, "content-encoding": "gzip"}, b"\x1f\x8b", 415, "content_encoding"),
    ],
)
def test_a_body_that_is_no_json(headers: dict[str, str], body: bytes, status: int, code: str) -> None:
    assert refused(ask(router, "POST", "/item", headers=headers, body=body)) == (status, code)


def test_a_refused_type_says_which_one_is_taken() -> None:
    assert (
        ask(router, "POST", "/item", headers={"content-type": "text/xml"}, body=b"<a/>").header("accept")
        == "application/json"
    )
    answer = ask(router, "POST", "/item", headers={**JSON, "content-encoding": "br"}, body=b"x")
    assert answer.header("accept-encoding") == "identity"


@pytest.mark.parametrize(
    "kind", ["application/json", "APPLICATION/JSON; charset=UTF-8", "application/merge-patch+json"]
)
def test_types_of_json(kind: str) -> None:
    answer = ask(router, "POST", "/optional", headers={"content-type": kind}, body=b'{"name": "a"}')
    assert (answer.status, answer.json) == (200, {"name": "a", "sizes": []})


def test_json_may_be_as_deep_as_the_bound() -> None:
    body = b"[" * 190 + b"]" * 190
    assert ask(router, "POST", "/by-hand", headers=JSON, body=body).status == 200


def test_a_body_in_pieces_is_cut_at_the_bound() -> None:
    pieces = [b"[1,", b"2,3", b",4,5", b",6]"]
    assert refused(ask(router, "POST", "/small", headers=JSON, pieces=pieces)) == (413, "body_too_large")


def test_the_innermost_bound_counts() -> None:
    inner, outer = Router(max_body_size="4B"), Router(max_body_size=100)

    @inner.post("/inner")
    @outer.post("/outer")
    @outer.post("/none", max_body_size=0)
    async def handler(request: Request) -> int:
        return len(await request.body())

    outer.include_router(inner)
    assert ask(outer, "POST", "/inner", body=b"12345").status == 413
    assert ask(outer, "POST", "/outer", body=b"12345").json == 5
    assert ask(outer, "POST", "/none", body=b"1").status == 413
    assert ask(outer, "POST", "/none").json == 0


def test_a_body_in_pieces_is_put_together() -> None:
    pieces = [b'{"na', b'me": "', "é".encode()[:1], "é".encode()[1:], b'"}']
    assert ask(router, "POST", "/optional", headers=JSON, pieces=pieces).json["name"] == "é"


@pytest.mark.parametrize(
    ("status", "reason"), [(400, "client_body_cut"), (408, "client_body_timeout"), (413, "body_too_large")]
)
def test_a_body_that_is_cut_off(status: int, reason: str) -> None:
    answer = ask(router, "POST", "/item", headers=JSON, pieces=[b'{"name"'], lost=BodyLost(reason, status))
    assert refused(answer) == (status, reason)


def test_no_body_where_one_is_needed() -> None:
    assert ask(router, "POST", "/item").errors() == [("body", None, "#", "missing")]
    assert ask(router, "POST", "/optional").json is None


def test_wrong_values_are_named_with_a_pointer_and_not_repeated() -> None:
    answer = ask(router, "POST", "/item", json_body={"sizes": [1, "secret", 3, None]})
    assert answer.status == 422
    assert answer.errors() == [
        ("body", None, "#/name", "missing"),
        ("body", None, "#/sizes/1", "int_parsing"),
        ("body", None, "#/sizes/3", "int_type"),
    ]
    assert answer.json["detail"] == "3 values are wrong."
    assert all(each["detail"] for each in answer.json["errors"])
    assert "secret" not in answer.text


def test_a_body_of_another_shape() -> None:
    assert ask(router, "POST", "/item", json_body=[1]).errors() == [("body", None, "#", "model_type")]


def test_a_pointer_escapes_what_pointers_are_made_of() -> None:
    names = Router()

    @names.post("/")
    async def handler(numbers: dict[str, int]) -> None: ...

    assert ask(names, "POST", "/", json_body={"a/b~c": "x"}).errors() == [("body", None, "#/a~1b~0c", "int_parsing")]


def test_only_the_first_hundred_wrong_values_are_named() -> None:
    answer = ask(router, "POST", "/item", json_body={"name": "a", "sizes": ["x"] * 500})
    assert answer.json["detail"] == "500 values are wrong."
    assert len(answer.json["errors"]) == 100


@pytest.mark.parametrize(
    ("target", "errors"),
    [
        ("/query/a?n=nan", [("query", "n", None, "finite_number")]),
        ("/query/a?n=inf", [("query", "n", None, "finite_number")]),
        ("/query/a?tags=1&tags=x", [("query", "tags", "#/1", "int_parsing")]),
    ],
)
def test_wrong_values_of_the_query(target: str, errors: list[Any]) -> None:
    assert ask(router, "GET", target).errors() == errors


def test_escapes_that_are_not_utf8() -> None:
    assert refused(ask(router, "GET", "/query/a?n=%FF")) == (400, "query_encoding")
    assert refused(ask(router, "GET", "/query/%C3")) == (400, "path_encoding")
    assert refused(
        ask(router, "POST", "/form", headers={"content-type": "application/x-www-form-urlencoded"}, body=b"name=%FF")
    ) == (400, "form_encoding")


def test_bodies_of_other_types() -> None:
    plain = {"content-type": "text/plain; charset=latin-1"}
    assert ask(router, "POST", "/text", headers=plain, body=b"\xe9").json == "é"
    assert (
        ask(router, "POST", "/bytes", headers={"content-type": "application/octet-stream"}, body=b"\xff\x00").json == 2
    )
    assert refused(ask(router, "POST", "/text", headers=JSON, body=b"a")) == (415, "content_type")
    assert refused(ask(router, "POST", "/text", headers={"content-type": "text/plain; charset=none"}, body=b"a")) == (
        415,
        "charset",
    )
    assert refused(ask(router, "POST", "/text", headers={"content-type": "text/plain"}, body=b"\xff")) == (
        400,
        "text_encoding",
    )


def test_a_body_read_by_hand_is_read_once() -> None:
    answer = ask(router, "POST", "/by-hand", pieces=[b"[1,", b"2]"])
    assert answer.json == [[1, 2], [1, 2], "[1,2]"]
    assert refused(ask(router, "POST", "/by-hand", body=b"[")) == (400, "json_invalid")


def test_a_body_whose_pieces_are_gone_is_no_empty_body(caplog: pytest.LogCaptureFixture) -> None:
    own = Router()

    @own.post("/")
    async def handler(request: Request) -> Any:
        first = [piece async for piece in request.stream()]
        return [len(first), len(await request.body())]

    assert ask(own, "POST", "/", body=b"whole").json == [1, 5]
    assert ask(own, "POST", "/", pieces=[b"in", b"pieces"]).status == 500
    assert "the body was read before, piece by piece" in caplog.text


def part(disposition: str, value: bytes, *headers: str) -> bytes:
    head = "\r\n".join([f"Content-Disposition: form-data; {disposition}", *headers])
    return b"--line\r\n" + head.encode() + b"\r\n\r\n" + value + b"\r\n"


FILE = part('name="file"; filename="a.txt"', b"hello", "Content-Type: text/plain")
END = b"--line--\r\n"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_files_however_they_arrive(size: int) -> None:
    body = FILE + part('name="note"', "é".encode()) + END
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert ask(router, "POST", "/upload", headers=MULTIPART, pieces=pieces).json == ["a.txt", 5, "text/plain", "é"]


def test_large_files_and_several() -> None:
    body = part('name="files"; filename="a"', b"a" * 600_000) + part('name="files"; filename="b"', b"b") + END
    pieces = [body[start : start + 64_000] for start in range(0, len(body), 64_000)]
    assert ask(router, "POST", "/contents", headers=MULTIPART, pieces=pieces).json == [600_000, 1]


def test_a_file_that_nobody_chose_is_missing() -> None:
    body = part('name="file"; filename=""', b"") + END
    assert ask(router, "POST", "/upload", headers=MULTIPART, body=body).errors() == [
        ("body", None, "#/file", "missing")
    ]


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        (JSON, b"{}", 415, "content_type"),
        ({"content-type": "multipart/form-data"}, FILE + END, 400, "form_boundary"),
        (MULTIPART, FILE, 400, "form_invalid"),
        (MULTIPART, b"nonsense", 400, "form_invalid"),
        (MULTIPART, part("filename=x", b"") + END, 400, "form_invalid"),
        (MULTIPART, part('name="note"', b"\xff") + END, 400, "form_encoding"),
        (MULTIPART, part('name="note"', b"a" * 1_100_000) + END, 413, "form_field_too_large"),
        (MULTIPART, part('name="note"', b"", "X: " + "a" * 20_000) + END, 400, "form_invalid"),
        (MULTIPART, part('name="note"', b"") * 1001 + END, 413, "form_too_many_parts"),
        (MULTIPART, part('name="file"; filename="a"', b"a" * 17 * 1024 * 1024) + END, 413, "body_too_large"),
    ],
)
def test_forms_that_are_wrong(headers: dict[str, str], body: bytes, status: int, code: str) -> None:
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    assert refused(ask(router, "POST", "/upload", headers=headers, pieces=pieces)) == (status, code)


def test_an_answer_of_ones_own_to_wrong_values() -> None:
    own = Router()

    @own.exception_handler(RequestValidationError)
    async def answer(request: Request, error: RequestValidationError) -> Any:
        from glorieta.handlers import JSONResponse

        return JSONResponse({"wrong": [each["loc"] for each in error.errors()]}, status_code=400)

    @own.get("/")
    async def handler(n: int) -> None: ...

    answered = ask(own, "GET", "/")
    assert (answered.status, answered.json) == (400, {"wrong": [["query", "n"]]})


@pytest.mark.parametrize("body", [b'{"name": "\\ud800"}', b'{"\\ud800": 1}', b"1" * 5000, b'{"name": 1e999}'])
def test_json_that_python_cannot_hold(body: bytes) -> None:
    answer = ask(router, "POST", "/item", headers=JSON, body=body)
    assert answer.status in (400, 422)
    assert answer.header("content-type") == "application/problem+json"


def test_files_where_text_is_expected_and_the_other_way_round() -> None:
    body = part('name="note"; filename="x"', b"a") + part('name="file"', b"text") + END
    assert ask(router, "POST", "/upload", headers=MULTIPART, body=body).errors() == [
        ("body", None, "#/file", "is_instance_of"),
        ("body", None, "#/note", "string_type"),
    ]


def test_files_that_may_be_left_out_and_several_of_them() -> None:
    own = Router()

    @own.post("/")
    async def handler(one: UploadFile | None = None, many: Annotated[list[UploadFile], File()] = []) -> Any:  # noqa: B006
        return [one and one.filename, [each.filename for each in many]]

    many = part('name="many"; filename="b"', b"") + part('name="many"; filename="c"', b"") + END
    assert ask(own, "POST", "/", headers=MULTIPART, body=many).json == [None, ["b", "c"]]
    assert ask(own, "POST", "/").json == [None, []]


def test_files_are_closed_when_the_request_is_over() -> None:
    own = Router()
    seen: list[UploadFile] = []

    @own.post("/")
    async def handler(request: Request) -> Any:
        form = await request.form()
        file = form["file"]
        assert isinstance(file, UploadFile)
        seen.append(file)
        await file.seek(1)
        return [(await file.read(2)).decode(), form.getlist("file") == [file], list(form)]

    assert ask(own, "POST", "/", headers=MULTIPART, body=FILE + END).json == ["el", True, ["file"]]
    assert seen[0].file.closed


class Login(BaseModel):
    name: str
    secret: str
    note: str = ""


def test_a_form_without_any_body_lacks_its_fields() -> None:
    own = Router()

    @own.post("/fields")
    async def fields(name: Annotated[str, Form()], file: UploadFile, note: Annotated[str, Form()] = "") -> None: ...

    @own.post("/model")
    async def model(login: Annotated[Login, Form()]) -> None: ...

    @own.post("/optional")
    async def optional(login: Annotated[Login | None, Form()] = None, name: Annotated[str, Form()] = "x") -> Any:
        return [login, name]

    assert ask(own, "POST", "/fields").errors() == [
        ("body", None, "#/name", "missing"),
        ("body", None, "#/file", "missing"),
    ]
    assert ask(own, "POST", "/model").errors() == [
        ("body", None, "#/name", "missing"),
        ("body", None, "#/secret", "missing"),
    ]
    assert ask(own, "POST", "/optional").json == [None, "x"]
    # A body is there, and nothing says what it is.
    for path in ("/fields", "/model", "/optional"):
        assert refused(ask(own, "POST", path, body=b"name=a")) == (415, "content_type")
        assert refused(ask(own, "POST", path, pieces=[b"name=a"])) == (415, "content_type")


def test_a_malformed_form_is_told_to_the_client_and_not_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "glorieta"):
        assert refused(ask(router, "POST", "/upload", headers=MULTIPART, body=b"nonsense")) == (400, "form_invalid")
    assert "python_multipart" not in {record.name.partition(".")[0] for record in caplog.records}
