"""Static files: what is served, in which parts, how it stays fresh, and what is never served."""

from __future__ import annotations

import os
import time
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, Runner, build, get, request
from harness.plan import files, http, plan, route

if TYPE_CHECKING:
    from pathlib import Path

TEXT = bytes(range(97, 123)) * 4
OLD = 1_700_000_000


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outside = tmp_path_factory.mktemp("files")
    (outside / "secret.txt").write_bytes(b"secret")
    site = outside / "site"
    (site / "folder").mkdir(parents=True)
    (site / "empty").mkdir()
    (site / ".git").mkdir()
    contents = {
        "index.html": b"<h1>home</h1>", "folder/index.html": b"<h1>folder</h1>", "text.txt": TEXT, "style.css": b"a{}",
        "script.js": b"1", "data.json": b"{}", "picture.png": b"\x89PNG", "noextension": b"plain", "empty.txt": b"",
        "with space.txt": b"space", "ñ.txt": b"enye", "a+b.txt": b"plus", ".hidden": b"hidden", ".git/config": b"git",
        "large.bin": os.urandom(3_000_001),
    }  # fmt: skip
    for name, content in contents.items():
        (site / name).write_bytes(content)
        os.utime(site / name, (OLD, OLD))
    (site / "inside.txt").symlink_to("text.txt")
    (site / "outside.txt").symlink_to("../secret.txt")
    (site / "absolute.txt").symlink_to(outside / "secret.txt")
    (site / "out").symlink_to("..")
    os.mkfifo(site / "pipe")
    return site


@pytest.fixture(scope="module")
def edge(start: Runner, root: Path) -> Engine:
    routes = [
        route("/*", files(root)),
        route("/static/*", files(root, strip_prefix="/static")),
        route("/app/*", files(root, strip_prefix="/app", fallback="/index.html")),
        route("/bare/*", files(root, strip_prefix="/bare", index=None)),
        route("/all/*", files(root, strip_prefix="/all", hidden=True)),
    ]
    return start.engine(plan(http(routes)))


@pytest.mark.parametrize(
    ("path", "content", "kind"),
    [
        ("/text.txt", TEXT, "text/plain"), ("/style.css", b"a{}", "text/css"), ("/script.js", b"1", "text/javascript"),
        ("/data.json", b"{}", "application/json"), ("/picture.png", b"\x89PNG", "image/png"),
        ("/index.html", b"<h1>home</h1>", "text/html"), ("/", b"<h1>home</h1>", "text/html"),
        ("/folder/", b"<h1>folder</h1>", "text/html"), ("/noextension", b"plain", None), ("/empty.txt", b"", "text/plain"),
        ("/with%20space.txt", b"space", "text/plain"), ("/%C3%B1.txt", b"enye", "text/plain"),
        ("/a+b.txt", b"plus", "text/plain"), ("/text.txt?v=1", TEXT, "text/plain"), ("/static/text.txt", TEXT, "text/plain"),
        ("/static/", b"<h1>home</h1>", "text/html"), ("/inside.txt", TEXT, "text/plain"), ("/folder/../text.txt", TEXT, "text/plain"),
        ("/all/.hidden", b"hidden", None),
    ],
)  # fmt: skip
def test_served(edge: Engine, path: str, content: bytes, kind: str | None) -> None:
    response = get(edge.port, path)
    assert (response.status, response.body) == (200, content)
    assert response.header("Content-Length") == str(len(content))
    if kind:
        assert (response.header("Content-Type") or "").split(";")[0] == kind


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/nothing/", "/text.txt/", "/text.txt/x", "/empty/", "/.hidden", "/.git/config", "/.git/", "/folder/.git",
        "/static/nothing", "/bare/", "/bare/folder/", "/outside.txt", "/absolute.txt", "/out/secret.txt", "/pipe",
        "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt", "/folder/..%2f..%2fsecret.txt", "/%252e%252e/secret.txt",
        "/static/..%2f..%2fsecret.txt", "/folder%2findex.html", "//etc/passwd", "/static//etc/passwd", "/text.txt%20",
        "/all/out/secret.txt", "/all/outside.txt", "/TEXT.TXT", "/text.txt.", "/text.txt::$DATA",
    ],
)  # fmt: skip
def test_never_served(edge: Engine, path: str) -> None:
    with RawClient(edge.port) as client:
        response = client.exchange(build("GET", path))
    assert response.status in (400, 403, 404), response
    for secret in (b"secret", b"hidden", b"git", b"root:"):
        assert secret not in response.body


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/static/../../secret.txt", "/text.txt%00.png", "/..\\secret.txt"]
)
def test_climbing_is_refused(edge: Engine, path: str) -> None:
    with RawClient(edge.port) as client:
        assert client.exchange(build("GET", path)).status == 400


def test_a_folder_without_its_slash_moves(edge: Engine) -> None:
    """Else relative links in its index would lead elsewhere."""
    for path, there in (
        ("/folder", "/folder/"),
        ("/static/folder", "/static/folder/"),
        ("/folder?x=1", "/folder/?x=1"),
    ):
        response = get(edge.port, path)
        assert response.status in (301, 302, 307, 308)
        assert (response.header("Location") or "").endswith(there)


def test_a_fallback_stands_for_what_is_not_found(edge: Engine) -> None:
    for path in ("/app/some/page", "/app/", "/app/a.b/c"):
        response = get(edge.port, path)
        assert (response.status, response.body) == (200, b"<h1>home</h1>")
    assert get(edge.port, "/app/text.txt").body == TEXT
    assert b"git" not in get(edge.port, "/app/.git/config").body


