"""What lasts longer than a request, or than the code that answers it: work after answers, streams over reloads,
processes that are replaced, and what the engine says of calls and of processes that say nothing."""

from __future__ import annotations

import json
import re
import signal
import threading
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from harness import Load, RawClient, Services, build, refusing_address, wait_until
from harness.handled_edge import HandledEdge, is_alive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness import Conversation, HttpUpstream, ReceivedRequest


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[HandledEdge]:
    made = HandledEdge(tmp_path)
    yield made
    if made.glorieta is not None:
        made.glorieta.check()
        made.glorieta.stop()


@pytest.fixture
def users(services: Services) -> HttpUpstream:
    return services.http("users")


WORK = """
async def work(users: Upstream, path: str) -> None:
    try:
        answer = await users.get(path)
        print("worked:", answer.status, flush=True)
    except Exception as error:
        print("failed:", error.kind, error.detail, flush=True)


@router.get("/later/{rest:path}")
async def later(rest: str, users: Upstream, tasks: BackgroundTasks) -> str:
    tasks.add_task(work, users, "/" + rest)
    return "now"


@router.get("/large/later")
async def large(users: Upstream, tasks: BackgroundTasks) -> str:
    tasks.add_task(work, users, "/slow")
    return "x" * 50_000_000


@router.get("/pid")
async def pid() -> int:
    return os.getpid()


async def app(scope, receive, send) -> None:
    if scope["type"] == "lifespan":
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"mounted"})
    print("mounted:", (await upstream("users").get("/mounted")).status, flush=True)
"""
IMPORTED = "from glorieta.handlers import upstream\n"


class Gate:
    """An answer that a test lets go."""

    def __init__(self, upstream: HttpUpstream) -> None:
        self.open, self.closed = threading.Event(), threading.Event()
        self.upstream = upstream
        upstream.respond = self.respond  # type: ignore[assignment]

    def respond(self, conversation: Conversation, request: ReceivedRequest) -> None:
        while not self.open.wait(0.01):
            if conversation.wait_closed(0.01):
                self.closed.set()
                return
        self.upstream.answer(conversation, request)


def gauge(edge: HandledEdge, name: str, **labels: str) -> float:
    return edge.running.metrics().total(name, **labels)


def lingering(edge: HandledEdge) -> float:
    return gauge(edge, "glorieta_handler_lingering", handler="shop.py:router")


def background(edge: HandledEdge, outcome: str) -> float:
    return gauge(edge, "glorieta_handler_background_total", handler="shop.py:router", outcome=outcome)


def working(edge: HandledEdge, users: HttpUpstream, top: str = "") -> HandledEdge:
    edge.top, edge.listener = top, ', /app: {asgi: {application: "shop.py:app", calls: users}}'
    edge.write(IMPORTED + WORK, users=users.address)
    edge.configure()
    edge.start()
    return edge


def test_work_after_an_answer_calls_upstreams_and_the_clients_connection_is_free(
    edge: HandledEdge, users: HttpUpstream
) -> None:
    working(edge, users)
    gate = Gate(users)
    with RawClient(edge.port) as client:
        client.send(build("GET", "/later/slow"))
        assert client.read_response().json() == "now"
        wait_until(lambda: users.requests, what="the call")
        client.send(build("GET", "/pid"))
        assert client.read_response().status == 200, "the same connection, while the work goes on"
        assert lingering(edge) == 1
    assert "worked" not in edge.running.stderr
    gate.open.set()
    edge.wait_log("worked: 200")
    wait_until(lambda: lingering(edge) == 0, what="its end")
    assert background(edge, "ended") == 1


def test_a_mounted_application_goes_on_after_its_answer(edge: HandledEdge, users: HttpUpstream) -> None:
    working(edge, users)
    for _ in range(3):
        assert edge.get("/app").text == "mounted"
    wait_until(lambda: edge.running.stderr.count("mounted: 200") == 3, what="its calls")


def test_a_client_that_goes_away_while_it_reads_cancels_no_work_after_the_answer(
    edge: HandledEdge, users: HttpUpstream
) -> None:
    working(edge, users)
    gate = Gate(users)
    with RawClient(edge.port) as client:
        client.send(build("GET", "/large/later"))
        wait_until(lambda: users.requests, what="the call, while the answer is on its way")
        client.reset()
    wait_until(lambda: lingering(edge) == 1, what="the end of the answer")
    assert not gate.closed.is_set()
    gate.open.set()
    edge.wait_log("worked: 200")


def test_work_after_an_answer_may_call_for_so_long(edge: HandledEdge, users: HttpUpstream) -> None:
    working(edge, users, "handlers: {background: 300ms}")
    gate = Gate(users)
    assert edge.get("/later/slow").json() == "now"
    edge.wait_log("failed: timeout")
    assert gate.closed.wait(5)
    wait_until(lambda: background(edge, "deadline") == 1, what="the count")


