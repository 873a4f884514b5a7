"""Who may come in and with how much: `allow`, `deny`, `max_body`."""

from __future__ import annotations

import pytest

from harness import Engine, RawClient, RecordingUpstream, Runner, Services, build, chunks, get, request
from harness.plan import addresses, http, max_body, plan, proxy, respond, route, upstream


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    routes = [
        route("/allow", proxy(), filters=[addresses(allow=["127.0.0.2", "127.0.1.0/24"])]),
        route("/deny", proxy(), filters=[addresses(deny=["127.0.0.2"])]),
        route("/both", proxy(), filters=[addresses(allow=["127.0.0.0/8"], deny=["127.0.0.3"])]),
        route("/behind", proxy(), filters=[addresses(allow=["192.0.2.0/24", "2001:db8::/32"])]),
        route("/small/*", proxy(), filters=[max_body(1000)]),
        route("/small-own", respond("own"), filters=[max_body(1000)]),
    ]
    listener = http(routes, trusted_proxies=["127.0.0.9"])
    return start.engine(plan(listener, [upstream("service", origin.address)]))


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream) -> None:
    origin.forget()


@pytest.mark.parametrize(
    ("path", "source", "status"),
    [
        ("/allow", "127.0.0.1", 403), ("/allow", "127.0.0.2", 200), ("/allow", "127.0.1.7", 200), ("/allow", "127.0.2.7", 403),
        ("/deny", "127.0.0.1", 200), ("/deny", "127.0.0.2", 403),
        ("/both", "127.0.0.1", 200), ("/both", "127.0.0.3", 403), ("/behind", "127.0.0.1", 403),
    ],
)  # fmt: skip
def test_by_address(edge: Engine, origin: RecordingUpstream, path: str, source: str, status: int) -> None:
    assert get(edge.port, path, source=source).status == status
    assert len(origin.requests) == (status == 200)


@pytest.mark.parametrize(
    ("source", "said", "status"),
    [
        ("127.0.0.9", "192.0.2.7", 200),
        ("127.0.0.9", "2001:db8::7", 200),
        ("127.0.0.9", "198.51.100.7", 403),
        ("127.0.0.9", "192.0.2.7, 198.51.100.7", 403),
        ("127.0.0.1", "192.0.2.7", 403),
    ],
)
def test_by_the_address_that_a_trusted_proxy_saw(edge: Engine, source: str, said: str, status: int) -> None:
    assert get(edge.port, "/behind", {"X-Forwarded-For": said}, source=source).status == status


def test_a_refusal_is_logged_with_its_reason(edge: Engine) -> None:
    get(edge.port, "/deny", source="127.0.0.2")
    record = edge.wait_record(path="/deny", status=403)
    assert (record["reason"], record["client"]) == ("denied", "127.0.0.2")


@pytest.mark.parametrize("size", [0, 999, 1000])
def test_bodies_that_fit(edge: Engine, origin: RecordingUpstream, size: int) -> None:
    assert request(edge.port, "POST", "/small/a", body=b"x" * size).status == 200
    with RawClient(edge.port) as client:
        client.send(build("POST", "/small/a", {"Transfer-Encoding": "chunked"}) + chunks([b"x"] * size))
        assert client.read_response().status == 200
    assert [len(each.body) for each in origin.requests] == [size, size]


@pytest.mark.parametrize("path", ["/small/a", "/small-own"])
def test_an_announced_body_that_is_too_large(edge: Engine, origin: RecordingUpstream, path: str) -> None:
    with RawClient(edge.port) as client:
        client.send(build("POST", path, {"Content-Length": "1001"}))
        response = client.read_response()
        assert response.status == 413
        client.try_send(b"x" * 1001 + build("GET", "/smuggled"))
        assert response.closes or client.read_response().status == 404
    assert origin.received == b""


def test_an_announced_body_that_is_too_large_is_not_asked_for(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(build("POST", "/small/a", {"Content-Length": "1001", "Expect": "100-continue"}))
        response = client.read_response()
        assert (response.status, response.interim) == (413, [])
    assert origin.received == b""


def test_a_chunked_body_that_grows_too_large(edge: Engine, origin: RecordingUpstream) -> None:
    with RawClient(edge.port) as client:
        client.send(build("POST", "/small/a", {"Transfer-Encoding": "chunked"}) + chunks([b"x" * 600, b"y" * 600]))
        assert client.read_response().status == 413
        assert client.is_closed()
    assert origin.requests == [], "the origin got a cut body as if it were whole"
