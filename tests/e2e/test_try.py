"""`Trial` tells what happens: a thousand random requests are asked, and then really sent.

What is told is compared with the access log, with what the service behind received, and with the answer. Both come
from one seed, which names the test.
"""

from __future__ import annotations

import contextlib
import json
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.engine import Trial, check
from harness import (
    Conversation,
    Engine,
    RawClient,
    ReceivedRequest,
    RecordingUpstream,
    Runner,
    Services,
    TcpNamed,
    message,
    wait_until,
)
from harness.generated import Asked, Seen, listener, some_request, some_routes
from harness.plan import plan, tcp, upstream

if TYPE_CHECKING:
    from pathlib import Path

    from harness.plan import Document

SEEDS = range(20)
REQUESTS = 50
NO_ID = "0" * 32
ANSWER = message(200, b"ok", "Location: /\r\nX-Gone: 1\r\nServer: service\r\n")
# Of an answer, what depends on the connection and the moment.
MOMENTARY = frozenset({"date", "connection"})


@pytest.fixture(scope="module")
def origins(services: Services) -> list[RecordingUpstream]:
    return [services.recording() for _ in range(4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text("<p>hello</p>")
    (site / "a").write_text("a file")
    (site / ".hidden").write_text("hidden")
    return site


def upstreams(origins: list[RecordingUpstream]) -> list[Document]:
    addresses = [origin.address for origin in origins]
    return [
        upstream("single", addresses[0]),
        upstream("first", addresses[:3], balance="first_available"),
        upstream(
            "hashed", [(each, weight) for weight, each in enumerate(addresses, 1)], balance={"hash": "header.x-v"}
        ),
        upstream("by-client", addresses, balance={"hash": "client.ip"}),
        upstream("turns", addresses, balance="round_robin"),
        upstream("loaded", addresses),
    ]


def generated(random: Random, origins: list[RecordingUpstream], folder: Path) -> Document:
    """A Plan that the engine takes: of routes that collide one stays."""
    behind = upstreams(origins)
    routes = some_routes(random, [each["id"] for each in behind], folder)
    while True:
        # One worker writes the log in the order in which requests end.
        document = plan(listener(random, routes), behind, workers=1)
        wrong = {path.removeprefix("routes.") for path, _ in check(settled(document))}
        if not wrong:
            return document
        before = len(routes)
        routes = [each for each in routes if each["id"] not in wrong]
        assert len(routes) < before, wrong


def settled(document: Document) -> str:
    """The Plan as text, with some address where whoever runs it chooses one."""
    copy = json.loads(json.dumps(document))
    for each in copy["listeners"]:
        each["bind"] = [bind or "127.0.0.1:80" for bind in each["bind"]]
    copy["access_log"]["to"] = copy["access_log"]["to"] or "off"
    return json.dumps(copy)


def reply(conversation: Conversation, request: ReceivedRequest) -> None:
    conversation.send(ANSWER.removesuffix(b"ok") if request.method == "HEAD" else ANSWER)


def send(edge: Engine, origins: list[RecordingUpstream], asked: Asked) -> Seen:
    for origin in origins:
        origin.forget()
        origin.respond = reply
    with RawClient(edge.port, source=asked.source) as client:
        client.try_send(asked.data())
        response = client.read_response(asked.method)
    received = [each for origin in origins for each in origin.requests]
    assert len(received) < 2
    if response.status != 413:
        # Of a body that is refused on its way the service sees a part.
        assert not any(origin.errors for origin in origins)
    return Seen(received=received[0] if received else None, response=response)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_told_happens(launch: Runner, origins: list[RecordingUpstream], folder: Path, seed: int) -> None:
    random = Random(seed)
    document = generated(random, origins, folder)
    edge = launch.engine(document)
    trial = Trial(json.dumps(edge.plan))
    requests = [some_request(random) for _ in range(REQUESTS)]
    told = [trial.ask(asked.question()) for asked in requests]
    seen = [send(edge, origins, asked) for asked in requests]
    records = wait_until(lambda: edge.records() if len(edge.records()) >= REQUESTS else [], 10, "the access log")
    assert len(records) == REQUESTS
    for index, (asked, report, happened, record) in enumerate(zip(requests, told, seen, records, strict=True)):
        happened.record = record
        differences = list(compare(asked, report, happened))
        assert not differences, (
            f"seed {seed}, request {index}: {asked}\n{json.dumps(report, indent=1)}\n{happened}\n"
            + ("\n".join(differences))
        )


def without(document: Document, name: str) -> str:
    """The Plan as text, without one route."""
    copy = json.loads(settled(document))
    [web] = copy["listeners"]
    web["routes"] = [each for each in web["routes"] if each["name"] != name]
    return json.dumps(copy)


@pytest.mark.parametrize("seed", SEEDS)
def test_who_was_beaten_would_have_been_next(origins: list[RecordingUpstream], folder: Path, seed: int) -> None:
    random = Random(seed)
    document = generated(random, origins, folder)
    trial, compared = Trial(settled(document)), 0
    for _ in range(REQUESTS):
        question = some_request(random).question()
        route = trial.ask(question)["route"]
        if route and compared < 10:
            compared += 1
            next_best = Trial(without(document, route["name"])).ask(question)["route"]
            assert (next_best or {}).get("name") == (route["beat"][0]["name"] if route["beat"] else None), question
    assert compared


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"])
def test_a_connection_of_layer_four_goes_where_it_is_told(launch: Runner, own_services: Services, source: str) -> None:
    echoes = [own_services.keep(TcpNamed(str(index).encode())) for index in range(4)]
    behind = upstream("mail", [each.address for each in echoes], balance={"hash": "client.ip"})
    edge = launch.engine(plan(tcp("mail", deny=["127.0.0.4"]), [behind]))
    report = Trial(json.dumps(edge.plan)).ask({"method": "", "url": f"tcp://:{edge.port}", "from": source})
    with RawClient(edge.port, source=source) as client:
        client.try_send(b"?")
        # Who is refused may have been told so already.
        with contextlib.suppress(OSError):
            client.finish_sending()
        said = client.read_to_end()
    record = edge.wait_record(listener="mail")
    assert (report["client"], report["route"]["name"]) == (record["client"], record["route"])
    if source == "127.0.0.4":
        assert (report["outcome"], report["answer"]["reason"]) == ("refused", record["reason"])
        assert not said
        return
    assert report["outcome"] == "tunnel"
    assert (report["forward"]["upstream"], report["forward"]["endpoint"]) == (record["upstream"], record["endpoint"])
    assert echoes[int(said[:1])].address == record["endpoint"]


def compare(asked: Asked, report: Document, seen: Seen) -> Any:
    """Every difference between what was told and what happened."""
    record, answer, forward = seen.record, report["answer"], report["forward"]

    def same(what: str, told: object, happened: object) -> Any:
        if told != happened:
            yield f"{what}: told {told!r}, happened {happened!r}"

    yield from same("listener", report["listener"]["id"], record["listener"])
    yield from same("client", report["client"], record["client"])
    yield from same("route", (report["route"] or {}).get("name"), record.get("route"))
    if report["path"] is not None:
        yield from same("path", report["path"], record["path"])
    if report["outcome"] == "answer":
        yield from same("status", answer["status"], record["status"])
        yield from same("reason", answer["reason"], record.get("reason"))
        yield from same("detail", answer["detail"], record.get("detail", ""))
        yield from same("the service's requests", None, seen.received)
        yield from same("answer", *compared(answer["headers"], seen.response.fields, MOMENTARY))
        # The reader takes no body after HEAD, though a head that could not be read is answered with one.
        if asked.method != "HEAD":
            yield from same("length of the answer", answer["body_bytes"], len(seen.response.body))
        return
    yield from same("outcome", report["outcome"], "forward")
    yield from same("status", 200, record["status"])
    yield from same("upstream", forward["upstream"], record["upstream"])
    if forward["endpoint"] is not None:
        yield from same("endpoint", forward["endpoint"], record["endpoint"])
    yield from same(
        "endpoint among all", True, record["endpoint"] in [each["address"] for each in forward["endpoints"]]
    )
    yield from same("method", forward["method"], seen.received.method)
    yield from same("target", forward["target"], seen.received.target)
    named = [[name, value.replace("${endpoint}", record["endpoint"])] for name, value in forward["headers"]]
    yield from same("headers", *compared(named, seen.received.fields))
    for change in report["response_headers_changed"]:
        values = seen.response.headers(change["name"])
        expected = [] if change["change"] == "removed" else [change["value"]]
        if change["change"] == "added" and change["name"].lower() in ("via", "x-request-id"):
            yield from same(f"{change['name']} of the answer", 1, len(values))
        else:
            yield from same(f"{change['name']} of the answer", expected, values)


def compared(
    told: list[list[str]], happened: list[tuple[str, str]], without: frozenset[str] = frozenset()
) -> tuple[list[Any], list[Any]]:
    """Fields of both sides in a form in which they can be compared: a made-up id is any id."""
    left = [(name, value) for name, value in told if name.lower() not in without]
    right = [(name, value.encode("latin-1").decode(errors="replace")) for name, value in happened]
    right = [(name, value) for name, value in right if name.lower() not in without]
    ids = {name.lower() for name, value in left if NO_ID in value}
    hidden = [[(name, "id" if name.lower() in ids else value) for name, value in side] for side in (left, right)]
    return hidden[0], hidden[1]
