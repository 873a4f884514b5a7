"""Metrics: well-formed, true, and bounded."""

from __future__ import annotations

import re

import pytest

from harness import Engine, RawClient, Runner, Services, TcpEcho, build, get, refusing_address, request, wait_until
from harness.plan import http, outlier, plan, proxy, respond, route, tcp, upstream


@pytest.fixture(scope="module")
def edge(start: Runner, services: Services) -> Engine:
    routes = [
        route("/service/*", proxy()),
        route("/own", respond("own")),
        route("/mixed", proxy("mixed")),
        route("/refused", proxy("refused", retries=0)),
        route("/status/*", proxy("status")),
    ]
    good, echo = services.http(), services.keep(TcpEcho())
    statuses = services.recording(lambda conversation, received: conversation.send(
        f"HTTP/1.1 {received.target.split('/')[-1]} Status\r\nContent-Length: 0\r\n\r\n".encode()
    ))  # fmt: skip
    upstreams = [
        upstream("service", good.address),
        upstream("mixed", [refusing_address(), good.address], balance="first_available"),
        upstream("refused", refusing_address()),
        upstream("status", statuses.address, outlier=outlier(consecutive=0)),
        upstream("echo", echo.address),
    ]
    return start.engine(plan([http(routes), tcp("echo")], upstreams))


def test_the_text_is_well_formed(edge: Engine) -> None:
    """Prometheus' exposition format: a type for every family, no family in two places, no sample twice."""
    get(edge.port, "/service/a")
    get(edge.port, "/mixed")
    answer = edge.ask("/metrics")
    kind = answer.header("Content-Type") or ""
    assert kind.startswith(("text/plain", "application/openmetrics-text"))
    types: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    family = ""
    for line in answer.text.splitlines():
        if line.startswith("# TYPE "):
            name, sort = line.split()[2:]
            assert name not in types, f"{name} stands in two places"
            types[name] = sort
            family = name
        elif line and not line.startswith("#"):
            name = re.split(r"[{ ]", line, maxsplit=1)[0]
            assert name.startswith(family), f"{name} is not of {family}"
            key = line.rpartition(" ")[0]
            assert (name, key) not in seen, line
            seen.add((name, key))
    assert all(sort in ("counter", "gauge", "histogram", "info", "unknown") for sort in types.values())
    for name in (
        "glorieta_requests", "glorieta_request_duration_seconds", "glorieta_upstream_requests",
        "glorieta_upstream_duration_seconds", "glorieta_retries", "glorieta_endpoints", "glorieta_connections",
    ):  # fmt: skip
        assert name in types or f"{name}_total" in types, name


def test_requests_are_counted_by_what_the_plan_names(edge: Engine) -> None:
    def count(**labels: str) -> float:
        return edge.metrics().total("glorieta_requests_total", **labels)

    before = [
        count(route="/own", method="GET"),
        count(route="/own", method="other"),
        count(route="/own", method="HEAD"),
    ]
    for method in ["GET"] * 3 + ["HEAD"] + ["BREW", "X-Y"]:
        request(edge.port, method, "/own")
    after = [count(route="/own", method="GET"), count(route="/own", method="other"), count(route="/own", method="HEAD")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [3, 2, 1]
    assert count(listener="web", route="/own", code="200") == sum(after)


def test_codes_are_counted_and_odd_ones_fold(edge: Engine) -> None:
    for code in (200, 201, 404, 503, 999):
        assert get(edge.port, f"/status/{code}").status == code
    metrics = edge.metrics()
    for label in ("200", "201", "404", "503", "other"):
        assert metrics.total("glorieta_requests_total", route="/status/*", code=label) >= 1, label
    for outcome in ("2xx", "4xx", "5xx"):
        assert metrics.total("glorieta_upstream_requests_total", upstream="status", outcome=outcome) >= 1


def test_an_upstream_that_invents_codes_makes_a_bounded_number_of_series(edge: Engine) -> None:
    for code in range(200, 600):
        get(edge.port, f"/status/{code}")
    codes = {
        labels["code"] for labels in edge.metrics().labels("glorieta_requests_total") if labels["route"] == "/status/*"
    }
    assert len(codes) <= 64


def test_histograms_add_up(edge: Engine) -> None:
    for number in range(10):
        get(edge.port, f"/service/{number}")
    metrics = edge.metrics()
    name, labels = "glorieta_request_duration_seconds", {"listener": "web", "route": "/service/*"}
    buckets = [
        (float(each["le"]), value)
        for sample, each, value in metrics.samples
        if sample == f"{name}_bucket" and each["route"] == "/service/*"
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1][0] == float("inf")
    count = metrics.total(f"{name}_count", **labels)
    assert buckets[-1][1] == count == metrics.total("glorieta_requests_total", **labels) >= 10
    assert 0 < metrics.total(f"{name}_sum", **labels) < count


def test_tries_and_retries(edge: Engine) -> None:
    before = edge.metrics()
    assert get(edge.port, "/mixed").status == 200
    assert get(edge.port, "/refused").status == 502
    after = edge.metrics()

    def more(name: str, **labels: str) -> float:
        return after.total(name, **labels) - before.total(name, **labels)

    assert more("glorieta_upstream_requests_total", upstream="mixed", outcome="refused") == 1
    assert more("glorieta_upstream_requests_total", upstream="mixed", outcome="2xx") == 1
    assert more("glorieta_retries_total", upstream="mixed", reason="refused") == 1
    assert more("glorieta_upstream_requests_total", upstream="refused", outcome="refused") == 1
    assert more("glorieta_requests_total", route="/refused", code="502") == 1


def test_connections_are_counted_while_they_last(edge: Engine) -> None:
    def count(state: str, listener: str = "web") -> float:
        return edge.metrics().total("glorieta_connections", listener=listener, state=state)

    wait_until(lambda: count("idle") + count("active") == 0, what="no connection at all")
    clients = [RawClient(edge.port) for _ in range(5)]
    for client in clients:
        assert client.exchange(build("GET", "/own")).status == 200
    wait_until(lambda: count("idle") == 5, what="five idle connections")
    clients[0].send(b"GET /own HTTP/1.1\r\nHo")
    wait_until(lambda: (count("idle"), count("active")) == (4, 1), what="one that is active")
    for client in clients:
        client.close()
    wait_until(lambda: count("idle") + count("active") == 0, what="their end")
    with RawClient(edge.ports["mail"]) as client:
        wait_until(lambda: count("active", "mail") == 1, what="the layer-4 connection")
        client.send(b"x")


def test_the_process_and_the_plan(edge: Engine) -> None:
    metrics = edge.metrics()
    resident = metrics.total("process_resident_memory_bytes")
    assert abs(resident - edge.memory()) < 8 << 20
    assert metrics.total("process_open_fds") > 5
    assert metrics.total("process_start_time_seconds") > 1_700_000_000
    assert edge.plan["version"] in metrics.text


def test_endpoints_are_counted(edge: Engine) -> None:
    assert edge.metrics().total("glorieta_endpoints", upstream="mixed") == 2


def test_nothing_from_a_request_is_a_label(edge: Engine) -> None:
    get(edge.port, "/service/raw-path?raw-query", {"Host": "raw-host.example", "X-Request-ID": "raw-id"})
    get(edge.port, "/nowhere-raw")
    with RawClient(edge.port) as client:
        client.send(b"RAWMETHOD /own HTTP/1.1\r\nHost: a\r\n\r\n")
        client.read_response("RAWMETHOD")
    assert "raw" not in edge.metrics().text.lower()
