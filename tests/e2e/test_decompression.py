"""Compressed bodies of requests made plain: what an upstream receives, and what is refused."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import zlib

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, Services, build, get, request
from harness.plan import compress, decompress, headers, http, max_body, plan, proxy, route, upstream
from harness.service import chunks

TEXT = "".join(f'{{"id": {number}}},' for number in range(3000)).encode()


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    routes = [
        route("/*", proxy(), filters=[decompress()]),
        route("/off/*", proxy()),
        route("/gzip/*", proxy(), filters=[decompress(algorithms=["gzip"])]),
        route("/small/*", proxy(), filters=[decompress(max_bytes=1000)]),
        route("/both/*", proxy(), filters=[compress(min_bytes=1), max_body(100), decompress()]),
        route("/seen/*", proxy(), filters=[decompress(), headers({"set": {"X-Seen": "${header.content-encoding}"}})]),
    ]
    return start.engine(plan(http(routes), [upstream("service", origin.address)]))


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream) -> None:
    origin.forget()


def post(edge: Engine, path: str, coding: str, body: bytes) -> int:
    return request(edge.port, "POST", path, {"Content-Encoding": coding, "Content-Type": "text/plain"}, body).status


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate"])
def test_the_upstream_receives_plain_bodies(edge: Engine, origin: RecordingUpstream, coding: str) -> None:
    body = zlib.compress(TEXT) if coding == "deflate" else gzip.compress(TEXT)
    assert post(edge, "/a", coding, body) == 200
    [received] = origin.requests
    assert received.body == TEXT
    assert received.header("Content-Encoding") is None
    assert (received.header("Content-Length"), received.header("Transfer-Encoding")) == (None, "chunked")


def test_other_programs_write_what_is_read(edge: Engine, origin: RecordingUpstream) -> None:
    program = shutil.which("zstd")
    if program is None:
        pytest.skip("no zstd")
    body = subprocess.run([program, "-19", "-c"], input=TEXT, capture_output=True, check=True, timeout=30).stdout
    assert post(edge, "/a", "zstd", body) == 200
    assert origin.requests[0].body == TEXT


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
def test_what_is_compressed_here_is_read_here(edge: Engine, origin: RecordingUpstream, coding: str) -> None:
    from harness import always, message

    origin.respond = always(message(200, TEXT, "Content-Type: text/plain\r\n"))
    body = get(edge.port, "/both/a", {"Accept-Encoding": coding}).body
    assert body != TEXT
    assert post(edge, "/a", coding, body) == 200
    assert origin.requests[-1].body == TEXT


def test_members_and_chunks_are_read_through(edge: Engine, origin: RecordingUpstream) -> None:
    body = gzip.compress(TEXT) + gzip.compress(b"") + gzip.compress(b"end")
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    head = build("POST", "/a", {"Content-Encoding": "gzip", "Transfer-Encoding": "chunked"})
    with RawClient(edge.port) as client:
        assert client.exchange(head + chunks(pieces)).status == 200
        assert origin.requests[0].body == TEXT + b"end"
        # The connection lives on.
        assert client.exchange(build("GET", "/a")).status == 200


def test_plain_bodies_and_other_routes_pass(edge: Engine, origin: RecordingUpstream) -> None:
    assert request(edge.port, "POST", "/a", {}, TEXT).status == 200
    assert post(edge, "/a", "identity", TEXT) == 200
    assert post(edge, "/off/a", "gzip", gzip.compress(TEXT)) == 200
    bodies = [(each.body, each.header("Content-Encoding")) for each in origin.requests]
    assert bodies == [(TEXT, None), (TEXT, "identity"), (gzip.compress(TEXT), "gzip")]


@pytest.mark.parametrize(
    ("path", "coding", "accepted"),
    [
        ("/a", "compress", "gzip, deflate, br, zstd"), ("/gzip/a", "br", "gzip"),
        ("/a", "gzip, gzip", "gzip, deflate, br, zstd"), ("/gzip/a", "gzip;q=1", "gzip"),
    ],
)  # fmt: skip
def test_other_codings_are_refused(
    edge: Engine, origin: RecordingUpstream, path: str, coding: str, accepted: str
) -> None:
    response = request(edge.port, "POST", path, {"Content-Encoding": coding}, gzip.compress(TEXT))
    assert (response.status, response.header("Accept-Encoding")) == (415, accepted)
    assert origin.requests == []
    assert edge.wait_record(path=path, status=415)["reason"] == "content_coding_unknown"


def test_bodies_are_bounded_before_and_after(edge: Engine, origin: RecordingUpstream) -> None:
    assert post(edge, "/small/a", "gzip", gzip.compress(b"a" * 1000)) == 200
    assert post(edge, "/small/a", "gzip", gzip.compress(b"a" * 1001)) == 413
    assert post(edge, "/both/a", "gzip", gzip.compress(b"a" * 1000)) == 200
    assert post(edge, "/both/a", "gzip", gzip.compress(bytes(range(256)))) == 413
    assert [each.body for each in origin.requests] == [b"a" * 1000] * 2
    assert edge.wait_record(path="/small/a", status=413)["reason"] == "body_too_large"


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(TEXT)[:-1],
        gzip.compress(TEXT) + b"garbage",
        b"no gzip at all",
        gzip.compress(TEXT)[:-8] + bytes(8),
    ],
    ids=["cut off", "garbage behind", "no gzip", "wrong sum"],
)
def test_broken_bodies_are_refused(edge: Engine, origin: RecordingUpstream, body: bytes) -> None:
    assert post(edge, "/a", "gzip", body) == 400
    assert origin.requests == []
    assert edge.wait_record(path="/a", status=400)["reason"] == "content_undecodable"


def test_filters_see_the_plain_body_only(edge: Engine, origin: RecordingUpstream) -> None:
    assert post(edge, "/seen/a", "gzip", gzip.compress(TEXT)) == 200
    assert origin.requests[0].header("X-Seen") is None
