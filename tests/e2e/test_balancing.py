"""Who gets which share: every algorithm, with weights, over real services."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from harness import Engine, HttpUpstream, Load, RawClient, Runner, Services, build, get
from harness.plan import http, plan, proxy, route, upstream

REQUESTS = 600
WEIGHTS = {"one": 1, "two": 2, "three": 3}


@pytest.fixture(scope="module")
def three(services: Services) -> list[HttpUpstream]:
    return [services.http(name) for name in WEIGHTS]


@pytest.fixture(scope="module")
def edge(start: Runner, three: list[HttpUpstream]) -> Engine:
    weighted = [(service.address, WEIGHTS[service.name]) for service in three]
    equal = [service.address for service in three]
    upstreams = [
        upstream("ewma", equal),
        upstream("ewma-weighted", weighted),
        upstream("fresh", equal),
        upstream("turns", equal, balance="round_robin"),
        upstream("turns-weighted", weighted, balance="round_robin"),
        upstream("random", equal, balance="random"),
        upstream("random-weighted", weighted, balance="random"),
        upstream("first", equal, balance="first_available"),
        upstream("hash", equal, balance={"hash": "header.x-user"}),
        upstream("hash-path", equal, balance={"hash": "path"}),
        upstream("hash-weighted", weighted, balance={"hash": "query.user"}),
    ]
    return start.engine(plan(http([route(f"/{each['id']}/*", proxy(each["id"])) for each in upstreams]), upstreams))


@pytest.fixture(autouse=True)
def equally_fast(three: list[HttpUpstream]) -> None:
    for service in three:
        service.forget()
        service.delay = 0.0


def ask(edge: Engine, name: str, count: int = REQUESTS, user: str = "") -> Counter[str]:
    """Over several connections, so that both workers take part."""
    clients = [RawClient(edge.port) for _ in range(8)]
    found: Counter[str] = Counter()
    for number in range(count):
        who = user or str(number)
        request = build("GET", f"/{name}/{who}?user={who}", {"X-User": who})
        found[clients[number % 8].exchange(request).header("X-Service") or ""] += 1
    for client in clients:
        client.close()
    return found


def shares(found: Counter[str]) -> dict[str, float]:
    return {name: count / found.total() for name, count in found.items()}


@pytest.mark.parametrize("name", ["random", "hash", "hash-path"])
def test_equal_shares(edge: Engine, name: str) -> None:
    found = shares(ask(edge, name))
    assert len(found) == 3
    assert all(0.2 < share < 0.47 for share in found.values()), found


def under_load(edge: Engine, three: list[HttpUpstream], name: str, delay: float = 0.02) -> dict[str, int]:
    """How many requests each service got from twelve clients that ask all the time."""
    for service in three:
        service.delay = service.delay or delay
    with Load(edge.port, f"/{name}/x", connections=12, pause=0):
        time.sleep(1)
    return {service.name: len(service.requests) for service in three}


def test_equally_fast_endpoints_all_take_part_by_ewma(edge: Engine, three: list[HttpUpstream]) -> None:
    """It follows what it measures, and so what this machine happens to do: no share is exact."""
    found = under_load(edge, three, "ewma")
    assert min(found.values()) > 0.15 * sum(found.values()), found


@pytest.mark.parametrize("name", ["random-weighted", "hash-weighted"])
def test_shares_by_weight(edge: Engine, name: str) -> None:
    found = shares(ask(edge, name))
    for service, weight in WEIGHTS.items():
        assert abs(found[service] - weight / 6) < 0.08, found


def test_a_heavier_endpoint_gets_more_by_ewma(edge: Engine, three: list[HttpUpstream]) -> None:
    found = under_load(edge, three, "ewma-weighted")
    assert found["three"] > found["one"] > 0, found


def test_turns_are_exact(edge: Engine) -> None:
    assert set(ask(edge, "turns").values()) == {REQUESTS // 3}
    assert ask(edge, "turns-weighted") == {name: REQUESTS * weight // 6 for name, weight in WEIGHTS.items()}


def test_turns_are_smooth(edge: Engine) -> None:
    """The heavy endpoint's turns are spread: it never has three in a row (NGINX's smooth weighting)."""
    with RawClient(edge.port) as client:
        names = [client.exchange(build("GET", "/turns-weighted/x")).header("X-Service") for _ in range(60)]
    assert all(names[index : index + 3] != ["three"] * 3 for index in range(58)), names


def test_the_first_has_everything(edge: Engine) -> None:
    assert ask(edge, "first", 50) == {"one": 50}


def test_one_user_meets_one_endpoint(edge: Engine) -> None:
    for user in ("ana", "luis", "eva"):
        assert len(ask(edge, "hash", 50, user)) == 1
    assert len({next(iter(ask(edge, "hash", 1, f"user-{number}"))) for number in range(50)}) == 3


def test_a_lost_endpoint_moves_only_its_own_users(start: Runner, services: Services) -> None:
    three = [services.http(name) for name in "abc"]
    edge = start.engine(
        plan(
            http([route("/*", proxy())]),
            [upstream("service", [each.address for each in three], balance={"hash": "path"})],
        )
    )
    before = {number: get(edge.port, f"/{number}").header("X-Service") for number in range(60)}
    three[0].stop()
    after = {number: get(edge.port, f"/{number}").header("X-Service") for number in range(60)}
    assert {after[number] for number in after} == {"b", "c"}
    assert all(after[number] == name for number, name in before.items() if name != "a")


def test_a_slow_endpoint_gets_less_by_ewma(edge: Engine, three: list[HttpUpstream]) -> None:
    three[0].delay = 0.2
    found = under_load(edge, three, "ewma")
    assert 0 < found["one"] < 0.15 * sum(found.values()), found


def test_choices_are_made_for_every_request_and_not_per_connection(edge: Engine) -> None:
    with RawClient(edge.port) as client:
        names = {client.exchange(build("GET", "/turns/x")).header("X-Service") for _ in range(3)}
    assert names == set(WEIGHTS)


def test_slow_requests_spread_by_load(edge: Engine, three: list[HttpUpstream]) -> None:
    """Twelve at once on three equal endpoints: none is left idle."""
    for service in three:
        service.delay = 0.3
    clients = [RawClient(edge.port) for _ in range(12)]
    for client in clients:
        client.send(build("GET", "/fresh/x"))
        time.sleep(0.005)
    found = Counter(client.read_response().header("X-Service") for client in clients)
    for client in clients:
        client.close()
    assert len(found) == 3 and max(found.values()) <= 8, found
