"""Values that a Plan only refers to: they reach the service, and nobody who looks at the Plan, the view or the log."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from glorieta.engine import PlanRefused, Trial, check
from harness import Engine, RecordingUpstream, Runner, Services, get, wait_until
from harness.plan import Document, headers, http, plan, proxy, respond, route, upstream

SECRET = "s3cret-${path}-$"
OTHER = "0ther"


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{SECRET}\n")
    return file


@pytest.fixture
def origin(own_services: Services) -> RecordingUpstream:
    return own_services.recording()


def edge(origin: RecordingUpstream, token: Path, **changes: object) -> Document:
    filters = [headers({"set": {"Authorization": f"Bearer ${{file:{token}}}", "X-Place": "${env:PLACE}/${path}"}})]
    routes = [
        route("/a/*", proxy(), filters=filters),
        route("/b", respond(f"${{file:{token}}}", X_Place="${env:PLACE}")),
    ]
    return plan(http(routes), [upstream("service", origin.address)], **changes)


def start(launch: Runner, origin: RecordingUpstream, token: Path) -> Engine:
    return launch.engine(edge(origin, token), environment={"PLACE": "cellar"})


def test_values_are_text_and_read_once(launch: Runner, origin: RecordingUpstream, token: Path) -> None:
    running = start(launch, origin, token)
    assert get(running.port, "/a/x").status == 200
    [received] = origin.requests
    assert received.header("Authorization") == f"Bearer {SECRET}"
    assert received.header("X-Place") == "cellar//a/x"
    answer = get(running.port, "/b")
    assert (answer.text, answer.header("X-Place")) == (SECRET, "cellar")


def test_nobody_who_looks_sees_them(launch: Runner, origin: RecordingUpstream, token: Path) -> None:
    running = start(launch, origin, token)
    get(running.port, "/a/x")
    running.wait_record(path="/a/x")
    view = running.ask("/status").text
    assert f"${{file:{token}}}" in view
    told = json.dumps(Trial(json.dumps(running.plan)).ask({"method": "GET", "url": f"http://h:{running.port}/a/x"}))
    assert f"Bearer ${{file:{token}}}" in told
    for text in (view, told, running.ask("/metrics").text, running.stderr, running.log_file.read_text()):
        assert "s3cret" not in text


def test_the_same_plan_applied_again_reads_them_anew(launch: Runner, origin: RecordingUpstream, token: Path) -> None:
    running = start(launch, origin, token)
    token.write_text(OTHER)
    assert get(running.port, "/b").text == SECRET
    before = running.stderr.count("is running")
    running.reload(edge(origin, token))
    wait_until(lambda: running.stderr.count("is running") > before, 5, "the reload")
    assert get(running.port, "/b").text == OTHER


def test_what_is_missing_is_named_and_the_old_plan_stays(
    launch: Runner, origin: RecordingUpstream, token: Path
) -> None:
    running = start(launch, origin, token)
    token.unlink()
    running.write(edge(origin, token))
    running.signal(signal.SIGHUP)
    said = wait_until(lambda: running.stderr if "cannot be read" in running.stderr else "", 5, "the refusal")
    assert f"the file {token} cannot be read" in said
    assert get(running.port, "/b").text == SECRET


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a\nb", "control characters"),
        (b"\xff", "not UTF-8"),
        (b"x" * (2**20 + 1), "larger than 1 MiB"),
        (None, "cannot be read"),
    ],
)
def test_what_cannot_be_a_value_is_a_problem_of_its_route(
    origin: RecordingUpstream, token: Path, content: bytes | None, said: str
) -> None:
    token.unlink()
    if content is not None:
        token.write_bytes(content)
    document = edge(origin, token, access_log={"to": "off", "format": "json", "queue": 16})
    document["listeners"][0]["bind"] = ["127.0.0.1:80"]
    problems = [(path, message) for path, message in check(json.dumps(document)) if str(token) in message]
    assert ("routes.web//a/*", True) in [(path, said in message) for path, message in problems]
    assert not [message for _, message in check(json.dumps(document), secrets=False)]
    with pytest.raises(PlanRefused):
        Trial(json.dumps({**document, "format": 99}))


def test_a_log_template_takes_them_too(launch: Runner, origin: RecordingUpstream, token: Path) -> None:
    document = edge(origin, token, access_log={"to": None, "format": {"template": "${env:PLACE} ${path}"}, "queue": 16})
    running = launch.engine(document, environment={"PLACE": "cellar"})
    get(running.port, "/a/x")
    wait_until(lambda: running.log_file.read_text(), 5, "the log")
    assert running.log_file.read_text() == "cellar /a/x\n"


def guarded(origin: RecordingUpstream, token: Path, **changes: object) -> Document:
    """Who may come in, how the service is asked whether it is well, and by which name it is called: all secret."""
    reference = f"${{file:{token}}}"
    document = edge(origin, token, **changes)
    [first, *_] = document["listeners"][0]["routes"]
    first["headers"] = [{"name": "x-key", "value": {"exact": f"k {reference}"}}]
    first["query"] = [{"name": "key", "value": {"prefix": "${env:PLACE}"}}]
    first["target"]["proxy"]["host"] = {"name": "${env:PLACE}.example"}
    kind = {"http": {"path": "/well?in=${env:PLACE}", "host": "${env:PLACE}", "status_from": 200, "status_to": 299}}
    check = {"kind": kind, "every_ms": 20, "timeout_ms": 1000, "fall": 1, "rise": 1}
    document["upstreams"][0]["health"] = check
    return document


def test_conditions_checks_and_hosts_take_them(launch: Runner, origin: RecordingUpstream, token: Path) -> None:
    running = launch.engine(guarded(origin, token), environment={"PLACE": "cellar"})
    asked = wait_until(lambda: [each for each in origin.requests if each.target == "/well?in=cellar"], 5, "a check")
    assert asked[0].header("Host") == "cellar"
    key = {"X-Key": f"k {SECRET}"}
    for headers_sent, query, status in (
        (key, "?key=cellar7", 200),
        (key, "?key=attic", 404),
        ({}, "?key=cellar7", 404),
        ({"X-Key": f"k {SECRET}!"}, "?key=cellar7", 404),
        ({"X-Key": f"k ${{file:{token}}}"}, "?key=cellar7", 404),
    ):
        assert get(running.port, f"/a/x{query}", headers=headers_sent).status == status, headers_sent
    received = next(each for each in origin.requests if each.target.startswith("/a/x"))
    assert received.header("Host") == "cellar.example"
    view = running.ask("/status").text
    assert f"k ${{file:{token}}}" in view and "${env:PLACE}.example" in view
    for text in (view, running.ask("/metrics").text, running.stderr):
        assert "s3cret" not in text and "cellar" not in text


def test_a_changed_file_changes_the_condition(launch: Runner, origin: RecordingUpstream, token: Path) -> None:
    running = launch.engine(guarded(origin, token), environment={"PLACE": "cellar"})
    token.write_text(OTHER)
    before = running.stderr.count("is running")
    running.reload(guarded(origin, token))
    wait_until(lambda: running.stderr.count("is running") > before, 5, "the reload")
    assert get(running.port, "/a/x?key=cellar", headers={"X-Key": f"k {SECRET}"}).status == 404
    assert get(running.port, "/a/x?key=cellar", headers={"X-Key": f"k {OTHER}"}).status == 200


@pytest.mark.parametrize(
    ("content", "path", "said"),
    [
        (b"", "routes.web//a/*", "is empty, which is no condition"),
        (None, "routes.web//a/*", "cannot be read"),
        (b"not a host", "upstreams.service", "is no host"),
    ],
)
def test_what_cannot_be_compared_or_sent_is_named(
    origin: RecordingUpstream, token: Path, content: bytes | None, path: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", "cellar")
    document = guarded(origin, token, access_log={"to": "off", "format": "json", "queue": 16})
    document["listeners"][0]["bind"] = ["127.0.0.1:80"]
    document["upstreams"][0]["health"]["kind"]["http"]["host"] = f"${{file:{token}}}"
    token.unlink()
    if content is not None:
        token.write_bytes(content)
    problems = check(json.dumps(document))
    assert [message for where, message in problems if where == path and said in message and str(token) in message]
    assert not [message for _, message in problems if "not a host" in message or "there is no upstream" in message]
    assert check(json.dumps(document), secrets=False) == []
