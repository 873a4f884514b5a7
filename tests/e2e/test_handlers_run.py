"""Handlers as a user has them: `glorieta run` with a router, from the first request to the last process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from harness import Load, RawClient, Services, build, get, request, wait_until
from harness.handled_edge import HandledEdge, is_alive
from harness.process import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness import Conversation, ReceivedRequest

ROUTER = """
@router.get("/home/{user_id}")
async def home(user_id: int, users: Upstream, orders: Upstream) -> Any:
    user, recent = await gather(
        users.get("/users/{id}", path={"id": user_id}).json(),
        orders.get("/orders").timeout("150ms").json().optional("none"),
    )
    return {"user": user["service"], "target": user["target"], "orders": recent}


@router.post("/echo")
async def echo(request: Request) -> StreamingResponse:
    return StreamingResponse(request.stream())


@router.get("/hang")
async def hang(users: Upstream) -> Any:
    print("hangs", flush=True)
    try:
        return await users.get("/hang").json()
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise


@router.get("/forever")
async def forever() -> None:
    print("waits", flush=True)
    await asyncio.sleep(3600)


@router.get("/crash")
async def crash() -> None:
    raise KeyError("of the handler")


@router.get("/die")
async def die() -> None:
    os._exit(7)


@router.get("/leave")
async def leave() -> None:
    raise SystemExit(3)


@router.get("/block/{seconds}")
async def block(seconds: float) -> str:
    time.sleep(seconds)
    return "blocked"


@router.get("/pid")
async def pid() -> int:
    return os.getpid()


@router.get("/inheritable")
async def inheritable() -> list[int]:
    found = [int(name) for name in os.listdir("/proc/self/fd")]
    return [each for each in found if each > 2 and os.path.exists(f"/proc/self/fd/{each}") and os.get_inheritable(each)]


@router.get("/later")
async def later(tasks: BackgroundTasks) -> str:
    tasks.add_task(print, "worked", flush=True)
    return "now"


@router.get("/both")
async def both() -> str:
    return "got"


@router.websocket("/alone")
async def alone(socket: WebSocket) -> None: ...


