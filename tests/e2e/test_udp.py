"""Layer 4 by UDP: sessions by client, answers back, ends by number, by silence and by refusal."""

from __future__ import annotations

import random
import shutil
import signal
import socket
import subprocess
import time
from collections import Counter

import dns.message
import dns.query
import pytest

from harness import Engine, Runner, Services, unused_port, wait_until
from harness.datagrams import UdpClient, UdpService, dns_answers, is_free, named
from harness.plan import check, outlier, plan, tcp, udp, upstream

SIZES = (0, 1, 512, 1472, 1473, 9000, 65_507)


def vacant() -> str:
    """An address at which nobody takes datagrams."""
    return f"127.0.0.1:{unused_port()}"


class World:
    def __init__(self, services: Services):
        self.echo = services.keep(UdpService())
        self.names = [services.keep(UdpService(named(name))) for name in (b"one", b"two", b"three")]
        self.sink = services.keep(UdpService(lambda _: []))
        self.twice = services.keep(UdpService(lambda data: [data, data]))
        self.loud = services.keep(UdpService(lambda data: [data * 8]))


@pytest.fixture(scope="module")
def world(services: Services) -> World:
    return World(services)


@pytest.fixture(scope="module")
def edge(start: Runner, world: World) -> Engine:
    listeners = [
        udp("echo", "echo"),
        udp("echo", "short", session_ms=400),
        udp("echo", "once", responses=1),
        udp("twice", "twice", responses=2),
        udp("sink", "sink", responses=0),
        udp("sink", "silent", responses=1, session_ms=300),
        udp("names", "names"),
        udp("hashed", "hashed"),
        udp("failing", "failing"),
        udp("refused", "refused"),
        udp("echo", "closed", allow=["127.0.0.2"]),
        udp("echo", "denied", deny=["127.0.0.2"]),
        udp("loud", "loud", amplification=4),
        udp("echo", "wide", bind=f"*:{unused_port()}"),
    ]
    addresses = [each.address for each in world.names]
    upstreams = [
        upstream("echo", world.echo.address),
        upstream("twice", world.twice.address),
        upstream("sink", world.sink.address),
        upstream("loud", world.loud.address),
        upstream("names", addresses, balance="round_robin"),
        upstream("hashed", addresses, balance={"hash": "client.ip"}),
        upstream("failing", [vacant(), addresses[1]], balance="first_available"),
        upstream("refused", vacant()),
    ]
    return start.engine(plan(listeners, upstreams))


def sessions(edge: Engine, name: str) -> float:
    return edge.metrics().total("glorieta_connections", listener=name, state="active")


def test_datagrams_of_every_size_come_back(edge: Engine) -> None:
    with UdpClient(edge.ports["echo"]) as client:
        for size in SIZES:
            block = random.Random(size).randbytes(size)
            assert client.ask(block) == block


def test_clients_have_sessions_of_their_own(edge: Engine, world: World) -> None:
    clients = [UdpClient(edge.ports["echo"]) for _ in range(50)]
    world.echo.forget()
    for turn in range(3):
        for number, client in enumerate(clients):
            client.send(b"%d of %d" % (turn, number))
        for number, client in enumerate(clients):
            assert client.receive() == b"%d of %d" % (turn, number)
    # To the service each is one peer, however often it asks.
    assert set(Counter(world.echo.peers).values()) == {3}
    assert sessions(edge, "echo") >= 50
    for client in clients:
        client.socket.close()


def test_a_session_ends_in_silence(edge: Engine, world: World) -> None:
    world.echo.forget()
    with UdpClient(edge.ports["short"]) as client:
        assert client.ask(b"first") == b"first"
        record = edge.wait_record(listener="short", bytes_in=5)
        assert (record["bytes_out"], record["protocol"], record["client"]) == (5, "udp", "127.0.0.1")
        assert (record["endpoint"], record["tries"], "reason" in record) == (world.echo.address, 1, False)
        assert record["duration_ms"] >= 400 if "duration_ms" in record else True
        wait_until(lambda: sessions(edge, "short") == 0, what="no session")
        assert client.ask(b"again") == b"again"
    assert len(set(world.echo.peers)) == 2


def test_what_moves_keeps_a_session(edge: Engine, world: World) -> None:
    world.echo.forget()
    with UdpClient(edge.ports["short"]) as client:
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            assert client.ask(b"x") == b"x"
            time.sleep(0.05)
    assert len(set(world.echo.peers)) == 1


def carried(edge: Engine, name: str) -> tuple[int, int]:
    """Bytes of a listener's ended sessions, both ways."""
    ended = [each for each in edge.records() if each["listener"] == name]
    return sum(each["bytes_in"] for each in ended), sum(each["bytes_out"] for each in ended)


def test_a_session_ends_with_its_last_answer(edge: Engine) -> None:
    for name, asked, answers in (("once", 1, 1), ("twice", 1, 2), ("twice", 3, 6)):
        before = carried(edge, name)
        with UdpClient(edge.ports[name]) as client:
            for _ in range(asked):
                client.send(b"question")
            for _ in range(answers):
                assert client.receive() == b"question"
        # The first session may have ended before the next question came, which then began another.
        both = before[0] + 8 * asked, before[1] + 8 * answers
        wait_until(lambda name=name, both=both: carried(edge, name) == both, what=f"records of {both} bytes")  # type: ignore[misc]
        wait_until(lambda name=name: sessions(edge, name) == 0, what="no session")  # type: ignore[misc]


def test_what_is_never_answered_keeps_nothing(edge: Engine, world: World) -> None:
    world.sink.forget()
    with UdpClient(edge.ports["sink"]) as client:
        for number in range(100):
            client.send(b"line %d" % number)
    wait_until(lambda: len(world.sink.seen) == 100, what="every line")
    wait_until(lambda: sessions(edge, "sink") == 0, what="no session")


def test_an_answer_that_was_due_and_did_not_come_is_a_failure(edge: Engine, world: World) -> None:
    with UdpClient(edge.ports["silent"]) as client:
        client.send(b"question")
        record = edge.wait_record(listener="silent")
    assert (record["reason"], record["upstream"]) == ("idle_timeout", "sink")
    assert edge.metrics().total("glorieta_upstream_requests_total", upstream="sink", outcome="idle_timeout") >= 1


def test_sessions_are_balanced_and_stay(edge: Engine) -> None:
    seen = []
    for _ in range(12):
        with UdpClient(edge.ports["names"]) as client:
            answers = {client.ask(b"who") for _ in range(3)}
            assert len(answers) == 1
            seen += answers
    assert Counter(seen) == {b"one": 4, b"two": 4, b"three": 4}


def test_a_hash_of_the_client_is_sticky(edge: Engine) -> None:
    seen = {}
    for number in range(1, 40):
        source = f"127.0.0.{number}"
        for _ in range(2):
            with UdpClient(edge.ports["hashed"], source) as client:
                answer = client.ask(b"who")
            assert seen.setdefault(source, answer) == answer
    assert len(set(seen.values())) == 3


def test_a_refusal_leads_elsewhere_unseen(edge: Engine) -> None:
    for _ in range(3):
        with UdpClient(edge.ports["failing"]) as client:
            assert client.ask(b"who") == b"two"
    assert edge.metrics().total("glorieta_retries_total", upstream="failing", reason="refused") >= 3


def test_where_nobody_is_the_session_ends_with_the_reason(edge: Engine) -> None:
    with UdpClient(edge.ports["refused"]) as client:
        client.send(b"is anybody there")
        record = edge.wait_record(listener="refused")
    assert (record["reason"], record["tries"]) == ("refused", 3)
    assert sessions(edge, "refused") == 0


def test_a_service_that_goes_ends_the_session_and_the_next_finds_another(
    launch: Runner, own_services: Services
) -> None:
    first, second = own_services.keep(UdpService(named(b"first"))), own_services.keep(UdpService(named(b"second")))
    service = upstream(
        "service", [first.address, second.address], balance="first_available", outlier=outlier(consecutive=1)
    )
    edge = launch.engine(plan(udp("service"), [service]))
    with UdpClient(edge.port) as client:
        assert client.ask(b"who") == b"first"
        first.stop()

        def refused() -> bool:
            # The first may still reach a service that is only about to close.
            client.send(b"lost")
            return any(record.get("reason") == "refused" for record in edge.records())

        wait_until(refused, 10, "a refusal")
        assert client.ask(b"who") == b"second"


def test_checks_apply_to_datagrams_too(launch: Runner, own_services: Services) -> None:
    """By TCP at the same port: whoever has none there is down."""
    first, second = own_services.keep(UdpService(named(b"first"))), own_services.keep(UdpService(named(b"second")))
    beside = socket.create_server(("127.0.0.1", second.port))
    service = upstream("service", [first.address, second.address], balance="first_available", health=check())
    edge = launch.engine(plan(udp("service"), [service]))

    def answer() -> bytes:
        with UdpClient(edge.port) as client:
            return client.ask(b"who")

    wait_until(lambda: answer() == b"second", 5, "the other endpoint's answer")
    beside.close()


@pytest.mark.parametrize(
    ("name", "source", "served"),
    [
        ("closed", "127.0.0.1", False),
        ("closed", "127.0.0.2", True),
        ("denied", "127.0.0.1", True),
        ("denied", "127.0.0.2", False),
    ],
)
def test_allow_and_deny(edge: Engine, world: World, name: str, source: str, served: bool) -> None:
    before = edge.metrics().total("glorieta_rejected_total", listener=name, reason="denied")
    with UdpClient(edge.ports[name], source) as client:
        client.send(b"x")
        if served:
            assert client.receive() == b"x"
        else:
            wait_until(
                lambda: edge.metrics().total("glorieta_rejected_total", listener=name, reason="denied") > before,
                what="the refusal",
            )
    # Addresses are easily forged: nothing is written down of who is refused.
    assert not [each for each in edge.records() if each["listener"] == name and each.get("reason") == "denied"]


def test_answers_beyond_the_amplification_are_dropped(edge: Engine) -> None:
    with UdpClient(edge.ports["loud"]) as client:
        client.send(b"x" * 10)
        wait_until(lambda: edge.metrics().total("glorieta_datagrams_lost_total", listener="loud") == 1, what="the loss")
        client.send(b"y" * 100)
        client.send(b"z" * 2)
        assert client.receive() == b"z" * 16


def test_answers_come_from_the_address_that_was_asked(edge: Engine) -> None:
    for host in ("127.0.0.1", "127.0.0.5", "127.1.2.3"):
        with UdpClient(edge.ports["wide"], host=host) as client:
            assert client.ask(host.encode()) == host.encode()


def test_datagrams_are_counted(edge: Engine) -> None:
    def counts() -> list[float]:
        read = edge.metrics().total
        return [
            read("glorieta_datagrams_total", listener="once", direction="in"),
            read("glorieta_datagrams_total", listener="once", direction="out"),
            read("glorieta_tunnel_bytes_total", listener="once", direction="in"),
        ]

    before = counts()
    for _ in range(4):
        with UdpClient(edge.ports["once"]) as client:
            client.ask(b"12345")
    assert [after - was for after, was in zip(counts(), before, strict=True)] == [4, 4, 20]


def test_one_client_stays_on_one_worker(launch: Runner, own_services: Services) -> None:
    echo = own_services.keep(UdpService())
    edge = launch.engine(plan(udp("echo"), [upstream("echo", echo.address)], workers=4))
    clients = [UdpClient(edge.port) for _ in range(40)]
    for _ in range(5):
        for client in clients:
            assert client.ask(b"x") == b"x"
    assert set(Counter(echo.peers).values()) == {5}
    for client in clients:
        client.socket.close()


def test_tcp_and_udp_share_a_port(launch: Runner, own_services: Services) -> None:
    from harness import RawClient, TcpNamed

    stream, datagrams = own_services.keep(TcpNamed(b"tcp")), own_services.keep(UdpService(named(b"udp")))
    bind = f"127.0.0.1:{unused_port()}"
    listeners = [tcp("stream", "stream", bind), udp("datagrams", "datagrams", bind)]
    edge = launch.engine(
        plan(listeners, [upstream("stream", stream.address), upstream("datagrams", datagrams.address)])
    )
    with UdpClient(edge.ports["datagrams"]) as client:
        assert client.ask(b"who") == b"udp"
    with RawClient(edge.ports["stream"]) as connection:
        assert connection.read_to_end() == b"tcp"


def test_reloads_keep_sessions(launch: Runner, own_services: Services) -> None:
    first, second = own_services.keep(UdpService(named(b"first"))), own_services.keep(UdpService(named(b"second")))

    def to(service: UdpService, **changes: object) -> dict[str, object]:
        return plan(udp("service", "service", session_ms=60_000), [upstream("service", service.address)], **changes)

    edge = launch.engine(to(first))
    with UdpClient(edge.port) as old:
        assert old.ask(b"who") == b"first"
        port = first.peers[0]
        edge.reload(to(second))
        # It stays where it was, by the same socket; whoever comes now is led elsewhere.
        assert old.ask(b"who") == b"first"
        assert set(first.peers) == {port}
        with UdpClient(edge.port) as new:
            assert new.ask(b"who") == b"second"
    for number in range(5):
        edge.reload(to(second, server_name=f"edge-{number}"))
        with UdpClient(edge.port) as client:
            assert client.ask(b"who") == b"second"


def test_a_listener_that_goes_serves_its_sessions_to_their_end(launch: Runner, own_services: Services) -> None:
    echo = own_services.keep(UdpService())
    services = [upstream("echo", echo.address)]
    edge = launch.engine(plan([udp("echo", "stays"), udp("echo", "goes")], services))
    with UdpClient(edge.ports["goes"]) as client, UdpClient(edge.ports["goes"]) as stranger:
        assert client.ask(b"before") == b"before"
        port = edge.ports["goes"]
        edge.reload(plan([udp("echo", "stays")], services))
        assert client.ask(b"after") == b"after"
        stranger.send(b"too late")
        wait_until(lambda: edge.metrics().total("glorieta_rejected_total", reason="draining") == 1, what="a refusal")
    edge.wait_record(listener="goes", bytes_in=11, bytes_out=11)

    wait_until(lambda: is_free(port), what="the port's being free")


def test_a_listener_that_comes_back_while_sessions_end_takes_their_place(
    launch: Runner, own_services: Services
) -> None:
    first, second = own_services.keep(UdpService(named(b"first"))), own_services.keep(UdpService(named(b"second")))
    services = [upstream("first", first.address), upstream("second", second.address)]
    stays = udp("first", "stays")
    edge = launch.engine(plan([udp("first", "goes", session_ms=60_000), stays], services, workers=2))
    bind = f"127.0.0.1:{edge.ports['goes']}"
    port = edge.ports["goes"]
    olds = [UdpClient(port) for _ in range(8)]
    for old in olds:
        assert old.ask(b"who") == b"first"
    for number in range(4):
        edge.reload(plan([stays], services, server_name=f"gone-{number}"))
        # Nothing under way is lost, neither now nor once it is back.
        assert olds[0].ask(b"who") == b"first"
        edge.reload(plan([udp("second", "goes", bind=bind), stays], services, server_name=f"back-{number}"))
        for _ in range(4):
            with UdpClient(port) as new:
                assert new.ask(b"who") == b"second"
        assert olds[0].ask(b"who") == b"first"
    # Sessions that nobody uses end in their own time, not by the end that was near.
    time.sleep(1.2)
    assert {old.ask(b"who") for old in olds} == {b"first"}
    for old in olds:
        old.socket.close()


def test_a_port_whose_last_session_has_ended_is_free_and_may_be_had_again(
    launch: Runner, own_services: Services
) -> None:
    echo = own_services.keep(UdpService())
    services, stays = [upstream("echo", echo.address)], udp("echo", "stays")
    edge = launch.engine(plan([udp("echo", "goes", responses=1), stays], services, workers=2))
    port = edge.ports["goes"]
    for number in range(3):
        with UdpClient(port) as client:
            assert client.ask(b"before") == b"before"
        edge.reload(plan([stays], services, server_name=f"gone-{number}"))
        wait_until(lambda: is_free(port), what="the port's being free")
        again = udp("echo", "goes", bind=f"127.0.0.1:{port}", responses=1)
        edge.reload(plan([again, stays], services, server_name=f"back-{number}"))


def test_a_drain_waits_for_sessions_to_fall_quiet(launch: Runner, own_services: Services) -> None:
    echo = own_services.keep(UdpService())
    edge = launch.engine(plan(udp("echo"), [upstream("echo", echo.address)], drain_ms=20_000))
    with UdpClient(edge.port) as client:
        assert client.ask(b"before") == b"before"
        edge.signal(signal.SIGTERM)
        assert client.ask(b"meanwhile") == b"meanwhile"
        assert edge.wait_end() == 0
    assert edge.wait_record(listener="dns")["bytes_in"] == len(b"beforemeanwhile")


def test_limits_hold_for_sessions(launch: Runner, own_services: Services) -> None:
    echo = own_services.keep(UdpService())
    limits = {"connections": 6, "connections_per_client": 4}
    edge = launch.engine(plan(udp("echo", limits=limits), [upstream("echo", echo.address)]))
    clients = [UdpClient(edge.port, timeout=0.5) for _ in range(8)]
    others = [UdpClient(edge.port, "127.0.0.2", timeout=0.5) for _ in range(4)]
    for client in clients:
        client.send(b"x")
    served = [client for client in clients if client.hears(0.5)]
    assert len(served) == 4
    for client in others:
        client.send(b"x")
    assert sum(client.hears(0.5) for client in others) == 2
    rejected = edge.metrics()
    assert rejected.total("glorieta_rejected_total", reason="too_many_connections_per_client") == 4
    assert rejected.total("glorieta_rejected_total", reason="too_many_connections") == 2
    # Who has a session goes on.
    assert served[0].ask(b"again") == b"again"
    for client in [*clients, *others]:
        client.socket.close()


@pytest.fixture(scope="module")
def resolver(start: Runner, services: Services) -> Engine:
    servers = [services.keep(UdpService(dns_answers(f"192.0.2.{number}"))) for number in (1, 2)]
    dns_listener = udp("dns", "dns", responses=1, session_ms=2000)
    return start.engine(
        plan(dns_listener, [upstream("dns", [each.address for each in servers], balance="round_robin")])
    )


def test_dns(resolver: Engine) -> None:
    seen = []
    for number in range(20):
        query = dns.message.make_query(f"host{number}.example.", "A")
        answer = dns.query.udp(query, "127.0.0.1", timeout=5, port=resolver.port)
        assert answer.id == query.id
        seen.append(answer.answer[0][0].address)
    assert Counter(seen) == {"192.0.2.1": 10, "192.0.2.2": 10}
    query = dns.message.make_query("big.example.", "A", use_edns=0, payload=60_000)
    answer = dns.query.udp(query, "127.0.0.1", timeout=5, port=resolver.port)
    assert len(answer.answer[0]) == 200
    wait_until(lambda: sessions(resolver, "dns") == 0, what="no session after the answers")


@pytest.mark.tool("dig", "bind9-dnsutils")
def test_dig(resolver: Engine) -> None:
    command = [shutil.which("dig") or "dig", "@127.0.0.1", "-p", str(resolver.port), "+short", "+tries=1", "a.example"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout.strip() in ("192.0.2.1", "192.0.2.2")


def test_wrong_plans_are_refused(
    launch: Runner, own_services: Services, tmp_path_factory: pytest.TempPathFactory
) -> None:
    echo = own_services.keep(UdpService())
    good = plan(udp("echo"), [upstream("echo", echo.address)])
    edge = launch.engine(good)
    for number, (listener, service, sentence) in enumerate(
        [
            ({}, {"proxy_protocol": "v2"}, "wants PROXY headers"),
            ({}, {"endpoints": [{"address": "unix:/run/a.sock", "weight": 1}]}, "takes no datagrams"),
            ({"udp": None}, {}, "needs a target"),
            ({"proxy_protocol": {"trusted": ["127.0.0.1"], "required": True}}, {}, "datagrams have none"),
        ]
    ):
        wrong = plan({**udp("echo"), **listener}, [{**upstream("echo", echo.address), **service}])
        edge.write({**wrong, "version": f"{number:012}"})
        edge.signal(signal.SIGHUP)
        wait_until(lambda sentence=sentence: sentence in edge.stderr, what=sentence)  # type: ignore[misc]
        with UdpClient(edge.port) as client:
            assert client.ask(b"x") == b"x"
