"""Splits over real sockets: shares, who stays where, the cookie, and what is counted."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from harness import Engine, HttpUpstream, RawClient, Runner, build, get, refusing_address, request
from harness.certificates import Authority
from harness.plan import Document, headers, http, plan, proxy, respond, route, server_tls, split, upstream
from harness.tls import TlsClient, trusting

if TYPE_CHECKING:
    from harness import Response, Services

COOKIE = "glorieta_split"
GIVEN = re.compile(rf"{COOKIE}=([0-9a-f]{{4}}); Path=/; HttpOnly; SameSite=Lax")
BY_COOKIE = {"cookie": COOKIE}


@pytest.fixture(scope="module")
def stable(services: Services) -> HttpUpstream:
    return services.http("stable")


@pytest.fixture(scope="module")
def canary(services: Services) -> HttpUpstream:
    return services.http("canary")


def document(stable: HttpUpstream, canary: HttpUpstream, share: int = 20) -> Document:
    shares = {"stable": 100 - share, "canary": share}
    public = headers(response={"set": {"X-Filtered": "1"}})
    routes = [
        route("/cookie/*", split(shares, BY_COOKIE, strip_prefix="/cookie"), filters=[public]),
        route("/random/*", split(shares)),
        route("/user/*", split(shares, {"word": "header.x-user"})),
        route("/drained/*", split({"stable": 1, "canary": 0}, BY_COOKIE)),
        route("/broken/*", split({"gone": 1, "stable": 0}, BY_COOKIE, retries=0)),
        route("/both/*", split({"stable": 1, "canary": 1}, BY_COOKIE)),
        # Whoever asks for a version gets it: that is a route of its own, which wins.
        route("/user/*", proxy("canary"), id="forced", name="forced", headers=[condition("x-version", "canary")]),
        route("/own", respond("own")),
    ]
    upstreams = [
        upstream("stable", stable.address),
        upstream("canary", canary.address),
        upstream("gone", refusing_address()),
    ]
    return plan(http(routes), upstreams)


def condition(name: str, value: str) -> Document:
    return {"name": name, "value": {"exact": value}}


@pytest.fixture(scope="module")
def edge(start: Runner, stable: HttpUpstream, canary: HttpUpstream) -> Engine:
    return start.engine(document(stable, canary))


@pytest.fixture(autouse=True)
def forgotten(stable: HttpUpstream, canary: HttpUpstream) -> None:
    stable.forget()
    canary.forget()


def met(answer: Response) -> str:
    assert answer.status == 200, answer
    return str(answer.json()["service"])


def asked(edge: Engine, path: str, times: int, fields: dict[str, str] | None = None) -> list[Response]:
    """Answers to the same request again and again, over one connection."""
    with RawClient(edge.port) as client:
        return [client.exchange(build("GET", path, fields)) for _ in range(times)]


def given(answer: Response) -> str | None:
    """The value of the cookie that an answer gives."""
    values = [value for value in answer.headers("Set-Cookie") if value.startswith(COOKIE)]
    assert len(values) <= 1
    if not values:
        return None
    found = GIVEN.fullmatch(values[0])
    assert found, values[0]
    return found[1]


def test_requests_without_a_cookie_are_shared_out_by_weight_and_each_is_given_one(edge: Engine) -> None:
    answers = asked(edge, "/cookie/a", 500)
    shares = Counter(map(met, answers))
    # Less likely than one in a million to be outside: 8 standard deviations.
    assert 100 - 72 <= shares["canary"] <= 100 + 72, shares
    tickets = [given(answer) for answer in answers]
    assert None not in tickets
    assert len(set(tickets)) > 400


def test_who_comes_back_with_the_cookie_stays_and_gets_no_other(edge: Engine) -> None:
    first = get(edge.port, "/cookie/a")
    ticket = given(first)
    again = asked(edge, "/cookie/b", 30, {"Cookie": f"a=1; {COOKIE}={ticket}; b=2"})
    assert set(map(met, again)) == {met(first)}
    assert {given(answer) for answer in again} == {None}
    assert {answer.header("X-Filtered") for answer in again} == {"1"}


def test_the_cookie_is_not_forwarded_and_others_are(edge: Engine, stable: HttpUpstream, canary: HttpUpstream) -> None:
    get(edge.port, "/cookie/a", [("Cookie", f"a=1; {COOKIE}=0001; b=2"), ("Cookie", f"{COOKIE}=0002")])
    [seen] = stable.requests + canary.requests
    assert seen.headers("Cookie") == ["a=1; b=2"]
    assert seen.target == "/a"


@pytest.mark.parametrize("value", ["", "1", "00001", "000G", "ABCD", "0x01", "-001", '"0001"', "%30001", "../0"])
def test_what_is_no_number_of_ours_is_replaced(edge: Engine, value: str) -> None:
    assert given(get(edge.port, "/cookie/a", {"Cookie": f"{COOKIE}={value}"})) is not None


def test_every_request_for_itself_by_chance_and_without_a_cookie(edge: Engine) -> None:
    answers = asked(edge, "/random/a", 300)
    assert set(map(met, answers)) == {"stable", "canary"}
    assert {given(answer) for answer in answers} == {None}


def test_equal_values_of_a_word_meet_the_same_variant(edge: Engine) -> None:
    users = {user: Counter(map(met, asked(edge, "/user/a", 3, {"X-User": user}))) for user in map(str, range(60))}
    assert all(len(counter) == 1 for counter in users.values())
    assert {name for counter in users.values() for name in counter} == {"stable", "canary"}
    assert len(set(map(met, asked(edge, "/user/a", 20)))) == 1, "without a value the client's address decides"


def test_a_header_that_asks_for_a_version_is_a_route_of_its_own(edge: Engine) -> None:
    assert set(map(met, asked(edge, "/user/a", 20, {"X-Version": "canary"}))) == {"canary"}


def test_a_variant_of_weight_0_gets_nothing(edge: Engine) -> None:
    assert set(map(met, asked(edge, "/drained/a", 100))) == {"stable"}


def test_a_variant_that_fails_is_no_reason_for_a_cookie_and_is_counted(edge: Engine) -> None:
    answer = get(edge.port, "/broken/a")
    assert (answer.status, given(answer)) == (502, None)
    labels = {"listener": "web", "route": "/broken/*", "upstream": "gone"}
    assert edge.metrics().total("glorieta_split_requests_total", outcome="refused", **labels) == 1


def test_what_shared_caches_may_keep_gives_no_cookie(edge: Engine, stable: HttpUpstream, canary: HttpUpstream) -> None:
    for service in (stable, canary):
        service.respond = lambda conversation, _: conversation.send(
            b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nContent-Length: 0\r\n\r\n"
        )
    assert {given(answer) for answer in asked(edge, "/cookie/a", 20)} == {None}


def test_the_log_and_the_metrics_say_which_variant(edge: Engine) -> None:
    name = met(get(edge.port, "/both/logged"))
    assert edge.wait_record(path="/both/logged")["upstream"] == name
    before = edge.metrics()
    answers = asked(edge, "/both/counted", 40)
    after, shares = edge.metrics(), Counter(map(met, answers))
    for each in ("stable", "canary"):
        labels = {"route": "/both/*", "upstream": each, "outcome": "2xx"}
        counted = [metrics.total("glorieta_split_requests_total", **labels) for metrics in (before, after)]
        assert counted[1] - counted[0] == shares[each]


def test_a_growing_canary_keeps_who_it_has_and_takes_only_as_many_as_it_grows_by(
    launch: Runner, stable: HttpUpstream, canary: HttpUpstream
) -> None:
    edge = launch.engine(document(stable, canary, 10))
    tickets = [f"{number * 131:04x}" for number in range(400)]

    def everybody() -> dict[str, str]:
        with RawClient(edge.port) as client:
            asking = (build("GET", "/cookie/a", {"Cookie": f"{COOKIE}={ticket}"}) for ticket in tickets)
            return {ticket: met(client.exchange(each)) for ticket, each in zip(tickets, asking, strict=True)}

    before = everybody()
    edge.reload({**document(stable, canary, 20), "version": "another"})
    after = everybody()
    moved = [ticket for ticket in tickets if before[ticket] != after[ticket]]
    assert all(after[ticket] == "canary" for ticket in moved)
    assert 0 < len(moved) < 100


def test_by_https_the_cookie_is_secure(
    launch: Runner, tmp_path_factory: pytest.TempPathFactory, stable: HttpUpstream, canary: HttpUpstream
) -> None:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority()
    trusted = trusting(authority.write(folder))
    files = authority.leaf("shop.example").write(folder, "shop")
    both = document(stable, canary)
    both["listeners"][0]["tls"] = server_tls(files)
    edge = launch.engine(both)
    with TlsClient(edge.port, trusted, "shop.example") as client:
        answer = client.exchange(build("GET", "/cookie/a", {"Host": "shop.example"}))
    [cookie] = answer.headers("Set-Cookie")
    assert cookie.endswith("; SameSite=Lax; Secure")


def test_a_body_goes_to_one_variant_whole(edge: Engine, stable: HttpUpstream, canary: HttpUpstream) -> None:
    answer = request(edge.port, "POST", "/both/a", body=b"x" * 100_000)
    assert answer.json()["body_bytes"] == 100_000
    assert len(stable.requests + canary.requests) == 1
