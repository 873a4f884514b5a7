"""The admin address: what it says, to whom, and to whom it says nothing."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, Services, build, get, request, unused_port, wait_until
from harness.plan import check, http, plan, proxy, respond, route, upstream
from harness.process import STATUS_PATH

PATHS = ["/livez", "/readyz", "/metrics", STATUS_PATH]


@pytest.fixture(scope="module")
def service(services: Services) -> HttpUpstream:
    return services.http()


@pytest.fixture(scope="module")
def edge(start: Runner, service: HttpUpstream) -> Engine:
    routes = [route("/service/*", proxy()), route("/own", respond("own"))]
    return start.engine(
        plan(
            http(routes),
            [upstream("service", service.address, health=check("/healthz"))],
            admin={"socket": str(start.folder() / "admin.sock"), "hosts": ["ops.example"]},
        )
    )


def ask(edge: Engine, path: str, host: str | None = None, **fields: str) -> int:
    headers = {
        "Host": host or f"127.0.0.1:{edge.admin}",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    with RawClient(edge.admin) as client:
        return client.exchange(build("GET", path, headers)).status


def test_alive_and_ready(edge: Engine) -> None:
    assert edge.ask("/livez").status == 200
    ready = edge.ask("/readyz")
    assert ready.status == 200
    assert edge.plan["version"] in ready.text


def test_the_view(edge: Engine, service: HttpUpstream) -> None:
    """Listeners, groups, routes, upstreams and their health."""
    get(edge.port, "/own")
    wait_until(lambda: service.checks, what="a check")
    answer = edge.ask(STATUS_PATH)
    assert (answer.header("Content-Type") or "").startswith("application/json")
    document = json.loads(answer.body)
    text = json.dumps(document)
    for word in (
        "web",
        "/service/*",
        "/own",
        "service",
        service.address,
        edge.plan["version"],
        f"127.0.0.1:{edge.port}",
    ):
        assert word in text, word
    assert {"listeners", "upstreams"} <= document.keys()


def test_the_unix_socket_says_the_same(edge: Engine) -> None:
    path = edge.plan["admin"]["socket"]
    for each in PATHS:
        assert get(path, each, {"Host": "localhost"}).status == 200
    assert os.stat(path).st_mode & 0o007 == 0, "anybody may connect to the admin socket"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9900", "127.0.0.1.evil.example", "localhost.evil.example", "xlocalhost"]
)
def test_a_rebound_name_is_refused(edge: Engine, path: str, host: str) -> None:
    """DNS rebinding: a page makes its own name point here, and the browser sends that name."""
    assert ask(edge, path, host) in (400, 403, 421)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "localhost:9900",
        "LOCALHOST",
        "[::1]",
        "ops.example",
        "ops.example:9900",
        "10.1.2.3:9900",
    ],
)
def test_addresses_localhost_and_named_hosts_are_let_in(edge: Engine, host: str) -> None:
    assert ask(edge, STATUS_PATH, host) == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1.evil.example", "file://"])
def test_pages_of_other_origins_are_refused(edge: Engine, path: str, origin: str) -> None:
    assert ask(edge, path, Origin=origin) in (400, 403)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_says_cross_site_is_refused(edge: Engine, site: str) -> None:
    assert ask(edge, STATUS_PATH, Sec_Fetch_Site=site) in (400, 403)


def test_its_own_origin_is_let_in(edge: Engine) -> None:
    own = f"127.0.0.1:{edge.admin}"
    assert ask(edge, STATUS_PATH, own, Origin=f"http://{own}", Sec_Fetch_Site="same-origin") == 200


def test_answers_may_be_framed_and_sniffed_by_nobody(edge: Engine) -> None:
    answer = edge.ask(STATUS_PATH)
    assert answer.header("Access-Control-Allow-Origin") is None
    assert answer.header("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(edge: Engine, method: str) -> None:
    for path in PATHS:
        answer = request(edge.admin, method, path, {"Host": "localhost"}, b"{}")
        assert answer.status == 405


def test_head_and_unknown_paths(edge: Engine) -> None:
    with RawClient(edge.admin) as client:
        head = client.exchange(build("HEAD", "/metrics"))
        assert (head.status, head.body) == (200, b"")
    assert edge.ask("/unknown").status == 404
    assert edge.ask("/metrics?x=1").status == 200


def test_garbage_and_silence_hurt_nobody(edge: Engine) -> None:
    quiet = [RawClient(edge.admin) for _ in range(50)]
    with RawClient(edge.admin) as client:
        client.try_send(b"\x00\xff garbage\r\n\r\n" * 100)
        client.read_to_end()
    assert edge.ask("/livez").status == 200
    for client in quiet:
        client.close()


def test_the_admin_address_serves_no_routes_and_the_listener_no_admin(edge: Engine) -> None:
    assert edge.ask("/own").status == 404
    for path in PATHS:
        assert get(edge.port, path).status == 404


def test_not_ready_is_said_while_it_starts_or_ends_only(edge: Engine) -> None:
    assert {edge.ask("/readyz").status for _ in range(20)} == {200}


@pytest.mark.parametrize("required", [True, False])
def test_a_busy_admin_address(launch: Runner, required: bool, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        admin = {"address": busy, "required": required, "socket": str(tmp_path / "admin.sock")}
        edge = launch.engine(plan(http([route("/own", respond("own"))]), admin=admin), ready=False)
        if required:
            assert edge.wait_end() != 0
        else:
            wait_until(lambda: os.path.exists(tmp_path / "admin.sock"), what="the admin socket")
            wait_until(lambda: busy in edge.stderr, what="a word about the busy address")
            assert get(edge.port, "/own").text == "own"
            assert get(str(tmp_path / "admin.sock"), "/readyz").status == 200
        assert busy in edge.stderr


def test_no_admin_at_all(launch: Runner) -> None:
    port = unused_port()
    document = plan(http([route("/own", respond("own"))], bind=f"127.0.0.1:{port}"), admin={"address": "off"})
    edge = launch.engine(document, ready=False)
    wait_until(lambda: answers(port), 10, "the listener")
    assert listening(edge.pid) == {port}


def answers(port: int) -> bool:
    try:
        return get(port, "/own").status == 200
    except OSError:
        return False


def listening(pid: int) -> set[int]:
    """The TCP ports at which a process listens."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = set()
    for file in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(file).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports
