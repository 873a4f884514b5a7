"""TLS towards upstreams: whom the engine believes, and as whom it shows itself."""

from __future__ import annotations

import ssl
from functools import partial
from typing import TYPE_CHECKING

import pytest

from harness import Engine, Runner, get, wait_until
from harness.certificates import Authority
from harness.plan import check, client_tls, http, plan, proxy, route, upstream
from harness.recording import OK, RecordingUpstream, always
from harness.tls import TlsUpstream

if TYPE_CHECKING:
    from pathlib import Path

    from harness import Services


class World:
    """Services behind every kind of certificate. They are all at 127.0.0.1; most are called localhost."""

    def __init__(self, folder: Path, services: Services):
        self.authority = Authority()
        self.ca = self.authority.write(folder)
        issuer = Authority("Clients")
        self.me = issuer.client("me.internal").write(folder, "me")
        good = self.authority.leaf("localhost", "127.0.0.1").write(folder, "good")
        keep = services.keep
        self.good = keep(TlsUpstream(good))
        self.named = keep(TlsUpstream(self.authority.leaf("users.internal").write(folder, "named")))
        self.expired = keep(TlsUpstream(self.authority.expired("localhost").write(folder, "expired")))
        self.stranger = keep(TlsUpstream(Authority("Strangers").leaf("localhost").write(folder, "stranger")))
        self.old = keep(TlsUpstream(good, newest=ssl.TLSVersion.TLSv1_2))
        self.demanding = keep(TlsUpstream(good, clients=issuer.write(folder, "clients")))
        self.clear = keep(RecordingUpstream())
        self.clear.on_accept = lambda conversation: conversation.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, services: Services) -> World:
    return World(tmp_path_factory.mktemp("certificates"), services)


@pytest.fixture(scope="module")
def edge(start: Runner, world: World) -> Engine:
    believing = client_tls(world.ca)
    made = {
        "good": (f"localhost:{world.good.port}", believing),
        "address": (world.good.address, believing),
        "wrong": (world.named.address, believing),
        "named": (world.named.address, client_tls(world.ca, name="users.internal")),
        "expired": (f"localhost:{world.expired.port}", believing),
        "stranger": (f"localhost:{world.stranger.port}", believing),
        "system": (f"localhost:{world.good.port}", client_tls()),
        "credulous": (f"localhost:{world.stranger.port}", client_tls(verify=False)),
        "old": (f"localhost:{world.old.port}", client_tls(world.ca, minimum="1.3")),
        "aged": (f"localhost:{world.old.port}", believing),
        "demanding": (f"localhost:{world.demanding.port}", believing),
        "shown": (f"localhost:{world.demanding.port}", client_tls(world.ca, world.me)),
        "clear": (world.clear.address, believing),
    }
    upstreams = [upstream(name, address, tls=tls) for name, (address, tls) in made.items()]
    upstreams.append(
        upstream(
            "mixed",
            [f"localhost:{world.expired.port}", f"localhost:{world.good.port}"],
            tls=believing,
            balance="first_available",
        )
    )
    routes = [route(f"/{each['id']}", proxy(each["id"], retries=int(each["id"] == "mixed"))) for each in upstreams]
    return start.engine(plan(http(routes), upstreams))


@pytest.mark.parametrize("name", ["good", "address", "named", "credulous", "aged", "shown", "mixed"])
def test_those_who_convince_are_asked(edge: Engine, name: str) -> None:
    assert get(edge.port, f"/{name}").status == 200


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("wrong", "wrong_name"),
        ("expired", "expired"),
        ("stranger", "unknown_issuer"),
        ("system", "unknown_issuer"),
        ("old", "alert"),
        ("clear", "not_tls"),
    ],
)
def test_those_who_do_not_are_an_error_with_a_word(edge: Engine, name: str, word: str) -> None:
    assert get(edge.port, f"/{name}").status == 502
    record = edge.wait_record(path=f"/{name}")
    assert record["reason"] == "tls"
    assert f": {word}: " in record["detail"], record
    assert edge.metrics().total("glorieta_upstream_requests_total", upstream=name, outcome="tls") >= 1