@router.websocket("/both")
async def socket(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)
"""


def version(number: int, extra: str = "") -> str:
    return f'@router.get("/version")\nasync def version() -> int:\n    return {number}\n{extra}'


class Shop:
    """A shop that one file of tests shares."""

    def __init__(self, folder: Path, services: Services) -> None:
        self.users, self.orders = services.http("users"), services.http("orders")
        self.edge = HandledEdge(
            folder,
            top="handlers: {requests: 8, wait: 300ms}\ndefaults: {route: {deadline: 30s}}",
            listener=', /short/*: {handler: "shop.py:short", deadline: 300ms, strip_prefix: on}',
        )
        short = '\n\nshort = Router()\n\n\n@short.get("/wait")\nasync def short_wait() -> None:\n'
        short += "    await asyncio.sleep(3600)\n"
        self.edge.write(ROUTER + short, users=self.users.address, orders=self.orders.address)
        self.edge.configure()
        self.edge.start()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, services: Services) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("shop"), services)
    yield made
    made.edge.running.check()
    made.edge.running.stop()


@pytest.fixture
def shop(shared: Shop) -> Shop:
    for each in (shared.users, shared.orders):
        each.forget()
        each.status, each.delay = 200, 0.0
    return shared


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[HandledEdge]:
    made = HandledEdge(tmp_path)
    yield made
    if made.glorieta is not None:
        made.glorieta.check()
        made.glorieta.stop()


def hangs_until_closed(ended: threading.Event) -> object:
    def answer(conversation: Conversation, _: ReceivedRequest) -> None:
        if conversation.wait_closed():
            ended.set()

    return answer


def test_a_handler_answers_by_what_its_upstreams_say(shop: Shop) -> None:
    answer = shop.edge.get("/home/7")
    assert (answer.status, answer.json()["user"], answer.json()["target"]) == (200, "users", "/users/7")
    assert shop.users.requests[0].header("x-request-id") == shop.orders.requests[0].header("x-request-id")
    wrong = shop.edge.get("/home/seven")
    assert (wrong.status, wrong.header("content-type")) == (422, "application/problem+json")
    assert get(shop.edge.port, "/home").status == 404
    assert request(shop.edge.port, "POST", "/home/7").status == 405


def test_an_optional_part_may_be_missing_and_a_required_one_not(shop: Shop) -> None:
    shop.orders.respond = hangs_until_closed(ended := threading.Event())  # type: ignore[assignment]
    answer = shop.edge.get("/home/7")
    assert (answer.status, answer.json()["orders"]) == (200, "none")
    assert answer.header("glorieta-partial") == "orders;r=timeout"
    assert ended.wait(5)
    shop.users.status = 500
    assert shop.edge.get("/home/7").status == 502


def test_bodies_stream_both_ways(shop: Shop) -> None:
    body = os.urandom(2_000_000)
    assert request(shop.edge.port, "POST", "/echo", body=body).body == body


def test_a_websocket_and_a_get_share_a_path(shop: Shop) -> None:
    with connect(f"ws://127.0.0.1:{shop.edge.port}/both", compression=None) as socket:
        for text in ("hola", "x" * 200_000):
            socket.send(text)
            assert socket.recv(timeout=5) == text
    assert shop.edge.get("/both").json() == "got"
    assert shop.edge.get("/alone").status == 426
    head = request(shop.edge.port, "HEAD", "/both")
    assert (head.status, head.body) == (200, b"")


def test_work_goes_on_after_the_answer_and_prints_go_to_the_log(shop: Shop) -> None:
    assert shop.edge.get("/later").json() == "now"
    shop.edge.wait_log("worked")
    assert "worked" not in shop.edge.running.stdout


def test_an_exception_is_a_500_with_an_id_and_its_traceback_is_in_the_log_only(shop: Shop) -> None:
    answer = shop.edge.get("/crash")
    assert answer.status == 500
    assert "of the handler" not in answer.text
    log = shop.edge.wait_log(f"(request_id {answer.json()['request_id']}): KeyError: 'of the handler'")
    assert "  at crash (" in log


def test_a_handler_that_wants_to_end_its_process_ends_only_its_request(shop: Shop) -> None:
    before = shop.edge.get("/pid").json()
    answer = shop.edge.get("/leave")
    assert answer.status == 500
    shop.edge.wait_log(": SystemExit: 3")
    assert shop.edge.get("/pid").json() == before


def test_what_a_handler_starts_gets_none_of_its_descriptors(shop: Shop) -> None:
    assert shop.edge.get("/inheritable").json() == []


def test_the_deadline_is_a_504(shop: Shop) -> None:
    answer = shop.edge.get("/short/wait")
    assert answer.status == 504
    assert "asyncio" not in answer.text


@pytest.mark.parametrize("leave", [RawClient.reset, RawClient.close], ids=["reset", "close"])
def test_a_client_that_goes_cancels_the_handler_and_its_call(leave: Callable[[RawClient], None], shop: Shop) -> None:
    shop.users.respond = hangs_until_closed(ended := threading.Event())  # type: ignore[assignment]
    before = len(shop.users.requests)
    with RawClient(shop.edge.port) as client:
        client.send(build("GET", "/hang"))
        wait_until(lambda: len(shop.users.requests) > before, what="the call")
        leave(client)
    assert ended.wait(5)
    shop.edge.wait_log("cancelled")


def test_more_than_one_process_may_have_is_a_503_that_says_when_to_come_again(shop: Shop) -> None:
    with ExitStack() as clients:
        for _ in range(8):
            client = clients.enter_context(RawClient(shop.edge.port))
            client.send(build("GET", "/forever"))
            clients.callback(client.reset)
        wait_until(lambda: shop.edge.running.stderr.count("waits") == 8, 15, "all of them")
        refused = shop.edge.get("/pid")
        assert (refused.status, refused.header("retry-after")) == (503, "1")
        assert shop.edge.get("/plain").text == "plain"
    wait_until(lambda: shop.edge.get("/pid").status == 200, what="the end of what was given up")


def test_a_blocked_loop_is_told_of_with_its_stack_and_hurts_no_other_route(shop: Shop) -> None:
    with RawClient(shop.edge.port) as client:
        client.send(build("GET", "/block/1"))
        log = shop.edge.wait_log("the event loop is blocked", 5)
        assert "  at block (" in log, "it is told while it is blocked"
        assert shop.edge.get("/plain").text == "plain"
        late = shop.edge.get("/pid")
        assert late.status in (200, 503)
        assert client.read_response().json() == "blocked"
    shop.edge.wait_log("was blocked for")


def test_a_process_that_ends_is_replaced_and_counted(shop: Shop) -> None:
    before = shop.edge.get("/pid").json()
    assert shop.edge.get("/die").status == 502
    assert shop.edge.get("/plain").text == "plain"
    after = wait_until(
        lambda: next((each.json() for each in [shop.edge.get("/pid")] if each.status == 200), None), what="another one"
    )
    assert after != before
    assert shop.edge.running.metrics().total("glorieta_handler_restarts_total", handler="shop.py:router") == 1
    shop.edge.wait_log(f"handler process {before} has ended with exit code 7; another one is started")


def versions(edge: HandledEdge) -> object:
    answer = edge.get("/version")
    return answer.json() if answer.status == 200 else answer.status


@pytest.mark.parametrize("processes", [1, 2])
def test_new_code_comes_without_a_refused_request_and_broken_code_does_not_come(
    edge: HandledEdge, processes: int
) -> None:
    edge.top = f"handlers: {{processes: {processes}}}"
    edge.write(version(1))
    edge.configure()
    edge.start()
    old = edge.processes()
    with Load(edge.port, "/version", connections=8) as load:
        edge.write(version(2))
        wait_until(lambda: versions(edge) == 2, 15, "the new code")
        wait_until(lambda: not set(old) & set(edge.processes()), 15, "nothing but the new code")
        edge.write(version(3, "1 / 0\n"))
        log = edge.wait_log("ZeroDivisionError: division by zero", 15)
        assert "shop.py:15 listeners.web.handler: ZeroDivisionError" in log
        assert versions(edge) == 2
        edge.write(version(4))
        wait_until(lambda: versions(edge) == 4, 15, "code that is right again")
    assert load.failures == []
    assert set(load.statuses) == {200}
    wait_until(lambda: not any(map(is_alive, old)), 15, "the old process's end")
    assert "~ handler shop.py:router  code: " in edge.running.stderr
    wait_until(lambda: len(edge.processes()) == processes, 15, "nothing but what serves")


def glorieta(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "python")}
    command = [sys.executable, "-m", "glorieta", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False, cwd=folder)


def test_going_back_needs_the_code_that_ran_then(edge: HandledEdge, tmp_path: Path) -> None:
    first = version(1)
    edge.write(first)
    edge.configure()
    edge.start()
    edge.write(version(2))
    wait_until(lambda: versions(edge) == 2, 15, "the new code")
    refused = glorieta("rollback", folder=tmp_path)
    assert refused.returncode != 0
    assert "shop.py" in refused.stdout + refused.stderr
    assert "has changed since the Plan was made of it" in refused.stdout + refused.stderr
    assert versions(edge) == 2
    edge.configure(handler="respond: no more")
    wait_until(lambda: edge.get("/version").text == "no more", 15, "the Plan without handlers")
    wait_until(lambda: edge.processes() == [], 15, "no processes")
    back = glorieta("rollback", folder=tmp_path)
    assert back.returncode == 0, back.stderr
    assert versions(edge) == 2, "the code is the same as then"


def test_two_processes_answer_and_one_that_is_killed_is_replaced(edge: HandledEdge) -> None:
    edge.top = "handlers: {processes: 2}"
    edge.write(
        ROUTER.replace("users: Upstream, orders: Upstream", "users: Any, orders: Any").replace(
            "(users: Upstream)", "(users: Any)"
        )
        + version(1)
    )
    edge.configure()
    edge.start()
    both = edge.processes()
    assert len(both) == 2
    seen = set()
    with Load(edge.port, "/version", connections=8, pause=0):
        wait_until(lambda: seen.add(edge.get("/pid").json()) or len(seen) == 2, what="both processes")
        os.kill(both[0], signal.SIGKILL)
        wait_until(lambda: len(edge.processes()) == 2 and both[0] not in edge.processes(), what="another one")
    assert seen == set(both)
    assert is_alive(both[1])


def test_a_drain_lets_handlers_finish_and_their_processes_end(edge: HandledEdge) -> None:
    edge.write(
        "from contextlib import asynccontextmanager\n\n\n"
        "@asynccontextmanager\nasync def lifespan(app: Router) -> Any:\n"
        '    print("began", flush=True)\n    yield\n    print("over", flush=True)\n\n\n'
        "router.lifespan = lifespan\n\n\n"
        '@router.get("/slow")\nasync def slow() -> str:\n    print("at it", flush=True)\n'
        '    await asyncio.sleep(1)\n    return "slow"\n'
    )
    edge.configure()
    running = edge.start()
    processes = edge.processes()
    with RawClient(edge.port) as client:
        client.send(build("GET", "/slow"))
        edge.wait_log("at it")
        running.signal(signal.SIGTERM)
        assert client.read_response().json() == "slow"
    assert running.wait_end() == 0
    assert not any(map(is_alive, processes))
    assert running.stderr.count("over") == running.stderr.count("began") == 1


@pytest.mark.parametrize("blocked", [False, True])
def test_no_process_is_left_over_when_the_serving_one_is_killed(edge: HandledEdge, blocked: bool) -> None:
    edge.write(
        '@router.get("/hang")\nasync def hang() -> None:\n    print("hangs", flush=True)\n'
        f"    {'time.sleep(3600)' if blocked else 'await asyncio.sleep(3600)'}\n"
    )
    edge.configure()
    running = edge.start()
    processes = edge.processes()
    with RawClient(edge.port) as client:
        client.send(build("GET", "/hang"))
        edge.wait_log("hangs")
        running.kill()
    wait_until(lambda: not any(map(is_alive, processes)), 10, "the end of every process")


def test_a_router_that_cannot_be_imported_is_refused_with_file_line_and_reason(
    edge: HandledEdge, tmp_path: Path
) -> None:
    edge.write("import nowhere\n")
    edge.configure()
    for command in ("check", "run"):
        refused = glorieta(command, folder=tmp_path)
        assert refused.returncode == 2
        assert "shop.py:12 listeners.web.handler: ModuleNotFoundError: No module named 'nowhere'" in refused.stderr


def test_a_lifespan_that_fails_at_the_start_ends_it_with_2(edge: HandledEdge, tmp_path: Path) -> None:
    edge.write(
        "from contextlib import asynccontextmanager\n\n\n"
        "@asynccontextmanager\nasync def lifespan(app: Router) -> Any:\n"
        '    raise ConnectionError("no database")\n    yield\n\n\n'
        'router.lifespan = lifespan\n\n\n@router.get("/x")\nasync def x() -> None: ...\n'
    )
    edge.configure()
    refused = glorieta("run", folder=tmp_path)
    assert refused.returncode == 2
    assert "ConnectionError: no database" in refused.stderr
    assert "the handlers' lifespan has failed" in refused.stderr


def test_it_is_ready_when_its_handlers_are(edge: HandledEdge, tmp_path: Path) -> None:
    edge.write(
        "from contextlib import asynccontextmanager\n\n\n"
        "@asynccontextmanager\nasync def lifespan(app: Router) -> Any:\n"
        '    print("waits for it", flush=True)\n'
        f"    while not os.path.exists({str(tmp_path / 'database')!r}):\n        await asyncio.sleep(0.01)\n    yield\n\n\n"
        "router.lifespan = lifespan\n\n\n" + version(1)
    )
    edge.configure()
    running = edge.begin()
    edge.wait_log("waits for it", 20)
    assert running.ask("/readyz").status == 503
    assert edge.get("/plain").text == "plain", "what is not a handler's is served"
    assert edge.get("/version").status == 503
    (tmp_path / "database").touch()
    running.wait_ready()
    assert versions(edge) == 1


def test_reloading_code_again_and_again_leaves_nothing_behind(edge: HandledEdge) -> None:
    edge.write(version(0))
    edge.configure()
    running = edge.start()
    open_files = running.open_files()
    for number in range(1, 4):
        edge.write(version(number))
        wait_until(lambda number=number: versions(edge) == number, 15, "the new code")
        wait_until(lambda: len(edge.processes()) == 1, 15, "the old process's end")
    wait_until(lambda: running.open_files() <= open_files, what="as few descriptors as before")
    assert set(running.metrics().labels("glorieta_handler_restarts_total")[0].values()) == {"shop.py:router"}
    assert running.metrics().total("glorieta_handler_restarts_total") == 0


FASTAPI = """
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks as Tasks
from fastapi import FastAPI
from fastapi import WebSocket as Socket
from fastapi.responses import StreamingResponse as Streaming

from glorieta.handlers import upstream


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.word = "alive"
    print("fastapi began", flush=True)
    yield
    print("fastapi ended", flush=True)


app = FastAPI(lifespan=lifespan)


@app.get("/items/{item}")
async def item(item: int):
    return {"item": item, "word": app.state.word}


@app.get("/stream")
async def stream():
    async def pieces():
        for number in range(1000):
            yield f"{number}\\n"
    return Streaming(pieces())


@app.get("/later")
async def later(tasks: Tasks):
    tasks.add_task(print, "fastapi worked", flush=True)
    return "now"


@app.get("/user")
async def user():
    return (await upstream("users").get("/me").json())["service"]


@app.websocket("/socket")
async def socket(socket: Socket):
    await socket.accept()
    await socket.send_text("hello " + await socket.receive_text())
    await socket.close()
"""


def test_fastapi_is_mounted_with_all_that_it_does(edge: HandledEdge, services: Services) -> None:
    pytest.importorskip("fastapi", reason="FastAPI is not installed, so nobody knows whether it can be mounted")
    edge.listener = ', /api/*: {asgi: {application: "shop.py:app", calls: users}, strip_prefix: on}'
    edge.write(FASTAPI + version(1), users=services.http("users").address)
    edge.configure()
    running = edge.start()
    assert edge.get("/api/items/7").json() == {"item": 7, "word": "alive"}
    assert edge.get("/api/items/seven").status == 422
    assert edge.get("/api/stream").text.split() == [str(number) for number in range(1000)]
    assert edge.get("/api/later").json() == "now"
    edge.wait_log("fastapi worked")
    assert edge.get("/api/user").json() == "users"
    assert "/api/items" in edge.get("/api/docs").text or "/api/openapi.json" in edge.get("/api/docs").text
    with connect(f"ws://127.0.0.1:{edge.port}/api/socket", compression=None) as socket:
        socket.send("you")
        assert socket.recv(timeout=5) == "hello you"
    assert versions(edge) == 1, "beside a router"
    assert running.stop() == 0
    assert running.stderr.count("fastapi began") == running.stderr.count("fastapi ended") == 1
