"""`glorieta run` as people use it: one YAML file, edited while it runs, reloaded, stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from harness import (
    Command,
    HttpUpstream,
    Load,
    RawClient,
    Runner,
    Services,
    TcpEcho,
    build,
    get,
    refusing_address,
    unused_port,
    wait_until,
)
from harness.process import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path


def reverse_proxy(port: int, one: HttpUpstream, two: HttpUpstream, mark: str = "first", extra: str = "") -> str:
    """The reverse proxy of the design's first page, with a mark in its answers."""
    return f"""\
version: 1
listeners:
  web:
    bind: "127.0.0.1:{port}"
    filters: {{headers: {{response: {{set: {{x-mark: {mark}}}}}}}}}
    routes:
      /service1/*: {{to: service1, strip_prefix: true}}
      /service2/*: {{to: service2, strip_prefix: true}}
      /hello: {{respond: {{body: "hello ${{client.ip}}"}}}}
{extra}
upstreams:
  service1: {{endpoints: ["{one.address}", "{two.address}"], health: {{path: /healthz}}, balance: round_robin}}
  service2: {{endpoints: ["{two.address}"], balance: {{hash: header.x-user}}}}
"""


def glorieta(*arguments: object, timeout: float = 30) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "python")}
    command = [sys.executable, "-m", "glorieta", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment, check=False)


@pytest.fixture(scope="module")
def one(services: Services) -> HttpUpstream:
    return services.http("one")


@pytest.fixture(scope="module")
def two(services: Services) -> HttpUpstream:
    return services.http("two")


def run(runner: Runner, one: HttpUpstream, two: HttpUpstream, *options: str) -> tuple[Command, int]:
    port = unused_port()
    return runner.command(reverse_proxy(port, one, two), *options), port


def mark_of(port: int) -> str | None:
    return get(port, "/hello").header("X-Mark")


def is_marked(port: int, mark: str) -> bool:
    return mark_of(port) == mark


def test_a_reverse_proxy(launch: Runner, one: HttpUpstream, two: HttpUpstream) -> None:
    edge, port = run(launch, one, two)
    assert get(port, "/hello").text == "hello 127.0.0.1"
    answers = [get(port, f"/service1/{number}").json() for number in range(20)]
    assert {answer["service"] for answer in answers} == {"one", "two"}
    assert {answer["target"] for answer in answers} == {f"/{number}" for number in range(20)}
    assert get(port, "/service2/x").json()["service"] == "two"
    assert get(port, "/nowhere").status == 404
    assert edge.wait_record(path="/service2/x")["route"] == "/service2/*", "JSON lines where no terminal is"
    assert edge.metrics().total("glorieta_requests_total", route="/service1/*") == 20
    assert edge.stop() == 0


def test_a_change_of_the_file_is_applied(launch: Runner, one: HttpUpstream, two: HttpUpstream) -> None:
    edge, port = run(launch, one, two)
    with Load(port, "/service1/load", connections=8) as load:
        for mark in ("second", "third", "fourth"):
            edge.write(reverse_proxy(port, one, two, mark))
            wait_until(partial(is_marked, port, mark), 15, f"the plan marked {mark}")
            wait_until(partial(load.marks.__getitem__, mark), what=f"the load's first answer marked {mark}")
    assert load.failures == []
    assert set(load.statuses) == {200}
    assert load.opened == 8


