"""A configuration of many files that is edited while it runs: overlays, includes, secrets, and going back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from harness import Glorieta, HttpUpstream, Load, RawClient, Services, TcpEcho, build, get, unused_port, wait_until
from harness.large import Large
from harness.process import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROUTES, FILES = 2_000, 20


def glorieta(*arguments: object, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "python")}
    command = [sys.executable, "-m", "glorieta", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False, cwd=folder)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Glorieta]]:
    """Starts `glorieta run` with these arguments in the test's folder."""
    started: list[Glorieta] = []

    def start(port: int, admin: int, *arguments: object) -> Glorieta:
        command = [sys.executable, "-m", "glorieta", "run", *map(str, arguments)]
        started.append(Glorieta(command, tmp_path, {"web": port}, admin).wait_ready())
        return started[-1]

    yield start
    for each in started:
        each.check()
        each.stop()


@pytest.fixture(scope="module")
def service(services: Services) -> HttpUpstream:
    return services.http()


def replace(file: Path, text: str) -> None:
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.replace(file)


def mark_of(port: int, path: str = "/hello") -> str | None:
    return get(port, path).header("X-Mark")


def is_marked(port: int, path: str, mark: str) -> bool:
    return mark_of(port, path) == mark


def answers(port: int, path: str, status: int) -> bool:
    return get(port, path).status == status


class Edge:
    """One listener with a marked answer, in two layers and an included file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.admin = unused_port(), unused_port()
        self.base, self.over = folder / "base.yaml", folder / "prod.yaml"
        (folder / "teams").mkdir()
        self.write_base("base")

    def write_base(self, mark: str, more: str = "", upstreams: str = "") -> None:
        replace(self.base, f"""\
