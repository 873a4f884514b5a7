"""Another Plan while requests are served: what changes, what stays, and who notices (nobody)."""

from __future__ import annotations

import json
import signal
import socket
import time
from functools import partial

import pytest

from harness import Engine, HttpUpstream, Load, RawClient, Runner, Services, TcpEcho, build, get, wait_until
from harness.plan import Document, headers, http, outlier, plan, proxy, respond, route, tcp, upstream


@pytest.fixture
def service(own_services: Services) -> HttpUpstream:
    return own_services.http()


def marked(service: HttpUpstream, mark: str, *more: Document, **changes: object) -> Document:
    """A Plan whose answers carry a mark; `more` are listeners."""
    mark_it = headers(None, {"set": {"X-Mark": mark}})
    web = http([route("/*", proxy(), filters=[mark_it])])
    return plan([web, *more], [upstream("service", service.address), upstream("more", service.address)], **changes)


def mark_of(edge: Engine) -> str | None:
    return get(edge.port, "/").header("X-Mark")


def test_a_kept_connections_next_request_sees_the_new_plan(launch: Runner, service: HttpUpstream) -> None:
    edge = launch.engine(marked(service, "one"))
    with RawClient(edge.port) as client:
        assert client.exchange(build("GET", "/")).header("X-Mark") == "one"
        edge.reload(marked(service, "two"))
        response = client.exchange(build("GET", "/"))
        assert (response.header("X-Mark"), response.closes) == ("two", False)
    assert {each.connection for each in service.requests} == {0}, "the upstream's connection was not kept"


def test_a_request_under_way_ends_as_it_began(launch: Runner, service: HttpUpstream) -> None:
    service.delay = 0.8
    edge = launch.engine(marked(service, "one"))
    with RawClient(edge.port) as client:
        client.send(build("GET", "/"))
        wait_until(lambda: service.requests, what="the request at the service")
        edge.reload(marked(service, "two"))
        assert client.read_response().header("X-Mark") == "one"