def test_who_wants_a_certificate_gets_none_unless_there_is_one(edge: Engine) -> None:
    # With TLS 1.3 the endpoint may say so only after the handshake.
    assert get(edge.port, "/demanding").status == 502
    assert get(edge.port, "/shown").status == 200


def test_a_failed_verification_is_tried_elsewhere(edge: Engine) -> None:
    assert get(edge.port, "/mixed").status == 200
    assert edge.wait_record(path="/mixed")["tries"] == 2
    assert edge.metrics().total("glorieta_retries_total", upstream="mixed", reason="tls") >= 1


def test_the_endpoints_host_is_asked_for_unless_another_name_is_given(edge: Engine, world: World) -> None:
    for name in ("good", "address", "named"):
        get(edge.port, f"/{name}")
    assert "users.internal" in world.named.names
    # An address is never asked for, but verified all the same.
    assert {"localhost", None} <= set(world.good.names)


def test_connections_are_kept_and_sessions_taken_up_again(launch: Runner, services: Services, tmp_path: Path) -> None:
    authority = Authority()
    service = services.keep(TlsUpstream(authority.leaf("localhost").write(tmp_path, "good")))
    tls = client_tls(authority.write(tmp_path))
    document = plan(http([route("/*", proxy())]), [upstream("service", f"localhost:{service.port}", tls=tls)])
    document["workers"] = 1
    edge = launch.engine(document)
    for _ in range(5):
        assert get(edge.port, "/").status == 200
    assert service.accepted == 1
    service.respond = always(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), close=True)
    get(edge.port, "/")
    service.respond = always(OK)
    assert get(edge.port, "/").status == 200
    assert service.conversations[-1].socket.session_reused  # type: ignore[attr-defined]


def test_large_bodies_pass_both_ways(launch: Runner, services: Services, tmp_path: Path) -> None:
    authority = Authority()
    answer = bytes(range(256)) * 8192
    service = services.keep(TlsUpstream(authority.leaf("localhost").write(tmp_path, "good")))
    service.respond = always(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
    tls = client_tls(authority.write(tmp_path))
    edge = launch.engine(
        plan(http([route("/*", proxy())]), [upstream("service", f"localhost:{service.port}", tls=tls)])
    )
    for _ in range(3):
        assert get(edge.port, "/").body == answer


def is_one_down(edge: Engine, name: str) -> bool:
    return edge.metrics().total("glorieta_endpoints", upstream=name, state="down") == 1


def test_checks_speak_tls_too(launch: Runner, services: Services, tmp_path: Path) -> None:
    authority = Authority()
    good = services.keep(TlsUpstream(authority.leaf("localhost").write(tmp_path, "good")))
    expired = services.keep(TlsUpstream(authority.expired("localhost").write(tmp_path, "expired")))
    tls = client_tls(authority.write(tmp_path))
    upstreams = [
        upstream(kind, [f"localhost:{good.port}", f"localhost:{expired.port}"], tls=tls, health=check(path))
        for kind, path in (("by-http", "/healthz"), ("by-tcp", None))
    ]
    edge = launch.engine(plan(http([]), upstreams))
    for name in ("by-http", "by-tcp"):
        wait_until(partial(is_one_down, edge, name), 5, name)
        assert edge.metrics().total("glorieta_endpoints", upstream=name, state="up") == 1
    assert f"localhost:{expired.port} is down: expired" in edge.stderr.replace(f" (127.0.0.1:{expired.port})", "")


def test_other_settings_mean_other_connections(launch: Runner, services: Services, tmp_path: Path) -> None:
    authority, other = Authority(), Authority("Other")
    service = services.keep(TlsUpstream(authority.leaf("localhost").write(tmp_path, "good")))

    def document(authorities: Path) -> dict[str, object]:
        tls = client_tls(authorities)
        return plan(http([route("/*", proxy())]), [upstream("service", f"localhost:{service.port}", tls=tls)])

    edge = launch.engine(document(authority.write(tmp_path)))
    assert get(edge.port, "/").status == 200
    edge.reload(document(other.write(tmp_path, "other")))
    assert get(edge.port, "/").status == 502
