"""Who the client is: forwarded headers, trusted proxies, request ids, trace context."""

from __future__ import annotations

import itertools
import re

import pytest

from harness import Engine, RecordingUpstream, Runner, Services, get
from harness.plan import http, plan, proxy, route, upstream

PROXY = "127.0.0.9"
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def origin(services: Services) -> RecordingUpstream:
    return services.recording()


@pytest.fixture(scope="module")
def edge(start: Runner, origin: RecordingUpstream) -> Engine:
    listener = http([route("/*", proxy())], trusted_proxies=[f"{PROXY}/32", "10.0.0.0/8", "fd00::/8"])
    return start.engine(plan(listener, [upstream("service", origin.address)]))


@pytest.fixture(autouse=True)
def forgotten(origin: RecordingUpstream) -> None:
    origin.forget()


def forwarded_for(value: str) -> str:
    """The addresses of a `Forwarded` list, as `X-Forwarded-For` would have them."""
    return ", ".join(
        found.strip('"').strip("[]") for found in re.findall(r'for=("[^"]*"|[^;, ]*)', value, re.IGNORECASE)
    )


@pytest.mark.parametrize(
    ("source", "said", "client", "list_sent"),
    [
        ("127.0.0.1", None, "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.7", "127.0.0.1", "127.0.0.1"),
        (PROXY, None, PROXY, PROXY),
        (PROXY, "192.0.2.7", "192.0.2.7", f"192.0.2.7, {PROXY}"),
        (PROXY, "6.6.6.6, 192.0.2.7", "192.0.2.7", f"6.6.6.6, 192.0.2.7, {PROXY}"),
        (PROXY, "6.6.6.6, 192.0.2.7, 10.1.2.3", "192.0.2.7", f"6.6.6.6, 192.0.2.7, 10.1.2.3, {PROXY}"),
        (PROXY, "2001:db8::7, fd00::1", "2001:db8::7", f"2001:db8::7, fd00::1, {PROXY}"),
        (PROXY, "10.0.0.1", "10.0.0.1", f"10.0.0.1, {PROXY}"),
        (PROXY, "192.0.2.7:1234", "192.0.2.7", f"192.0.2.7:1234, {PROXY}"),
    ],
)
def test_x_forwarded_for(
    edge: Engine, origin: RecordingUpstream, source: str, said: str | None, client: str, list_sent: str
) -> None:
    path = f"/{next(NUMBERS)}"
    assert get(edge.port, path, {"X-Forwarded-For": said} if said else None, source=source).status == 200
    [received] = origin.requests
    assert ", ".join(received.headers("X-Forwarded-For")) == list_sent
    assert edge.wait_record(path=path)["client"] == client


@pytest.mark.parametrize(
    ("source", "sent", "expected"),
    [
        ("127.0.0.1", {}, ("http", "shop.example")),
        ("127.0.0.1", {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil"}, ("http", "shop.example")),
        (PROXY, {}, ("http", "shop.example")),
        (PROXY, {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "public.example"}, ("https", "public.example")),
    ],
)
def test_proto_and_host(
    edge: Engine, origin: RecordingUpstream, source: str, sent: dict[str, str], expected: tuple[str, str]
) -> None:
    assert get(edge.port, "/a", {"Host": "shop.example", **sent}, source=source).status == 200
    [received] = origin.requests
    assert (received.header("X-Forwarded-Proto"), received.header("X-Forwarded-Host")) == expected


def test_a_trusted_prefix_is_kept(edge: Engine, origin: RecordingUpstream) -> None:
    get(edge.port, "/a", {"X-Forwarded-Prefix": "/shop"}, source=PROXY)
    get(edge.port, "/a", {"X-Forwarded-Prefix": "/shop"})
    assert [received.headers("X-Forwarded-Prefix") for received in origin.requests] == [["/shop"], []]


@pytest.mark.parametrize(
    ("source", "said", "client", "list_sent"),
    [
        ("127.0.0.1", "for=192.0.2.7", "127.0.0.1", "127.0.0.1"),
        (PROXY, "for=192.0.2.7;proto=https", "192.0.2.7", f"192.0.2.7, {PROXY}"),
        (PROXY, 'for="[2001:db8::7]:80", for=10.1.1.1', "2001:db8::7", None),
        (PROXY, "for=unknown", PROXY, None),
    ],
)
def test_forwarded(
    edge: Engine, origin: RecordingUpstream, source: str, said: str, client: str, list_sent: str | None
) -> None:
    """RFC 7239, in and out."""
    path = f"/{next(NUMBERS)}"
    assert get(edge.port, path, {"Forwarded": said}, source=source).status == 200
    assert edge.wait_record(path=path)["client"] == client
    sent = ", ".join(origin.requests[0].headers("Forwarded"))
    assert forwarded_for(sent).endswith(source)
    if list_sent:
        assert forwarded_for(sent) == list_sent
    assert re.search(r"proto=http(;|,|$)", sent.split(", ")[-1])
    assert "host=" in sent.split(", ")[-1]


def test_every_request_has_an_id_of_its_own(edge: Engine, origin: RecordingUpstream) -> None:
    answers = [get(edge.port, f"/id{number}") for number in range(20)]
    ids = [received.header("X-Request-ID") or "" for received in origin.requests]
    assert [answer.header("X-Request-ID") for answer in answers] == ids
    assert len(set(ids)) == 20
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in ids)
    assert edge.wait_record(path="/id7")["request_id"] == ids[7]


@pytest.mark.parametrize(
    ("source", "sent", "taken"),
    [
        (PROXY, "0af7651916cd43dd8448eb211c80319c", True),
        (PROXY, "a-b_c.d:e/f+g=h", True),
        (PROXY, "x" * 64, True),
        (PROXY, "x" * 65, False),
        (PROXY, "has blank", False),
        (PROXY, '"quoted"', False),
        (PROXY, "", False),
        ("127.0.0.1", "0af7651916cd43dd8448eb211c80319c", False),
    ],
)
def test_ids_of_trusted_proxies(edge: Engine, origin: RecordingUpstream, source: str, sent: str, taken: bool) -> None:
    answer = get(edge.port, "/a", {"X-Request-ID": sent}, source=source)
    received = origin.requests[0].headers("X-Request-ID")
    assert (received == [sent]) == taken
    assert answer.headers("X-Request-ID") == received
    assert len(received) == 1


def test_trace_context_passes_unchanged(edge: Engine, origin: RecordingUpstream) -> None:
    """W3C Trace Context; the trace's id is in the log."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    fields = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "tracestate": "a=1,b=2", "baggage": "user=7"}
    get(edge.port, "/traced", fields)
    assert {name: origin.requests[0].header(name) for name in fields} == fields
    assert edge.wait_record(path="/traced")["trace_id"] == trace


def test_a_trace_context_that_is_none_is_not_logged(edge: Engine, origin: RecordingUpstream) -> None:
    get(edge.port, "/untraced", {"traceparent": "00-nonsense-01"})
    assert "trace_id" not in edge.wait_record(path="/untraced")
    assert origin.requests[0].header("traceparent") == "00-nonsense-01"