def test_sighup_and_reload(launch: Runner, one: HttpUpstream, two: HttpUpstream) -> None:
    edge, port = run(launch, one, two, "--no-watch")
    edge.write(reverse_proxy(port, one, two, "second"))
    time.sleep(1)
    assert mark_of(port) == "first", "a file was applied that nobody asked to watch"
    edge.signal(signal.SIGHUP)
    wait_until(lambda: mark_of(port) == "second", 15, "the plan of the changed file")
    edge.write(reverse_proxy(port, one, two, "third"))
    done = glorieta("reload", edge.file)
    assert done.returncode == 0, done.stderr
    assert mark_of(port) == "third"
    again = glorieta("reload", edge.file, "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["result"] == "unchanged"


BAD = {
    "yaml": "version: 1\nlisteners: [",
    "key": "version: 1\nlisteners: {web: {bnd: ':80'}}",
    "upstream": "version: 1\nlisteners: {web: {bind: '127.0.0.1:1', routes: {/a: nowhere}}}",
    "empty": "",
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_changes_nothing(launch: Runner, one: HttpUpstream, two: HttpUpstream, kind: str) -> None:
    edge, port = run(launch, one, two)
    edge.file.write_text(BAD[kind])
    refused = glorieta("reload", edge.file)
    assert refused.returncode == 2
    assert str(edge.file.name) in refused.stderr + refused.stdout
    assert mark_of(port) == "first"
    wait_until(lambda: "glorieta.yaml" in edge.stderr, 15, "the reason on standard error")
    edge.write(reverse_proxy(port, one, two, "mended"))
    wait_until(lambda: mark_of(port) == "mended", 15, "the plan of the mended file")


def test_a_listener_that_cannot_be_had_changes_nothing_either(
    launch: Runner, one: HttpUpstream, two: HttpUpstream
) -> None:
    edge, port = run(launch, one, two)
    taken = f'  taken: {{bind: "{one.address}", respond: 200}}'
    edge.write(reverse_proxy(port, one, two, "second", taken))
    refused = glorieta("reload", edge.file)
    assert refused.returncode == 2
    assert one.address in refused.stderr + refused.stdout
    assert mark_of(port) == "first"


def test_listeners_and_layer_4_come_with_a_reload(
    launch: Runner, own_services: Services, one: HttpUpstream, two: HttpUpstream
) -> None:
    echo = own_services.keep(TcpEcho())
    edge, port = run(launch, one, two)
    mail = unused_port()
    text = reverse_proxy(port, one, two, "second", f'  mail: {{bind: "127.0.0.1:{mail}", protocol: tcp, to: smtp}}')
    edge.write(f'{text}  smtp: {{endpoints: ["{echo.address}"]}}\n')
    assert glorieta("reload", edge.file).returncode == 0
    with RawClient(mail) as client:
        client.send(b"hello")
        assert client.reader.exactly(5) == b"hello"
        edge.write(reverse_proxy(port, one, two, "third"))
        assert glorieta("reload", edge.file).returncode == 0
        client.send(b"again")
        assert client.reader.exactly(5) == b"again", "a reload cut a tunnel"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_asked(launch: Runner, one: HttpUpstream, two: HttpUpstream, number: signal.Signals) -> None:
    edge, port = run(launch, one, two)
    with RawClient(port) as kept:
        assert kept.exchange(build("GET", "/hello")).status == 200
        began = time.monotonic()
        edge.signal(number)
        assert edge.wait_end() == 0
        assert time.monotonic() - began < 2


def test_it_drains(launch: Runner, own_services: Services, one: HttpUpstream) -> None:
    slow = own_services.http("slow", delay=1.0)
    edge, port = run(launch, slow, one)
    with RawClient(port) as client:
        client.send(build("GET", "/service1/x"))
        wait_until(lambda: slow.requests or one.requests, what="the request at a service")
        edge.signal(signal.SIGTERM)
        assert client.read_response().status == 200
    assert edge.wait_end() == 0


def test_a_bad_file_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "glorieta.yaml"
    file.write_text(BAD["upstream"])
    for command in ("run", "check"):
        refused = glorieta(command, file)
        assert refused.returncode == 2, refused
        assert "nowhere" in refused.stderr + refused.stdout
        assert "glorieta.yaml:2:" in refused.stderr + refused.stdout


def test_a_port_in_use_at_the_start(tmp_path: Path, one: HttpUpstream) -> None:
    file = tmp_path / "glorieta.yaml"
    file.write_text(f'version: 1\nlisteners: {{web: {{bind: "{one.address}", respond: hello}}}}\nadmin: off\n')
    refused = glorieta("run", file)
    assert refused.returncode in (1, 2)
    assert one.address in refused.stderr


def test_one_liners(launch: Runner, one: HttpUpstream, two: HttpUpstream, tmp_path: Path) -> None:
    """`glorieta reverse` and `glorieta balance`, with what they save."""
    port, saved = unused_port(), tmp_path / "saved.yaml"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "python")}
    arguments = [
        "reverse",
        f"127.0.0.1:{port}",
        f"/service1={one.address}",
        f"/service2={two.address}",
        "--save",
        str(saved),
    ]
    with (tmp_path / "out").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "glorieta", *arguments], stdout=out, stderr=out, env=environment
        )
    try:
        wait_until(lambda: answers(port), 20, "the one-liner's service")
        assert get(port, "/service2/x").json() | {"fields": []} == {
            "service": "two", "method": "GET", "target": "/x", "fields": [], "body_bytes": 0,
        }  # fmt: skip
        assert glorieta("check", saved).returncode == 0
    finally:
        process.terminate()
        assert process.wait(10) == 0


def answers(port: int) -> bool:
    try:
        return get(port, "/service1/x").status == 200
    except OSError:
        return False


def test_what_a_client_is_told_and_what_the_operator_is_told(launch: Runner, one: HttpUpstream) -> None:
    port, dead = unused_port(), refusing_address()
    text = f'version: 1\nlisteners: {{web: {{bind: "127.0.0.1:{port}", to: dead}}}}\nupstreams: {{dead: {{endpoints: ["{dead}"]}}}}\n'
    edge = launch.command(text)
    response = get(port, "/x")
    assert response.status == 502
    assert dead not in response.text
    assert edge.wait_record(path="/x")["detail"].startswith(f"{dead} ")