def test_head(edge: Engine) -> None:
    with RawClient(edge.port) as client:
        response = client.exchange(build("HEAD", "/text.txt"))
        assert (response.status, response.header("Content-Length")) == (200, str(len(TEXT)))
        assert client.exchange(build("GET", "/style.css")).body == b"a{}"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods(edge: Engine, method: str) -> None:
    response = request(edge.port, method, "/text.txt", body=b"x")
    assert response.status == 405
    assert {name.strip() for name in (response.header("Allow") or "").split(",")} >= {"GET", "HEAD"}


def test_large_files_arrive_whole(edge: Engine, root: Path) -> None:
    content = (root / "large.bin").read_bytes()
    with RawClient(edge.port, receive_buffer=16384) as client:
        for _ in range(3):
            assert client.exchange(build("GET", "/large.bin")).body == content


@pytest.mark.parametrize(
    ("value", "first", "last"),
    [("0-9", 0, 9), ("5-", 5, 103), ("-10", 94, 103), ("0-0", 0, 0), ("100-500", 100, 103), ("-500", 0, 103)],
)
def test_one_range(edge: Engine, value: str, first: int, last: int) -> None:
    response = get(edge.port, "/text.txt", {"Range": f"bytes={value}"})
    assert (response.status, response.body) == (206, TEXT[first : last + 1])
    assert response.header("Content-Range") == f"bytes {first}-{last}/{len(TEXT)}"
    assert response.header("Content-Length") == str(last - first + 1)


def test_several_ranges(edge: Engine) -> None:
    response = get(edge.port, "/text.txt", {"Range": "bytes=0-4, 10-14,-2"})
    kind = response.header("Content-Type") or ""
    assert response.status == 206
    assert kind.startswith("multipart/byteranges; boundary=")
    boundary = kind.split("boundary=")[1].strip('"')
    parts = response.body.split(f"--{boundary}".encode())[1:]
    assert parts.pop().startswith(b"--")
    for part, (first, last) in zip(parts, [(0, 4), (10, 14), (102, 103)], strict=True):
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        assert f"Content-Range: bytes {first}-{last}/{len(TEXT)}".encode().lower() in head.lower()
        assert content.removesuffix(b"\r\n") == TEXT[first : last + 1]


@pytest.mark.parametrize("value", ["bytes=104-", "bytes=1000-2000", "bytes=-0"])
def test_a_range_outside(edge: Engine, value: str) -> None:
    response = get(edge.port, "/text.txt", {"Range": value})
    assert (response.status, response.header("Content-Range")) == (416, f"bytes */{len(TEXT)}")


@pytest.mark.parametrize(
    "value", ["bytes=", "bytes=9-1", "bytes=a-b", "lines=0-1", "bytes=" + ",".join(["0-"] * 100), "0-1"]
)
def test_what_is_no_range_is_ignored(edge: Engine, value: str) -> None:
    response = get(edge.port, "/text.txt", {"Range": value})
    assert (response.status, response.body) == (200, TEXT)


def test_freshness(edge: Engine, root: Path) -> None:
    first = get(edge.port, "/text.txt")
    etag, modified = first.header("ETag") or "", first.header("Last-Modified") or ""
    assert etag.endswith('"')
    assert parsedate_to_datetime(modified).timestamp() == OLD
    assert first.header("Accept-Ranges") == "bytes"
    later, earlier = formatdate(OLD + 60, usegmt=True), formatdate(OLD - 60, usegmt=True)
    rows = [
        ({"If-None-Match": etag}, 304), ({"If-None-Match": f'"x", {etag}'}, 304), ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"x"'}, 200), ({"If-Modified-Since": modified}, 304), ({"If-Modified-Since": later}, 304),
        ({"If-Modified-Since": earlier}, 200), ({"If-None-Match": '"x"', "If-Modified-Since": later}, 200),
        ({"If-Match": etag}, 200), ({"If-Match": '"x"'}, 412), ({"If-Match": "*"}, 200),
        ({"If-Unmodified-Since": later}, 200), ({"If-Unmodified-Since": earlier}, 412), ({"If-Modified-Since": "yesterday"}, 200),
        ({"Range": "bytes=0-1", "If-Range": etag}, 206), ({"Range": "bytes=0-1", "If-Range": '"x"'}, 200),
        ({"Range": "bytes=0-1", "If-Range": modified}, 206), ({"Range": "bytes=0-1", "If-Range": earlier}, 200),
    ]  # fmt: skip
    for fields, status in rows:
        response = get(edge.port, "/text.txt", fields)
        assert response.status == status, (fields, response)
        if status == 304:
            assert (response.body, response.header("ETag")) == (b"", etag)


def test_a_changed_file_has_another_tag(edge: Engine, root: Path) -> None:
    path = root / "changing.txt"
    path.write_bytes(b"one")
    before = get(edge.port, "/changing.txt")
    path.write_bytes(b"two!")
    os.utime(path, (time.time() + 5, time.time() + 5))
    after = get(edge.port, "/changing.txt", {"If-None-Match": before.header("ETag") or ""})
    assert (after.status, after.body) == (200, b"two!")


def test_a_file_that_cannot_be_read_is_no_way_in(edge: Engine, root: Path) -> None:
    path = root / "locked.txt"
    path.write_bytes(b"locked")
    path.chmod(0)
    if os.geteuid() == 0:
        path.unlink()
    assert get(edge.port, "/locked.txt").status in (403, 404)
