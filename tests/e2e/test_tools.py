"""The tools that people have at hand: curl, wrk, h2load, and Python's own clients."""

from __future__ import annotations

import http.client
import re
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from harness.plan import files, plan, proxy, respond, route, upstream
from harness.plan import http as listener

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Engine, HttpUpstream, Runner, Services


@pytest.fixture(scope="module")
def service(services: Services) -> HttpUpstream:
    return services.http()


@pytest.fixture(scope="module")
def edge(start: Runner, service: HttpUpstream, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("files")
    (folder / "text.txt").write_bytes(b"0123456789" * 1000)
    routes = [
        route("/service/*", proxy()),
        route("/own", respond("own")),
        route("/files/*", files(folder, strip_prefix="/files")),
    ]
    return start.engine(plan(listener(routes), [upstream("service", service.address)]))


def curl(edge: Engine, *arguments: str) -> str:
    command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "10", *arguments]
    address = f"http://127.0.0.1:{edge.port}"
    return subprocess.run(
        [each.replace("EDGE", address) for each in command], capture_output=True, text=True, check=True
    ).stdout


@pytest.mark.tool("curl", "curl")
def test_curl(edge: Engine, tmp_path: Path) -> None:
    assert curl(edge, "EDGE/own") == "own"
    assert curl(edge, "--range", "5-14", "EDGE/files/text.txt") == "5678901234"
    assert "200 OK" in curl(edge, "--head", "EDGE/files/text.txt")
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(3_000_000))
    assert '"body_bytes": 3000000' in curl(edge, "--upload-file", str(upload), "EDGE/service/upload")
    assert '"body_bytes": 3000000' in curl(
        edge, "--data-binary", f"@{upload}", "-H", "Expect: 100-continue", "EDGE/service/a"
    )
    assert '"body_bytes": 9' in curl(edge, "--data", "name=text", "--http1.0", "EDGE/service/form")
    chunked = curl(edge, "--data", "name=text", "-H", "Transfer-Encoding: chunked", "EDGE/service/form")
    assert '"body_bytes": 9' in chunked


@pytest.mark.tool("wrk", "wrk")
def test_wrk(edge: Engine) -> None:
    """Keep-alive at full speed, with every answer counted by the engine too."""
    before = edge.metrics().total("glorieta_requests_total", route="/own")
    command = ["wrk", "-t1", "-c32", "-d1s", f"http://127.0.0.1:{edge.port}/own"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    found = re.search(r"(\d+) requests in", text)
    assert found and int(found[1]) > 500, text
    assert "Non-2xx" not in text and "Socket errors" not in text, text
    assert edge.metrics().total("glorieta_requests_total", route="/own") - before >= int(found[1])


@pytest.mark.tool("h2load", "nghttp2-client")
def test_h2load_over_http_1(edge: Engine) -> None:
    command = ["h2load", "--h1", "-n2000", "-c20", "-m8", f"http://127.0.0.1:{edge.port}/own"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in text, text


def test_httpx(edge: Engine) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{edge.port}") as client:
        for number in range(20):
            answer = client.post("/service/form", content=b"x" * number).raise_for_status().json()
            assert answer["body_bytes"] == number

        def pieces() -> Iterator[bytes]:
            for _ in range(10):
                yield b"y" * 1000

        assert client.put("/service/stream", content=pieces()).json()["body_bytes"] == 10_000
        assert client.get("/files/text.txt").headers["etag"]
        with client.stream("GET", "/files/text.txt") as answer:
            assert sum(len(piece) for piece in answer.iter_bytes()) == 10_000


def test_the_standard_librarys_client(edge: Engine) -> None:
    client = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=5)
    for path in ("/own", "/service/a", "/nowhere", "/own"):
        client.request("GET", path)
        answer = client.getresponse()
        assert (answer.status == 404) == (path == "/nowhere")
        answer.read()
    client.close()
