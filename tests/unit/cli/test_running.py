"""Commands that talk to a running glorieta, with one that answers from a script; and becoming one."""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glorieta.control import places
from glorieta.control.channel import Client, ControlServer, Document
from glorieta.control.child import compile_reference
from glorieta.control.compiled import Compiled
from glorieta.control.serve import Options

from .conftest import GOOD, Call

Answer = Callable[[Document], Document]


class Running:
    """Answers on the control socket of a configuration."""

    def __init__(self, identity: str, answer: Answer) -> None:
        sockets = places.own_sockets(identity)
        assert sockets is not None
        self.selector = selectors.DefaultSelector()
        self.asked: list[Document] = []
        self.answer = answer
        self.server = ControlServer(str(sockets.control), self.selector, self.handle)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def handle(self, question: Document, client: Client) -> None:
        self.asked.append(question)
        self.server.answer(client, self.answer(question))

    def run(self) -> None:
        while not self.ended.is_set():
            for key, mask in self.selector.select(0.02):
                key.data(mask)

    def stop(self) -> None:
        self.ended.set()
        self.thread.join(5)
        self.server.close()


@pytest.fixture
def running(folder: Path) -> Iterator[Callable[[Answer], Running]]:
    made: list[Running] = []

    def start(answer: Answer) -> Running:
        made.append(Running(str(folder / "glorieta.yaml"), answer))
        return made[-1]

    yield start
    for each in made:
        each.stop()


def test_reload_tells_what_was_applied(call: Call, running: Any) -> None:
    running(lambda question: {"result": "applied", "version": "abc", "changes": [], "text": "+ route web/a"})
    result = call("reload")
    assert (result.exit_code, result.stdout) == (0, "+ route web/a\nplan abc is running\n")
    assert json.loads(call("reload", "--json").stdout)["result"] == "applied"


def test_reload_finds_it_from_another_folder_by_the_same_file(call: Call, running: Any, folder: Path) -> None:
    house = running(lambda question: {"result": "unchanged", "version": "abc", "text": ""})
    (folder / "elsewhere").mkdir()
    os.chdir(folder / "elsewhere")
    result = call("reload", "../glorieta.yaml")
    assert result.exit_code == 0
    assert "nothing has changed" in result.stdout
    assert house.asked == [{"do": "reload"}]


def test_a_refused_reload_has_the_errors_and_its_exit_code(call: Call, running: Any) -> None:
    problems = [{"path": "listeners.web.bind", "message": "is taken"}]
    running(lambda question: {"result": "refused", "version": "old", "problems": problems, "text": "line 6: wrong"})
    result = call("reload")
    assert result.exit_code == 2
    assert "line 6: wrong" in result.stderr
    assert "plan old stays" in result.stderr
    refused = call("reload", "--json")
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["problems"] == problems


def test_where_nothing_runs_reload_says_what_does(call: Call, running: Any, folder: Path) -> None:
    running(lambda question: {"configuration": str(folder / "glorieta.yaml")})
    result = call("reload", "bad.yaml")
    assert result.exit_code == 1
    assert f"no glorieta runs {folder / 'bad.yaml'}" in result.stderr
    # Others may run on this machine, too.
    assert str(folder / "glorieta.yaml") in result.stderr.partition("running are: ")[2]


def test_one_that_is_ending_does_not_reload(call: Call, running: Any) -> None:
    running(lambda question: {"error": "it is ending"})
    result = call("reload")
    assert result.exit_code == 1
    assert "it is ending" in result.stderr


def test_a_socket_left_behind_is_nobody(call: Call, folder: Path) -> None:
    sockets = places.own_sockets(str(folder / "glorieta.yaml"))
    assert sockets is not None
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(sockets.control))
    result = call("reload")
    assert result.exit_code == 1
    assert "no glorieta runs" in result.stderr


def test_plan_compares_with_what_runs(call: Call, running: Any, folder: Path) -> None:
    terminal = compile_reference("glorieta.yaml", terminal=True, admin_socket="/run/x.admin")
    running(lambda question: {
        "plan": terminal.plan, "version": terminal.version, "terminal": True, "admin_socket": "/run/x.admin",
    })  # fmt: skip
    assert "nothing would change" in call("plan").stdout
    (folder / "glorieta.yaml").write_text(GOOD.replace("/hello:", "/welcome:"))
    text = call("plan").stdout
    assert "+ route web/welcome" in text
    assert "route web/hello" in text
    changes = json.loads(call("plan", "--changes").stdout)
    assert changes["running"] == terminal.version
    assert {change["sign"] for change in changes["changes"]} == {"+", "-"}


