"""Mirrors under attack: forged marks, loops, bodies that come slowly, and floods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, build, get, unused_port, wait_until
from harness.plan import http, mirror, plan, proxy, route, upstream

if TYPE_CHECKING:
    from harness import Services

MARK = "glorieta-mirror"


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def shadow(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream, shadow: RecordingUpstream) -> Engine:
    routes = [
        route("/plain/*", proxy()),
        route("/*", proxy(), mirror=mirror(methods=["GET", "POST"])),
    ]
    return start.engine(plan(http(routes), [upstream("service", origin.address), upstream("shadow", shadow.address)]))


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream, shadow: RecordingUpstream) -> None:
    origin.forget()
    shadow.forget()


@pytest.mark.parametrize("name", [MARK, MARK.title(), MARK.upper(), "glorieta_mirror", "Glorieta_Mirror"])
@pytest.mark.parametrize("path", ["/plain/a", "/a"])
def test_nobody_can_pass_off_a_request_as_a_copy(edge: Engine, origin: RecordingUpstream, name: str, path: str) -> None:
    assert get(edge.port, path, {name: "?1"}).status == 200
    [seen] = origin.requests
    assert not [each for each, _ in seen.fields if each.lower().replace("_", "-") == MARK]


def test_copies_do_not_go_round(launch: Runner, services: Services) -> None:
    """A mirror that leads back to the same listener: each request comes back once, and is not copied again."""
    service = services.recording()
    port = unused_port()
    routes = [route("/*", proxy(), mirror=mirror("self"))]
    upstreams = [upstream("service", service.address), upstream("self", f"127.0.0.1:{port}")]
    edge = launch.engine(plan(http(routes, bind=f"127.0.0.1:{port}"), upstreams))
    assert get(port, "/a").status == 200
    wait_until(lambda: edge.metrics().total("glorieta_mirror_requests_total", outcome="2xx") == 1)
    assert get(port, "/b").status == 200
    wait_until(lambda: edge.metrics().total("glorieta_mirror_requests_total", outcome="2xx") == 2)
    assert sorted(each.target for each in service.requests) == ["/a", "/a", "/b", "/b"]


def test_bodies_that_come_slowly_open_nothing_at_the_shadow(edge: Engine, shadow: RecordingUpstream) -> None:
    before = shadow.accepted
    clients = [RawClient(edge.port) for _ in range(50)]
    for client in clients:
        client.send(build("POST", "/slow", {"Content-Length": "1000"}) + b"x")
    assert get(edge.port, "/plain/a").status == 200
    assert shadow.heads == [] and shadow.accepted == before
    for client in clients:
        client.close()
    wait_until(lambda: edge.metrics().total("glorieta_mirror_dropped_total", reason="body_unread") >= 50)


def test_a_flood_of_bodies_is_bounded_by_memory(
    launch: Runner, origin: RecordingUpstream, shadow: RecordingUpstream
) -> None:
    """A worker keeps 16 MiB of bodies for copies; what is beyond is served without one."""
    routes = [route("/*", proxy(), mirror=mirror(methods=["POST"], in_flight=1000))]
    upstreams = [upstream("service", origin.address), upstream("shadow", shadow.address)]
    edge = launch.engine(plan(http(routes), upstreams, workers=1))
    clients = [RawClient(edge.port, timeout=20) for _ in range(300)]
    half = b"x" * 65_000
    for client in clients:
        client.send(build("POST", "/flood", {"Content-Length": "65001"}) + half)
    for client in clients:
        client.send(b"x")
        assert client.read_response().status == 200
        client.close()
    assert [len(each.body) for each in origin.requests] == [65_001] * 300
    # All of them together have 18.6 MiB.
    dropped = edge.metrics().total("glorieta_mirror_dropped_total", reason="memory")
    assert dropped >= 300 - (16 << 20) // 65_000
    wait_until(lambda: len(shadow.requests) == 300 - dropped, what="the copies of all others")