version: 1
include: teams/{{team}}.yaml
admin: {{address: "127.0.0.1:{self.admin}"}}
log: off
drain: 3s
listeners:
  web:
    bind: "127.0.0.1:{self.port}"
    admit: {{"orders": "/orders/*", "billing": "/billing/*"}}
    routes:
      /hello: {{respond: {{body: hello, headers: {{x-mark: {mark}}}}}}}
{more}
{upstreams}
""")  # fmt: skip

    def write_over(self, mark: str) -> None:
        replace(
            self.over, f"listeners: {{web: {{routes: {{/hello: {{respond: {{headers: {{x-mark: {mark}}}}}}}}}}}}}\n"
        )

    def write_team(self, team: str, status: int = 200) -> None:
        text = f"team: {team}\ngroups: {{all: {{at: web, match: /{team}/*, routes: {{/{team}/x: {{respond: {status}}}}}}}}}\n"
        replace(self.folder / "teams" / f"{team}.yaml", text)


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


def test_overlays_run_and_every_layer_is_watched(edge: Edge, serve: Callable[..., Glorieta]) -> None:
    edge.write_over("prod")
    running = serve(edge.port, edge.admin, "-f", "base.yaml", "-f", "prod.yaml")
    assert mark_of(edge.port) == "prod"
    edge.write_over("changed")
    wait_until(partial(is_marked, edge.port, "/hello", "changed"), 15, "the changed overlay")
    edge.write_base("base", "      /more: {respond: more}\n")
    wait_until(partial(answers, edge.port, "/more", 200), 15, "the changed base")
    assert mark_of(edge.port) == "changed"
    both = ("-f", "base.yaml", "-f", "prod.yaml")
    assert "nothing would change" in glorieta("plan", *both, folder=edge.folder).stdout
    assert glorieta("reload", *both, folder=edge.folder).returncode == 0
    alone = glorieta("reload", "base.yaml", folder=edge.folder)
    assert alone.returncode == 1
    # Others may run on this machine, too.
    assert "running are: " in alone.stderr and f"{edge.base} + {edge.over}" in alone.stderr
    change = "~ route web/hello  target.respond.headers: x-mark: prod → changed"
    wait_until(lambda: change in running.stderr, 15, "the difference")


def test_files_that_come_to_match_an_include_and_go_again(edge: Edge, serve: Callable[..., Glorieta]) -> None:
    running = serve(edge.port, edge.admin, "base.yaml")
    assert get(edge.port, "/orders/x").status == 404
    edge.write_team("orders")
    wait_until(partial(answers, edge.port, "/orders/x", 200), 15, "the new team")
    wait_until(lambda: "+ route orders/all/orders/x" in running.stderr, 15, "the difference")
    edge.write_team("orders", 204)
    wait_until(partial(answers, edge.port, "/orders/x", 204), 15, "the team's change")
    (edge.folder / "teams" / "orders.yaml").unlink()
    wait_until(partial(answers, edge.port, "/orders/x", 404), 15, "the end of the team")


def test_files_that_change_together_are_applied_as_one(edge: Edge, serve: Callable[..., Glorieta]) -> None:
    """The first of them alone would be refused: what it leads to stands in the second."""
    edge.write_team("orders")
    edge.write_team("billing")
    running = serve(edge.port, edge.admin, "base.yaml")
    replace(edge.folder / "teams" / "orders.yaml",
            "team: orders\ngroups: {all: {at: web, match: /orders/*, routes: {/orders/x: new}}}\n")  # fmt: skip
    time.sleep(0.03)
    edge.write_base("second", upstreams="upstreams: {new: {endpoints: [localhost:1]}}")
    time.sleep(0.03)
    edge.write_team("billing", 202)
    wait_until(partial(is_marked, edge.port, "/hello", "second"), 15, "all three")
    assert get(edge.port, "/billing/x").status == 202
    wait_until(lambda: "reloaded" in running.stderr, 15, "the difference")
    time.sleep(0.5)
    assert "refused" not in running.stderr
    assert running.stderr.count("reloaded") == 1


def test_a_refused_team_is_told_with_its_place_and_mending_it_applies(
    edge: Edge, serve: Callable[..., Glorieta]
) -> None:
    edge.write_team("orders")
    running = serve(edge.port, edge.admin, "base.yaml")
    team = edge.folder / "teams" / "orders.yaml"
    replace(team, team.read_text().replace("respond: 200", "to: nowhere"))
    wait_until(lambda: "was refused; plan" in running.stderr, 15, "the refusal")
    assert "orders.yaml:2:" in running.stderr
    assert 'there is no upstream "nowhere"' in running.stderr
    assert get(edge.port, "/orders/x").status == 200
    edge.write_team("orders", 202)
    wait_until(partial(answers, edge.port, "/orders/x", 202), 15, "the mended team")


def test_a_renewed_secret_is_read_anew(edge: Edge, serve: Callable[..., Glorieta], service: HttpUpstream) -> None:
    secret = edge.folder / "token"
    secret.write_text("one")
    routes = "      /with: {to: service, filters: {headers: {request: {set: {x-token: '${file:token}'}}}}}\n"
    edge.write_base("base", routes, f'upstreams: {{service: {{endpoints: ["{service.address}"]}}}}')
    running = serve(edge.port, edge.admin, "base.yaml")

    def token() -> Any:
        fields = get(edge.port, "/with").json()["fields"]
        return next(value for name, value in fields if name.lower() == "x-token")

    assert token() == "one"
    replace(secret, "another")
    wait_until(lambda: token() == "another", 15, "the renewed secret")
    wait_until(lambda: "secrets read anew, plan" in running.stderr, 15, "a word of it")
    assert "another" not in running.stderr
    history = json.loads(glorieta("rollback", "-f", "base.yaml", "--list", "--json", folder=edge.folder).stdout)
    assert len(history["plans"]) == 1, "the Plan is the same"


def test_going_back_and_forward_again(edge: Edge, serve: Callable[..., Glorieta]) -> None:
    running = serve(edge.port, edge.admin, "base.yaml")
    for mark in ("second", "third"):
        edge.write_base(mark)
        wait_until(partial(is_marked, edge.port, "/hello", mark), 15, mark)
    back = glorieta("rollback", "-f", "base.yaml", folder=edge.folder)
    assert back.returncode == 0, back.stderr
    assert "~ route web/hello  target.respond.headers: x-mark: third → second" in back.stdout
    assert "rolled back: files differ" in back.stdout
    assert mark_of(edge.port) == "second"
    time.sleep(0.6)
    assert mark_of(edge.port) == "second", "the files came back by themselves"
    listed = glorieta("rollback", "-f", "base.yaml", "--list", folder=edge.folder).stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["1", "2", "3", "→", "rolled"]
    assert "rolled back to plan" in glorieta("plan", "base.yaml", folder=edge.folder).stdout
    assert glorieta("rollback", "1", "-f", "base.yaml", folder=edge.folder).returncode == 0
    assert mark_of(edge.port) == "base"
    assert glorieta("reload", "base.yaml", folder=edge.folder).returncode == 0
    assert mark_of(edge.port) == "third"
    missing = glorieta("rollback", "77", "-f", "base.yaml", folder=edge.folder)
    assert (missing.returncode, 'no plan "77" is remembered' in missing.stderr) == (1, True)
    assert running.stderr.count("rolled back to plan") == 2


def test_what_plan_says_would_be_lost_is_what_is_lost(
    edge: Edge, serve: Callable[..., Glorieta], own_services: Services
) -> None:
    echo = own_services.keep(TcpEcho())
    kept, gone = unused_port(), unused_port()
    both = (
        f'  kept: {{bind: "127.0.0.1:{kept}", protocol: tcp, to: echo}}\n'
        f'  gone: {{bind: "127.0.0.1:{gone}", protocol: tcp, to: echo}}\n'
    )
    upstreams = f'upstreams: {{echo: {{endpoints: ["{echo.address}"]}}}}'
    edge.write_base("base", both, upstreams)
    serve(edge.port, edge.admin, "base.yaml", "--no-watch")
    with RawClient(kept) as stays, RawClient(gone) as ends, RawClient(edge.port) as web:
        for client in (stays, ends):
            client.send(b"hello")
            assert client.reader.exactly(5) == b"hello"
        assert web.exchange(build("GET", "/hello")).status == 200
        edge.write_base("base", both.splitlines()[0].replace("kept:", "renamed:") + "\n", upstreams)
        said = json.loads(glorieta("plan", "base.yaml", "--changes", folder=edge.folder).stdout)["lost"]
        assert [(each["kind"], each["id"], each["connections"]) for each in said] == [
            ("listener", "kept", None),
            ("listener", "gone", 1),
        ]
        assert "its connections stay" in said[0]["text"]
        assert "what is under way has 3s; 1 connection is open now" in said[1]["text"]
        began = time.monotonic()
        assert glorieta("reload", "base.yaml", folder=edge.folder).returncode == 0
        ends.send(b"still")
        assert ends.reader.exactly(5) == b"still", "it has the time that drain says"
        assert ends.is_closed(10)
        assert 2.0 < time.monotonic() - began < 8.0
        stays.send(b"again")
        assert stays.reader.exactly(5) == b"again", "plan said that it stays"
        assert web.exchange(build("GET", "/hello")).status == 200


def test_a_large_configuration_is_reloaded_without_a_failed_request(
    tmp_path: Path, serve: Callable[..., Glorieta], service: HttpUpstream, capsys: pytest.CaptureFixture[str]
) -> None:
    """That it is applied and that nobody notices; how fast, at five times the size, is measured by `make size`."""
    admin = unused_port()
    large = Large(tmp_path, unused_port(), service.address, ROUTES, FILES, admin)
    serve(large.port, admin, large.file)
    seconds = []
    with Load(large.port, "/load", connections=16) as load:
        for number, team in enumerate(large.teams[:5]):
            began = time.monotonic()
            large.write(team, f"turn-{number}")
            wait_until(partial(is_marked, large.port, f"/{team}/mark", f"turn-{number}"), 20, f"turn {number}")
            seconds.append(time.monotonic() - began)
    assert load.failures == []
    assert set(load.statuses) == {200}
    assert load.opened == load.connections, "a kept-alive connection was closed"
    with capsys.disabled():
        print(f"\n{ROUTES} routes in {FILES} files: reloads took {', '.join(f'{each:.2f} s' for each in seconds)}")