def test_plan_says_what_would_be_lost(call: Call, running: Any, folder: Path) -> None:
    before = compile_reference("glorieta.yaml")
    view = {"listeners": [{"id": "web", "connections": 3}], "upstreams": []}
    running(lambda question: {"plan": before.plan, "version": before.version, "load": json.dumps(view)})
    (folder / "glorieta.yaml").write_text(GOOD.replace("127.0.0.1:8080", "127.0.0.1:8081") + "workers: 3\n")
    text = call("plan").stdout
    assert "workers: none → 3 at the next start\nlost\n  listener web  accepts no more at 127.0.0.1:8080" in text
    assert "3 connections are open now" in text
    document = json.loads(call("plan", "--changes").stdout)
    assert [(each["kind"], each["connections"]) for each in document["lost"]] == [("listener", 3)]
    assert document["at_next_start"] == ["workers: none → 3 at the next start"]
    (folder / "glorieta.yaml").write_text(GOOD.replace("body: hello", "body: welcome"))
    assert call("plan").stdout.endswith("\nnothing is lost\n")


def test_plan_says_that_what_runs_is_not_what_the_files_say(call: Call, running: Any) -> None:
    plan = compile_reference("glorieta.yaml").plan
    running(lambda question: {"plan": plan, "version": "abc", "rolled_back": True})
    assert call("plan").stdout.startswith("rolled back to plan abc: files differ; `glorieta reload` applies them\n")
    assert json.loads(call("plan", "--changes").stdout)["rolled_back"]


def test_several_files_are_found_by_all_of_them(call: Call, running: Any, folder: Path) -> None:
    (folder / "prod.yaml").write_text("log: off\n")
    running(lambda question: {"result": "unchanged", "version": "abc", "text": ""})
    assert call("reload", "-f", "glorieta.yaml", "-f", "prod.yaml").exit_code == 1
    assert call("reload", "-f", "glorieta.yaml").exit_code == 0


def answer_rollback(question: Document) -> Document:
    plans = {"old": compile_reference("glorieta.yaml").plan, "new": compile_reference("new.yaml").plan}
    match question:
        case {"do": "rollback", "plan": "77"}:
            return {"error": 'no plan "77" is remembered'}
        case {"do": "rollback"}:
            return {"result": "rolled back", "version": "old", "number": 1, "from": "new", "files_differ": True}
        case {"do": "history"}:
            entry = {
                "number": 1,
                "version": "old",
                "time": 1.8e9,
                "cause": "start",
                "summary": "1 route",
                "running": True,
            }
            return {"rolled_back": True, "plans": [entry]}
    return {"plan": plans[question["plan"]]}


def test_rollback_tells_the_difference_and_that_files_differ(call: Call, running: Any, folder: Path) -> None:
    (folder / "new.yaml").write_text(GOOD.replace("body: hello", "body: welcome"))
    house = running(answer_rollback)
    result = call("rollback")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "~ route web/hello  target.respond.body: welcome → hello",
        "plan old is running",
        "rolled back: files differ; `glorieta reload`, or the next change of them, applies them",
    ]
    assert house.asked[0] == {"do": "rollback"}
    document = json.loads(call("rollback", "old", "--json").stdout)
    assert (document["result"], document["changes"][0]["id"]) == ("rolled back", "web/hello")
    assert house.asked[3] == {"do": "rollback", "plan": "old"}


def test_rollback_lists_what_is_remembered(call: Call, running: Any) -> None:
    running(answer_rollback)
    line, last = call("rollback", "--list").stdout.splitlines()
    assert line.startswith("→   1  old  2027-01-1")
    assert line.endswith("start         1 route")
    assert last == "rolled back: files differ"
    assert json.loads(call("rollback", "--list", "--json").stdout)["plans"][0]["version"] == "old"


def test_rollback_that_cannot_be_done(call: Call, running: Any) -> None:
    nothing = call("rollback")
    assert (nothing.exit_code, "no glorieta runs" in nothing.stderr) == (1, True)
    running(answer_rollback)
    unknown = call("rollback", "77")
    assert (unknown.exit_code, 'no plan "77" is remembered' in unknown.stderr) == (1, True)
    file = call("rollback", "glorieta.yaml")
    assert (file.exit_code, "is named by -f glorieta.yaml" in file.stderr) == (1, True)


