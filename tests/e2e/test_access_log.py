"""The access log: its formats, its fields, and that no request ever waits for it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from datetime import UTC, datetime

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, Services, build, get, refusing_address, request, wait_until
from harness.plan import Document, http, plan, proxy, respond, route, upstream

KEYS = [
    "time", "request_id", "listener", "route", "client", "method", "host", "path", "query", "protocol", "status", "reason", "detail",
    "duration", "upstream", "endpoint", "tries", "mirror", "bytes_in", "bytes_out", "tls", "trace_id",
]  # fmt: skip


def logged(service: HttpUpstream, **log: object) -> Document:
    routes = [
        route("/service/{id}", proxy()),
        route("/own", respond("hello")),
        route("/refused", proxy("refused", retries=0)),
    ]
    return plan(
        http(routes), [upstream("service", service.address), upstream("refused", refusing_address())], access_log=log
    )


@pytest.fixture(scope="module")
def service(services: Services) -> HttpUpstream:
    return services.http()


@pytest.fixture(scope="module")
def edge(start: Runner, service: HttpUpstream) -> Engine:
    return start.engine(logged(service))


def test_a_record_has_everything(edge: Engine, service: HttpUpstream) -> None:
    service.delay = 0.1
    began = datetime.now(UTC)
    answer = request(edge.port, "POST", "/service/1?q=%20", {"Host": "Shop.example:80"}, b"hello")
    service.delay = 0.0
    record = edge.wait_record(path="/service/1")
    assert [key for key in record if key in KEYS] == list(record), "a key that is not documented"
    assert list(record) == [key for key in KEYS if key in record], "keys out of their order"
    expected = {
        "listener": "web", "route": "/service/{id}", "client": "127.0.0.1", "method": "POST", "query": "q=%20",
        "protocol": "HTTP/1.1", "status": 200, "upstream": "service", "endpoint": service.address, "tries": 1,
        "bytes_in": 5, "bytes_out": len(answer.body),
    }  # fmt: skip
    assert {key: record.get(key) for key in expected} == expected
    assert record["host"].lower().removesuffix(":80") == "shop.example"
    assert "reason" not in record
    assert "detail" not in record
    assert "tls" not in record
    assert re.fullmatch(r"[0-9a-f]{32}", record["request_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["time"])
    assert abs((datetime.fromisoformat(record["time"]) - began).total_seconds()) < 2
    assert 90 < record["duration"] < 2000


def test_own_answers_and_failures(edge: Engine) -> None:
    get(edge.port, "/own")
    own = edge.wait_record(path="/own")
    assert own["bytes_out"] == 5
    assert not {"upstream", "endpoint", "tries", "reason"} & own.keys()
    get(edge.port, "/refused")
    failed = edge.wait_record(path="/refused")
    assert (failed["status"], failed["reason"], failed["upstream"]) == (502, "refused", "refused")
    assert "refused" in failed["detail"]
    assert "127.0.0.1:" in failed["detail"]
    get(edge.port, "/nowhere")
    assert edge.wait_record(path="/nowhere")["reason"] == "no_route"


@pytest.mark.parametrize(
    ("raw", "status", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400, "host_refused"),
        (b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path_refused"),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "framing_refused",
        ),
        (b"\x00\r\n\r\n", 400, "head_malformed"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n", 431, "head_too_large"),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414, "target_too_long"),
    ],
)
def test_refused_heads_are_logged_and_counted(edge: Engine, raw: bytes, status: int, reason: str) -> None:
    before = edge.metrics().total("glorieta_rejected_total", listener="web", reason=reason)
    with RawClient(edge.port) as client:
        client.try_send(raw)
        assert client.read_response().status == status
    record = edge.wait_record(reason=reason)
    assert (record["status"], record["client"]) == (status, "127.0.0.1")
    assert edge.metrics().total("glorieta_rejected_total", listener="web", reason=reason) == before + 1


@pytest.mark.parametrize("path", ["/a%22b", "/a%5Cn", '/"quoted"', '/a?x="y"&z=%0a', "/%C3%B1?\\"])
def test_whatever_is_asked_is_one_line_of_json(edge: Engine, path: str) -> None:
    with RawClient(edge.port) as client:
        client.exchange(build("GET", path, {"Host": "odd.example"}))
    edge.wait_record(host="odd.example")
    for line in edge.log_file.read_text().splitlines():
        assert isinstance(json.loads(line), dict)


def test_combined(launch: Runner, service: HttpUpstream) -> None:
    edge = launch.engine(logged(service, format="combined"))
    get(edge.port, "/own?x=1", {"Referer": 'http://a/"b', "User-Agent": "test/1.0"})
    line = wait_until(edge.log_file.read_text, what="a line").rstrip("\n")
    found = re.fullmatch(
        r'(\S+) - - \[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "([^"]*)" (\d+) (\d+|-) "(.*)" "(.*)"', line
    )
    assert found, line
    assert (found[1], found[3], found[4], found[5], found[7]) == (
        "127.0.0.1",
        "GET /own?x=1 HTTP/1.1",
        "200",
        "5",
        "test/1.0",
    )
    assert datetime.strptime(found[2], "%d/%b/%Y:%H:%M:%S %z").tzinfo
    assert '"' not in found[6].replace('\\"', "").replace("\\x22", "")


def test_a_template(launch: Runner, service: HttpUpstream) -> None:
    text = "$$ ${client.ip} ${method} ${path} ${query.q} ${status} ${header.x-a} ${cookie.sid} ${path.id} ${reason} ${upstream} ${bytes.in}"
    edge = launch.engine(logged(service, format={"template": text}))
    request(edge.port, "PUT", "/service/7?q=1", {"X-A": "b\tc", "Cookie": "sid=d"}, b"xyz")
    get(edge.port, "/own")
    wait_until(lambda: edge.log_file.read_text().count("\n") == 2, what="two lines")
    # Two workers may have written them, in either order.
    lines = sorted(edge.log_file.read_text().splitlines(), key=lambda line: "/own" in line)
    assert re.fullmatch(r"\$ 127\.0\.0\.1 PUT /service/7 1 200 b(\\t|\\x09|\t)c d 7 - service 3", lines[0]), lines[0]
    assert lines[1] == "$ 127.0.0.1 GET /own - 200 - - - - - 0"


def test_log_files_are_opened_anew(launch: Runner, service: HttpUpstream) -> None:
    """As logrotate does it: move the file away, then SIGUSR1."""
    edge = launch.engine(logged(service))
    get(edge.port, "/own")
    edge.wait_record(path="/own")
    moved = edge.log_file.with_suffix(".1")
    edge.log_file.rename(moved)
    edge.signal(signal.SIGUSR1)
    wait_until(edge.log_file.exists, what="the new file")
    get(edge.port, "/service/after")
    edge.wait_record(path="/service/after")
    assert len(moved.read_text().splitlines()) == 1


def test_no_log_at_all(launch: Runner, service: HttpUpstream) -> None:
    edge = launch.engine(logged(service, to="off"))
    assert get(edge.port, "/own").status == 200
    time.sleep(0.2)
    assert not edge.log_file.exists()
    assert "/own" not in edge.stdout + edge.stderr


def test_a_reader_that_does_not_read_holds_nobody_up(launch: Runner, service: HttpUpstream) -> None:
    """Standard output is a pipe that is full after 64 KiB. Lines are dropped and counted; requests are not."""
    edge = launch.engine(logged(service, to="stdout", queue=100), stdout=subprocess.PIPE)
    asked, slowest = 20_000, 0.0
    with RawClient(edge.port) as client:
        for _ in range(asked // 100):
            began = time.monotonic()
            client.send(build("GET", "/own") * 100)
            assert {client.read_response().status for _ in range(100)} == {200}
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2
    assert edge.memory() < 64 << 20
    assert edge.ask("/livez").status == 200
    dropped = sum(
        value
        for name, labels, value in edge.metrics().samples
        if "log" in name and "dropped" in str(name) + str(labels)
    )
    assert dropped > asked / 2
    assert edge.process.stdout
    lines = b""
    while not lines.count(b"\n") > 10:
        lines += edge.process.stdout.read1(65536)  # type: ignore[attr-defined]
    assert json.loads(lines.split(b"\n")[0])["path"] == "/own"
    assert edge.stop() == 0
    edge.process.stdout.close()


def test_a_full_disk_holds_nobody_up(launch: Runner, service: HttpUpstream) -> None:
    edge = launch.engine(logged(service, to={"file": "/dev/full"}))
    for _ in range(50):
        assert get(edge.port, "/own").status == 200
    wait_until(lambda: "/dev/full" in edge.stderr, what="a word about the lost lines")
    assert edge.stderr.count("/dev/full") < 5, "the same trouble said again and again"