@pytest.mark.parametrize("bad", ["no json", "{}", '{"format": 99}', "route", "upstream", "bind"])
def test_a_bad_plan_changes_nothing(launch: Runner, service: HttpUpstream, bad: str) -> None:
    """All or nothing: also its good parts are not applied."""
    taken = socket.create_server(("127.0.0.1", 0))
    edge = launch.engine(marked(service, "one"))
    wrong = marked(service, "two", http([route("/", respond("new"))], "extra"))
    if bad == "route":
        wrong["listeners"][0]["routes"].append(route("/x", proxy("nowhere"), id="web/x"))
    elif bad == "upstream":
        wrong["upstreams"][0]["endpoints"][0]["address"] = "no address"
    elif bad == "bind":
        wrong["listeners"].append(http([], "taken", f"127.0.0.1:{taken.getsockname()[1]}"))
    settled = edge.write(wrong)
    if bad not in ("route", "upstream", "bind"):
        edge.plan_file.write_text(bad)
    said = len(edge.stderr)
    edge.signal(signal.SIGHUP)
    wait_until(lambda: len(edge.stderr) > said, what="a word about the refusal")
    assert mark_of(edge) == "one"
    extra = int(settled["listeners"][1]["bind"][0].rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        RawClient(extra)
    assert edge.plan["version"] in edge.ask("/readyz").text
    taken.close()
    edge.reload(marked(service, "three"))
    assert mark_of(edge) == "three"


def test_listeners_come_and_go(launch: Runner, service: HttpUpstream, own_services: Services) -> None:
    echo = own_services.keep(TcpEcho())
    edge = launch.engine(marked(service, "one"))
    with_more = marked(service, "two", http([route("/", respond("extra"))], "extra"), tcp("echo", "echo"))
    with_more["upstreams"].append(upstream("echo", echo.address))
    edge.reload(with_more)
    assert get(edge.ports["extra"], "/").text == "extra"
    with RawClient(edge.ports["echo"]) as client:
        client.send(b"hello")
        assert client.reader.exactly(5) == b"hello"
    gone = dict(edge.ports)
    edge.reload(marked(service, "three"))
    for name in ("extra", "echo"):
        wait_until(partial(refuses, gone[name]), what=f"the end of {name}")
    assert mark_of(edge) == "three"
    edge.reload(with_more | {"version": "aaaaaaaaaaaa"})
    assert get(edge.ports["extra"], "/").text == "extra"


def refuses(port: int) -> bool:
    try:
        RawClient(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_removed_listener_lets_its_clients_finish(launch: Runner, service: HttpUpstream) -> None:
    service.delay = 0.5
    extra = http([route("/*", proxy("more"))], "extra")
    edge = launch.engine(marked(service, "one", extra))
    busy, idle = RawClient(edge.ports["extra"]), RawClient(edge.ports["extra"])
    assert idle.exchange(build("GET", "/idle")).status == 200
    busy.send(build("GET", "/busy"))
    wait_until(lambda: len(service.requests) == 2, what="the second request at the service")
    edge.reload(marked(service, "two"))
    response = busy.read_response()
    assert (response.status, response.closes) == (200, True)
    assert busy.is_closed()
    assert idle.is_closed()


def test_connections_that_wait_to_be_accepted_are_served(launch: Runner, service: HttpUpstream) -> None:
    """A socket that closes with connections in its queue would reset them."""
    extra = http([route("/*", respond("extra"))], "extra")
    edge = launch.engine(marked(service, "one", extra))
    port = edge.ports["extra"]
    edge.plan = edge.write(marked(service, "two"))
    clients = []
    for number in range(300):
        if number == 150:
            edge.signal(signal.SIGHUP)
        try:
            client = RawClient(port)
        except (ConnectionRefusedError, ConnectionResetError):
            # The socket is closed, or was while this one knocked.
            break
        clients.append(client)
        client.try_send(build("GET", f"/{number}"))
    wait_until(edge.serves, what="the new Plan")
    assert {client.read_response().body for client in clients[:150]} == {b"extra"}
    for client in clients:
        client.close()


def test_removed_endpoints_finish_what_they_have(launch: Runner, own_services: Services) -> None:
    old, new = own_services.http("old", delay=0.6), own_services.http("new")
    edge = launch.engine(marked(old, "one"))
    with RawClient(edge.port) as client:
        client.send(build("GET", "/"))
        wait_until(lambda: old.requests, what="the request at the old endpoint")
        edge.reload(marked(new, "two"))
        assert get(edge.port, "/").header("X-Service") == "new"
        assert client.read_response().header("X-Service") == "old"
        assert client.exchange(build("GET", "/")).header("X-Service") == "new"
    wait_until(lambda: old.open_connections == 0, what="the end of the old endpoint's connections")


def test_counts_and_health_outlive_a_reload(launch: Runner, own_services: Services) -> None:
    good, bad = own_services.http("good"), own_services.http("bad")
    bad.status = 503

    def version(mark: str) -> Document:
        web = http([route("/*", proxy(retries=0), filters=[headers(None, {"set": {"X-Mark": mark}})])])
        patient = outlier(consecutive=2, ejection_ms=60_000, max_ejection_ms=60_000)
        return plan(web, [upstream("service", [good.address, bad.address], balance="round_robin", outlier=patient)])

    edge = launch.engine(version("one"))
    for number in range(10):
        get(edge.port, f"/{number}")
    assert edge.metrics().total("glorieta_endpoints", upstream="service", state="ejected") == 1
    before = edge.metrics().total("glorieta_requests_total", route="/*")
    edge.reload(version("two"))
    assert edge.metrics().total("glorieta_endpoints", upstream="service", state="ejected") == 1
    assert {get(edge.port, f"/{number}").header("X-Service") for number in range(10)} == {"good"}
    assert edge.metrics().total("glorieta_requests_total", route="/*") == before + 10 >= 20


def test_the_log_may_move(launch: Runner, service: HttpUpstream) -> None:
    edge = launch.engine(marked(service, "one"))
    get(edge.port, "/first")
    edge.wait_record(path="/first")
    moved = edge.folder / "moved.log"
    edge.reload(
        marked(service, "two", access_log={"to": {"file": str(moved)}, "format": {"template": "${path} ${status}"}})
    )
    get(edge.port, "/second")
    wait_until(lambda: moved.exists() and moved.read_text() == "/second 200\n", what="the line in the new file")
    assert [record["path"] for record in edge.records()] == ["/first"]


def test_reloads_leak_nothing(launch: Runner, service: HttpUpstream) -> None:
    edge = launch.engine(marked(service, "start"))
    extra = http([route("/*", respond("extra"))], "extra")
    for number in range(10):
        edge.reload(marked(service, f"warm{number}", *([extra] if number % 2 else [])))
    memory, files = edge.memory(), edge.open_files()
    for number in range(60):
        edge.reload(marked(service, f"m{number}", *([extra] if number % 2 else [])))
        assert mark_of(edge) == f"m{number}"
    time.sleep(0.5)
    assert edge.open_files() <= files + 8
    assert edge.memory() - memory < 8 << 20


def test_reloads_are_counted(launch: Runner, service: HttpUpstream) -> None:
    edge = launch.engine(marked(service, "one"))
    edge.reload(marked(service, "two"))
    wrong = marked(service, "three")
    wrong["listeners"][0]["routes"].append(route("/x", proxy("nowhere"), id="web/x"))
    edge.write(wrong)
    edge.signal(signal.SIGHUP)
    results = {"applied": 1, "refused": 1}
    wait_until(
        lambda: {name: edge.metrics().total("glorieta_reloads_total", result=name) for name in results} == results,
        what="both reloads counted",
    )
    assert edge.plan["version"] in edge.metrics().text


def test_the_same_plan_again_is_no_event(launch: Runner, service: HttpUpstream) -> None:
    edge = launch.engine(marked(service, "one"))
    with Load(edge.port, "/") as load:
        for _ in range(5):
            edge.plan_file.write_text(json.dumps(edge.plan))
            edge.signal(signal.SIGHUP)
            time.sleep(0.1)
    assert load.failures == []
    assert load.opened == load.connections
