"""Answers compressed on their way: for whom, what becomes of their heads, and that nothing waits for more."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import threading
import zlib
from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, Services, always, build, get, message, request
from harness.plan import addresses, compress, files, headers, http, plan, proxy, respond, route, upstream
from harness.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Response
    from harness.recording import Conversation, ReceivedRequest

TEXT = "".join(f'{{"id": {number}, "name": "item {number % 7}"}},' for number in range(2000)).encode()
HTML = "Content-Type: text/html\r\n"
GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    (site / "a.json").write_bytes(TEXT)
    (site / "large.txt").write_bytes(TEXT * 40)
    (site / "b.js").write_bytes(b"plain")
    (site / "b.js.gz").write_bytes(gzip.compress(b"beforehand"))
    return site


@pytest.fixture(scope="module")
def log_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "access.log"


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream, root: Path, log_file: Path) -> Engine:
    routes = [
        route("/*", proxy(), filters=[compress()]),
        route("/off/*", proxy()),
        route("/open/*", proxy(), filters=[compress(credentials=True)]),
        route("/own", respond(TEXT.decode().replace("$", "$$"), content_type="application/json"), filters=[compress()]),
        route("/files/*", files(root, strip_prefix="/files"), filters=[compress(credentials=True)]),
        route(
            "/beside/*",
            files(root, strip_prefix="/beside", precompressed=["gzip"]),
            filters=[compress(types=["*/*"], min_bytes=1)],
        ),
        # What goes to the upstream says nothing of what the client takes, and what is added there counts.
        route(
            "/changed/*",
            proxy(),
            filters=[compress(), headers({"remove": ["Accept-Encoding"]}, {"set": {"Content-Type": "text/plain"}})],
        ),
        route("/cookie/*", proxy(), filters=[compress(), headers(None, {"add": [("Set-Cookie", "a=1")]})]),
        route("/closed/*", proxy(), filters=[compress(min_bytes=1, types=["*/*"]), addresses(deny=["127.0.0.0/8"])]),
    ]
    log = {"to": {"file": str(log_file)}, "format": {"template": "${path} ${compression.ratio}"}, "queue": 1000}
    return start.engine(plan(http(routes), [upstream("service", origin.address)], access_log=log))


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream) -> None:
    origin.forget()
    origin.respond = always(message(200, TEXT, HTML + 'ETag: "a"\r\nAccept-Ranges: bytes\r\n'))


def plain(response: Response) -> bytes:
    """The body of a gzip answer; it must be whole."""
    assert response.header("Content-Encoding") == "gzip"
    decoder = zlib.decompressobj(31)
    body = decoder.decompress(response.body)
    assert decoder.eof
    assert not decoder.unused_data
    return body


@pytest.mark.parametrize("path", ["/a", "/own", "/files/a.json", "/files/large.txt", "/changed/a"])
def test_answers_of_every_target_are_compressed(edge: Engine, path: str) -> None:
    response = get(edge.port, path, GZIP)
    assert plain(response) == (TEXT * 40 if "large" in path else TEXT)
    assert response.header("Vary") == "Accept-Encoding"
    assert len(response.body) < len(TEXT) * (40 if "large" in path else 1) / 4
    again = get(edge.port, path)
    assert (again.header("Content-Encoding"), again.header("Vary")) == (None, "Accept-Encoding")


def test_a_route_without_it_passes_what_comes(edge: Engine) -> None:
    response = get(edge.port, "/off/a", GZIP)
    assert (response.body, response.header("Vary"), response.header("ETag")) == (TEXT, None, '"a"')


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("path", ["/a", "/own", "/files/large.txt"])
def test_curl_reads_every_coding(edge: Engine, coding: str, path: str, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    features = subprocess.run([curl, "--version"], capture_output=True, text=True, check=True).stdout if curl else ""
    if curl is None or {"gzip": "libz", "br": "brotli", "zstd": "zstd"}[coding] not in features:
        pytest.skip(f"no curl that knows {coding}")
    command = [curl, "-sS", "--compressed", "-H", f"Accept-Encoding: {coding}", "-D", str(tmp_path / "head")]
    result = subprocess.run(
        [*command, f"http://127.0.0.1:{edge.port}{path}"], capture_output=True, check=True, timeout=30
    )
    assert f"content-encoding: {coding}" in (tmp_path / "head").read_text().lower()
    assert result.stdout == (TEXT * 40 if "large" in path else TEXT)


def test_the_head_tells_of_it(edge: Engine) -> None:
    response = get(edge.port, "/a", GZIP)
    assert response.header("ETag") == 'W/"a"'
    assert response.header("Accept-Ranges") is None
    assert response.header("Content-Length") is None
    assert response.header("Transfer-Encoding") == "chunked"
    own = get(edge.port, "/own", GZIP)
    assert own.header("Content-Length") == str(len(own.body))


@pytest.mark.parametrize("path", ["/a", "/own", "/files/a.json"])
def test_head_has_the_fields_of_get(edge: Engine, origin: RecordingUpstream, path: str) -> None:
    hop = {"date", "x-request-id", "content-length", "transfer-encoding"}
    said = {name.lower(): value for name, value in get(edge.port, path, GZIP).fields if name.lower() not in hop}
    origin.respond = always(
        b'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nETag: "a"\r\nAccept-Ranges: bytes\r\n'
        + f"Content-Length: {len(TEXT)}\r\n\r\n".encode()
    )
    head = request(edge.port, "HEAD", path, GZIP)
    assert {name.lower(): value for name, value in head.fields if name.lower() not in hop} == said
    assert head.header("Content-Length") is None


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Type: image/png\r\n", "", HTML + "Content-Encoding: br\r\n", HTML + "Cache-Control: no-transform\r\n",
        HTML + "Content-Digest: sha-256=:x:\r\n",
    ],
)  # fmt: skip
def test_what_is_left_alone(edge: Engine, origin: RecordingUpstream, fields: str) -> None:
    origin.respond = always(message(200, TEXT, fields + 'ETag: "a"\r\n'))
    response = get(edge.port, "/a", GZIP)
    assert (response.body, response.header("ETag"), response.header("Vary")) == (TEXT, '"a"', None)
    assert response.header("Content-Length") == str(len(TEXT))


def test_small_answers_and_those_without_a_body_are_left_alone(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(message(200, b"a" * 1023, HTML))
    assert get(edge.port, "/a", GZIP).body == b"a" * 1023
    origin.respond = always(b'HTTP/1.1 204 No Content\r\nETag: "a"\r\nContent-Type: text/html\r\n\r\n')
    response = get(edge.port, "/a", GZIP)
    assert (response.status, response.header("ETag"), response.header("Content-Encoding")) == (204, '"a"', None)


def test_parts_are_never_compressed(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(message(206, TEXT, f"{HTML}Content-Range: bytes 0-{len(TEXT) - 1}/99999\r\n"))
    response = get(edge.port, "/a", {**GZIP, "Range": "bytes=0-"})
    assert (response.status, response.body, response.header("Content-Encoding")) == (206, TEXT, None)
    part = get(edge.port, "/files/large.txt", {**GZIP, "Range": "bytes=0-1999"})
    assert (part.status, len(part.body), part.header("Content-Encoding")) == (206, 2000, None)


def test_what_the_client_has_is_still_fresh(edge: Engine, origin: RecordingUpstream) -> None:
    tag = get(edge.port, "/files/a.json", GZIP).header("ETag") or ""
    assert tag.startswith('W/"')
    fresh = get(edge.port, "/files/a.json", {**GZIP, "If-None-Match": tag})
    assert (fresh.status, fresh.header("ETag"), fresh.body) == (304, tag, b"")
    # A weak tag is none by which a part could be asked for.
    part = get(edge.port, "/files/a.json", {**GZIP, "Range": "bytes=0-9", "If-Range": tag})
    assert part.status == 200
    assert plain(part) == TEXT
    origin.respond = always(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nVary: Origin\r\n\r\n')
    fresh = get(edge.port, "/a", {**GZIP, "If-None-Match": 'W/"a"'})
    # A cache takes these fields over: without Accept-Encoding it would give the compressed form to everybody.
    assert (fresh.header("ETag"), fresh.header("Vary")) == ('W/"a"', "Origin, Accept-Encoding")
    assert get(edge.port, "/a", {**GZIP, "If-None-Match": '"a"'}).header("ETag") == '"a"'


@pytest.mark.parametrize("credentials", [{"Cookie": "a=1"}, {"Authorization": "Bearer x"}])
def test_what_is_asked_for_with_credentials_keeps_its_length(edge: Engine, credentials: dict[str, str]) -> None:
    response = get(edge.port, "/a", {**GZIP, **credentials})
    assert (response.body, response.header("Content-Encoding")) == (TEXT, None)
    assert response.header("Vary") == "Accept-Encoding"
    assert plain(get(edge.port, "/open/a", {**GZIP, **credentials})) == TEXT
    assert plain(get(edge.port, "/files/a.json", {**GZIP, **credentials})) == TEXT


def test_what_sets_a_cookie_keeps_its_length(edge: Engine, origin: RecordingUpstream) -> None:
    assert get(edge.port, "/cookie/a", GZIP).body == TEXT
    origin.respond = always(message(200, TEXT, HTML + "Set-Cookie: a=1\r\n"))
    assert get(edge.port, "/a", GZIP).body == TEXT


def test_errors_are_compressed_where_they_are_worth_it(edge: Engine, origin: RecordingUpstream) -> None:
    origin.respond = always(message(404, TEXT, HTML))
    response = get(edge.port, "/a", GZIP)
    assert (response.status, plain(response)) == (404, TEXT)
    refused = get(edge.port, "/closed/a", GZIP)
    assert refused.status == 403
    assert plain(refused).startswith((b"403", b"{"))


def test_events_arrive_one_by_one(edge: Engine, origin: RecordingUpstream) -> None:
    went_on = [threading.Event() for _ in range(3)]

    def stream(conversation: Conversation, _: ReceivedRequest) -> None:
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number, event in enumerate(went_on):
            text = f"data: {number}\n\n".encode()
            conversation.send(f"{len(text):x}\r\n".encode() + text + b"\r\n")
            assert event.wait(20)
        conversation.send(b"0\r\n\r\n")

    origin.respond = stream
    decoder = zlib.decompressobj(31)
    with RawClient(edge.port, timeout=20) as client:
        client.send(build("GET", "/events", GZIP))
        assert client.read_head().header("Content-Encoding") == "gzip"
        for number, event in enumerate(went_on):
            seen = b""
            while seen != f"data: {number}\n\n".encode():
                seen += decoder.decompress(read_chunk(client))
            event.set()
        rest = b""
        while piece := read_chunk(client):
            rest += decoder.decompress(piece)
        assert (rest, decoder.eof) == (b"", True)


def read_chunk(client: RawClient) -> bytes:
    """The next chunk; the last one is empty."""
    data = client.reader.exactly(int(client.reader.line(), 16))
    assert client.reader.exactly(2) == b"\r\n"
    return data


def test_an_answer_that_breaks_off_is_no_whole_one(edge: Engine, origin: RecordingUpstream) -> None:
    head = f"HTTP/1.1 200 OK\r\n{HTML}Content-Length: {10 * len(TEXT)}\r\n\r\n".encode()
    origin.respond = always(head + TEXT, close=True)
    with RawClient(edge.port) as client:
        client.send(build("GET", "/a", GZIP))
        seen = client.read_to_end()
    assert not seen.endswith(b"0\r\n\r\n")


def test_files_compressed_beforehand_are_served_as_they_are(edge: Engine) -> None:
    beside = get(edge.port, "/beside/b.js", GZIP)
    assert plain(beside) == b"beforehand"
    assert (beside.header("Vary"), beside.header("Accept-Ranges")) == ("Accept-Encoding", "bytes")
    assert (beside.header("Content-Type") or "").startswith("text/javascript")
    assert not (beside.header("ETag") or "W").startswith("W")
    assert get(edge.port, "/beside/b.js").body == b"plain"


def test_the_log_knows_by_how_much(edge: Engine, log_file: Path) -> None:
    get(edge.port, "/logged", GZIP)
    get(edge.port, "/logged/plain")

    def logged() -> dict[str, str]:
        lines = [line.split(" ") for line in log_file.read_text().splitlines()]
        found = {path: ratio for path, ratio in lines if path.startswith("/logged")}
        return found if len(found) == 2 else {}

    ratios = wait_until(logged, what="both lines")
    assert float(ratios["/logged"]) > 4
    assert ratios["/logged/plain"] == "-"