def test_a_refused_rollback_has_its_exit_code(call: Call, running: Any) -> None:
    refused = {"result": "refused", "version": "new", "problems": [{"path": "x", "message": "is taken"}]}
    running(lambda question: {**refused, "text": "x: is taken"})
    result = call("rollback")
    assert result.exit_code == 2
    assert "x: is taken\nrefused; plan new stays" in result.stderr


class Handed:
    """What `glorieta run` hands over at the moment it is replaced."""

    def __init__(self, path: str, line: list[str], environment: dict[str, str]) -> None:
        self.path = path
        self.line = line
        self.environment = environment
        self.options = Options.parse(line[line.index("glorieta.control.serve") + 1 :])
        with os.fdopen(self.options.compiled, "rb") as document:
            self.compiled = Compiled.decode(document.read())


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[Handed]:
    made: list[Handed] = []

    def replaced(path: str, line: list[str], environment: dict[str, str]) -> None:
        assert os.get_inheritable(int(line[line.index("glorieta.control.serve") + 2]))
        made.append(Handed(path, line, environment))
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", replaced)
    return made


def test_run_is_replaced_by_the_serving_process_with_its_plan(call: Call, handed: list[Handed], folder: Path) -> None:
    result = call("run", "--no-watch")
    assert result.exit_code == 0, result.output
    (over,) = handed
    assert over.path == sys.executable
    assert "-P" in over.line, "what lies in the working folder is not imported by accident"
    assert over.options.references == ("glorieta.yaml",)
    assert over.options.identity == str(folder / "glorieta.yaml")
    assert (over.options.watch, over.options.terminal, over.options.as_json) == (False, False, False)
    assert over.options.control.endswith(".control")
    plan = json.loads(over.compiled.plan or "")
    assert plan["admin"]["socket"] == over.options.admin_socket
    assert plan["access_log"]["format"] == "json"
    assert list(over.compiled.files) == [str(folder / "glorieta.yaml")]


def test_what_the_serving_process_is_told_survives_the_command_line(folder: Path) -> None:
    options = Options(
        ("a b.yaml", "--", "c=d"), "/x/a b", 7, "/run/c", "/run/a=b", watch=False, terminal=True, show=True
    )
    assert Options.parse(options.arguments()) == options
    assert Options.parse(Options((), "z", 3, as_json=True).arguments()) == Options((), "z", 3, as_json=True)


@pytest.mark.parametrize("command", [["run", "bad.yaml"], ["run", "bad.yaml", "--json"]])
def test_run_does_not_start_what_is_wrong(call: Call, handed: list[Handed], command: list[str]) -> None:
    result = call(*command)
    assert result.exit_code == 2
    assert "strip_prefx" in result.output
    assert handed == []


def test_reverse_serves_from_memory_and_says_what(call: Call, handed: list[Handed]) -> None:
    result = call("reverse", "127.0.0.1:8080", "/service1=localhost:3001", "/=3002")
    assert result.exit_code == 0, result.output
    (over,) = handed
    assert (over.options.references, over.options.control, over.options.show) == ((), "", True)
    assert {upstream["endpoints"][0]["address"] for upstream in json.loads(over.compiled.plan or "")["upstreams"]} == {
        "localhost:3001",
        "localhost:3002",
    }


def test_balance_says_its_layer_and_saves(call: Call, handed: list[Handed], folder: Path) -> None:
    result = call("balance", "127.0.0.1:1025", "smtp1:25", "smtp2:25", "--save", "mail.yaml")
    assert result.exit_code == 0, result.output
    assert "layer 4" in result.stderr
    assert handed[0].options.references == ("mail.yaml",)
    assert call("check", "mail.yaml").exit_code == 0
    again = call("balance", "127.0.0.1:1025", "http://localhost:1", "--save", "mail.yaml")
    assert again.exit_code == 1
    assert "layer 7" in again.stderr
    assert "exists already" in again.stderr
    assert "smtp1" in (folder / "mail.yaml").read_text(), "a file that exists is left alone"


def test_reverse_refuses_nonsense(call: Call, handed: list[Handed]) -> None:
    assert call("reverse", "127.0.0.1:8080", "/service1").exit_code == 2
    assert handed == []
