"""Endpoints that go and come back: active checks, ejection of outliers, panic."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, Services, TcpEcho, build, get, wait_until
from harness.plan import check, http, outlier, plan, proxy, route, upstream


def edge_over(runner: Runner, endpoints: list[str], retries: int = 0, **changes: object) -> Engine:
    changes.setdefault("balance", "round_robin")
    return runner.engine(plan(http([route("/*", proxy(retries=retries))]), [upstream("service", endpoints, **changes)]))


def names(edge: Engine, count: int = 20) -> set[str | None]:
    with RawClient(edge.port) as client:
        return {client.exchange(build("GET", f"/{number}")).header("X-Service") for number in range(count)}


@pytest.fixture
def two(own_services: Services) -> list[HttpUpstream]:
    return [own_services.http("one"), own_services.http("two")]


def addresses(two: list[HttpUpstream]) -> list[str]:
    return [each.address for each in two]


def test_a_check_that_fails_takes_an_endpoint_out_and_back(launch: Runner, two: list[HttpUpstream]) -> None:
    edge = edge_over(launch, addresses(two), health=check("/healthz"))
    assert names(edge) == {"one", "two"}
    two[0].healthy = False
    wait_until(lambda: names(edge) == {"two"}, 5, "the failing endpoint's end")
    assert edge.metrics().total("glorieta_endpoints", upstream="service") == 2
    two[0].healthy = True
    wait_until(lambda: names(edge) == {"one", "two"}, 5, "its return")
    assert all(each.checks > 2 for each in two)


def test_one_failure_is_not_enough(launch: Runner, two: list[HttpUpstream]) -> None:
    edge = edge_over(launch, addresses(two), health=check("/healthz", fall=1000))
    two[0].healthy = False
    before = two[0].checks
    wait_until(lambda: two[0].checks > before + 3, 5, "some checks")
    assert names(edge) == {"one", "two"}


def test_several_successes_may_be_asked_for(launch: Runner, two: list[HttpUpstream]) -> None:
    two[0].healthy = False
    edge = edge_over(launch, addresses(two), health=check("/healthz", rise=5, fall=1))
    wait_until(lambda: names(edge) == {"two"}, 5, "the failing endpoint's end")
    two[0].healthy = True
    healthy_since = two[0].checks
    wait_until(lambda: names(edge) == {"one", "two"}, 5, "its return")
    assert two[0].checks >= healthy_since + 5


def test_a_check_of_the_connection_alone(launch: Runner, own_services: Services) -> None:
    echo, service = own_services.keep(TcpEcho()), own_services.http("http")
    edge = edge_over(launch, [echo.address, service.address], health=check(), retries=1)
    time.sleep(0.3)
    echo.stop()
    wait_until(lambda: names(edge) == {"http"}, 5, "the closed endpoint's end")


def test_checks_go_on_while_nobody_asks(launch: Runner, two: list[HttpUpstream]) -> None:
    edge_over(launch, addresses(two), health=check("/healthz"))
    wait_until(lambda: all(each.checks >= 5 for each in two), 5, "five checks each")


def test_all_down_is_503_or_panic(launch: Runner, two: list[HttpUpstream]) -> None:
    for each in two:
        each.healthy = False
    strict = edge_over(launch, addresses(two), health=check("/healthz"))
    wait_until(lambda: get(strict.port, "/").status == 503, 5, "the end of both")
    wait_until(
        lambda: any(each.get("reason") == "no_endpoint" for each in strict.records()), what="its reason in the log"
    )
    panicking = edge_over(launch, addresses(two), health=check("/healthz"), panic_percent=60)
    time.sleep(0.8)
    assert get(panicking.port, "/").status == 200, "below the share, health is ignored"


@pytest.mark.parametrize("kind", ["status", "refused"])
def test_an_outlier_is_ejected_and_returns(
    launch: Runner, two: list[HttpUpstream], own_services: Services, kind: str
) -> None:
    edge = edge_over(launch, addresses(two), outlier=outlier())
    port = two[0].port
    if kind == "status":
        two[0].status = 503
    else:
        two[0].stop()
    seen = Counter(get(edge.port, f"/{number}").status for number in range(40))
    assert seen[200] >= 35, f"three failures in a row should have ejected it: {seen}"
    assert edge.metrics().total("glorieta_endpoints", upstream="service", state="ejected") == 1
    if kind == "status":
        two[0].status = 200
    else:
        own_services.http("one", port=port)
    wait_until(lambda: names(edge) == {"one", "two"}, 6, "its return")


def test_a_share_of_failures_ejects_too(launch: Runner, two: list[HttpUpstream]) -> None:
    """Never three failures in a row, and still bad."""
    edge = edge_over(launch, addresses(two), outlier=outlier(consecutive=0, success_percent=80, minimum_requests=10))
    for number in range(60):
        two[0].status = 503 if number % 4 == 0 else 200
        get(edge.port, f"/{number}")
    two[0].status = 200
    assert edge.metrics().total("glorieta_endpoints", upstream="service", state="ejected") == 1


def test_the_last_endpoint_is_never_ejected(launch: Runner, two: list[HttpUpstream]) -> None:
    for each in two:
        each.status = 503
    edge = edge_over(launch, addresses(two), outlier=outlier(max_percent=100))
    for number in range(30):
        assert get(edge.port, f"/{number}").status == 503
    assert edge.metrics().total("glorieta_endpoints", upstream="service", state="ejected") <= 1
    assert edge.wait_record(path="/29").get("reason") is None, "the service's own 503 passes"


def test_the_clients_own_faults_eject_nobody(launch: Runner, two: list[HttpUpstream]) -> None:
    edge = edge_over(launch, addresses(two), outlier=outlier())
    for each in two:
        each.status = 404
    for number in range(30):
        get(edge.port, f"/{number}")
        with RawClient(edge.port) as client:
            client.send(build("POST", "/gone", {"Content-Length": "100"}) + b"x")
            client.reset()
    assert edge.metrics().total("glorieta_endpoints", upstream="service", state="ejected") == 0


def test_health_is_in_the_json_view(launch: Runner, two: list[HttpUpstream]) -> None:
    two[0].healthy = False
    edge = edge_over(launch, addresses(two), health=check("/healthz"))
    wait_until(lambda: names(edge) == {"two"}, 5, "the failing endpoint's end")
    view = str(edge.status())
    assert two[0].address in view
    assert two[1].address in view