def test_no_more_work_is_kept_than_requests_may_be(edge: HandledEdge, users: HttpUpstream) -> None:
    working(edge, users, "handlers: {requests: 2}")
    gate = Gate(users)
    for number in range(3):
        wait_until(lambda count=number: len(users.requests) == count, what="the calls")  # type: ignore[misc]
        assert edge.get("/later/slow").json() == "now"
    edge.wait_log("failed: overloaded")
    assert background(edge, "refused") == 1
    assert edge.get("/pid").status == 200, "requests are another matter"
    gate.open.set()
    wait_until(lambda: lingering(edge) == 0, what="the end of the others")


def test_ending_waits_for_work_after_answers(edge: HandledEdge, users: HttpUpstream) -> None:
    working(edge, users)
    gate = Gate(users)
    assert edge.get("/later/slow").json() == "now"
    wait_until(lambda: users.requests, what="the call")
    edge.running.signal(signal.SIGTERM)
    wait_until(lambda: not edge.running.serves(), what="the drain")
    assert not gate.closed.is_set()
    gate.open.set()
    assert edge.running.wait_end() == 0
    assert "worked: 200" in edge.running.stderr
    assert "was cut" not in edge.running.stderr


# Tries.


def test_the_tries_of_calls_are_told_to_the_handler_and_to_the_log(edge: HandledEdge, users: HttpUpstream) -> None:
    edge.top = f"log: {{to: {edge.folder}/access.log, format: json}}\ndefaults: {{route: {{retries: 2}}}}"
    router = '@router.get("/tries")\nasync def tries(users: Upstream) -> Any:\n'
    router += '    one = await users.get("/one")\n    two = await users.post("/two", json=1)\n'
    edge.write(router + "    return [one.tries, two.tries]\n", users=users.address)
    edge.configure()
    file = edge.folder / "glorieta.yaml"
    both = f"endpoints: ['{refusing_address()}', '{users.address}'], balance: first_available"
    text = file.read_text().replace(f"endpoints: ['{users.address}']", both)
    file.write_text(text)
    edge.start()
    assert edge.get("/tries").json() == [2, 2]
    log = edge.folder / "access.log"
    wait_until(lambda: log.exists() and log.read_text().endswith("\n"), what="the line")
    (line,) = map(json.loads, log.read_text().splitlines())
    assert (line["status"], line["tries"]) == (200, 4)
    assert "upstream" not in line


# New code.

LASTING = """
@router.get("/version")
async def version() -> int:
    return {version}


@router.get("/pid")
async def pid() -> int:
    return os.getpid()


@router.websocket("/socket")
async def socket(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(f"{version} {{text}}")


@router.get("/stream")
async def stream() -> StreamingResponse:
    async def pieces():
        while True:
            yield b"{version}."
            await asyncio.sleep(0.05)

    return StreamingResponse(pieces())
"""


def answered(edge: HandledEdge) -> object:
    return edge.get("/version").json()


def test_streams_and_websockets_outlive_the_code_that_they_began_with(edge: HandledEdge) -> None:
    edge.write(LASTING.format(version=1))
    edge.configure()
    edge.start()
    (old,) = edge.processes()
    with connect(f"ws://127.0.0.1:{edge.port}/socket", compression=None) as socket, RawClient(edge.port) as stream:
        stream.send(build("GET", "/stream"))
        for number in (2, 3):
            edge.write(LASTING.format(version=number))
            wait_until(lambda count=number: answered(edge) == count, 15, "the new code")  # type: ignore[misc]
        wait_until(lambda: len(edge.processes()) == 2, 15, "nothing but what serves and what has streams")
        assert is_alive(old)
        socket.send("still")
        assert socket.recv(timeout=5) == "1 still"
        # What had come before is one piece; another one comes later.
        assert stream.socket.recv(1 << 20)
        assert stream.socket.recv(1 << 20)
    wait_until(lambda: not is_alive(old), 15, "the old process's end, now that nobody needs it")
    assert len(edge.processes()) == 1


def test_a_process_that_leaves_has_its_time(edge: HandledEdge) -> None:
    edge.top = "handlers: {leave: 500ms}"
    edge.write(LASTING.format(version=1))
    edge.configure()
    edge.start()
    (old,) = edge.processes()
    with connect(f"ws://127.0.0.1:{edge.port}/socket", compression=None):
        edge.write(LASTING.format(version=2))
        wait_until(lambda: answered(edge) == 2, 15, "the new code")
        wait_until(lambda: not is_alive(old), 15, "the end of the old one")


def test_processes_are_replaced_one_at_a_time_and_no_request_is_refused(edge: HandledEdge) -> None:
    edge.top = "handlers: {processes: 3}"
    edge.write(LASTING.format(version=1))
    edge.configure()
    edge.start()
    old, most = edge.processes(), 0
    assert len(old) == 3
    with Load(edge.port, "/version", connections=8) as load:
        edge.write(LASTING.format(version=2))

        def replaced() -> bool:
            nonlocal most
            now = edge.processes()
            # What has ended its work and not itself yet is no process too many.
            most = max(most, len(now))
            return len(now) == 3 and not set(now) & set(old)

        wait_until(replaced, 30, "new processes")
    assert load.failures == []
    assert set(load.statuses) == {200}
    assert most <= 5, "one that comes, and those that are about to end"
    assert [answered(edge) for _ in range(6)] == [2] * 6


def test_where_routes_change_all_new_processes_come_first(edge: HandledEdge) -> None:
    edge.top = "handlers: {processes: 2}"
    edge.write(LASTING.format(version=1))
    edge.configure()
    edge.start()
    with Load(edge.port, "/version", connections=8) as load:
        edge.write(LASTING.format(version=2) + '\n\n@router.get("/more")\nasync def more() -> int:\n    return 7\n')
        wait_until(lambda: edge.get("/more").status == 200, 30, "the new route")
        assert [answered(edge) for _ in range(6)] == [2] * 6
    assert load.failures == []
    assert set(load.statuses) == {200}


def test_a_rollback_that_lacks_its_code_says_which_file_and_what_to_do(edge: HandledEdge) -> None:
    from e2e.test_handlers_run import glorieta

    edge.write(LASTING.format(version=1))
    edge.configure()
    edge.start()
    edge.write(LASTING.format(version=2))
    wait_until(lambda: answered(edge) == 2, 15, "the new code")
    refused = glorieta("rollback", folder=edge.folder)
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "shop.py: has changed since the Plan was made of it" in said
    assert "put the file back as it was when plan 1 began to run, and roll back again" in said
    assert answered(edge) == 2


# Processes that say nothing, and calls that say too much.

HELD = """
import ctypes


@router.get("/held/{milliseconds}")
async def held(milliseconds: int) -> str:
    # Called like this, the interpreter is held meanwhile.
    ctypes.PyDLL(None).usleep(milliseconds * 1000)
    return "held"


@router.get("/block")
async def block() -> str:
    time.sleep(0.6)
    return "blocked"
"""


def test_code_that_holds_the_interpreter_is_told_of_by_the_engine(edge: HandledEdge) -> None:
    edge.write(HELD)
    edge.configure()
    edge.start()
    (pid,) = edge.processes()
    with RawClient(edge.port) as client:
        client.send(build("GET", "/held/3000"))
        log = edge.wait_log(f"handler process {pid} has given no sign for ", 2)
        assert "gives signs again" not in log, "it is told while it lasts"
        assert "there is no stack, because" in log
        assert client.read_response().json() == "held"
    edge.wait_log(f"handler process {pid} gives signs again, after ")
    assert edge.running.stderr.count("has given no sign") == 1


def test_a_blocked_loop_tells_of_itself_and_the_engine_adds_nothing(edge: HandledEdge) -> None:
    edge.write(HELD)
    edge.configure()
    edge.start()
    assert edge.get("/block").json() == "blocked"
    log = edge.wait_log("was blocked for")
    assert "  at block (" in log
    # The machine may give the process no time for a moment; the block itself is no silence.
    assert all(int(after) < 500 for after in re.findall(r"gives signs again, after (\d+) ms", log))


def test_a_call_that_is_too_large_says_what_and_by_how_much(edge: HandledEdge, users: HttpUpstream) -> None:
    router = """
@router.get("/large")
async def large(users: Upstream, target: int = 0, header: int = 0, body: int = 0) -> Any:
    try:
        sent = users.post("/" + "t" * target, headers={"x-large": "h" * header}, content=b"b" * body)
        return (await sent.json())["body_bytes"]
    except Exception as error:
        return [error.reason, error.detail]
"""
    edge.write(router, users=users.address)
    edge.configure()
    edge.start()
    reason, detail = edge.get("/large?target=200000").json()
    assert (reason, "target (path and query) has 200001 bytes; a call may have 30720" in detail) == (
        "head_too_large",
        True,
    )
    reason, detail = edge.get("/large?header=200000").json()
    assert (reason, "a call may have 61440" in detail) == ("head_too_large", True)
    # All that is allowed, at once.
    assert edge.get("/large?target=7000&header=7000&body=65536").json() == 65536
