"""Reloads and rollbacks of configurations with handlers: processes first, then the Plan; or neither."""

from __future__ import annotations

import json
import os
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.control.compiled import Compiled, refusal
from glorieta.control.handlers import crew
from unit.control.test_loop import House, NotingEngine, ScriptedCompiler, house

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["house"]

WRONG = [{"path": "shop.py:3", "message": "no database"}]


class QuickMember:
    """A process that says at once whether it serves, and that ends when it is told to."""

    started: list[str]
    wrong: dict[str, list[dict[str, str]]]
    """What is in the way, by generation."""
    holding: list[QuickMember] | None
    """Those that have not said anything yet, if that is for the test to do."""
    alive: dict[int, str]

    def __init__(
        self, engine: NotingEngine, launch: dict[str, Any], *, strict: bool = True, as_json: bool = False
    ) -> None:
        self.generation = launch["generation"]
        assert strict == (self.generation != "one" or "one" in QuickMember.started), "nothing serves at the start"
        QuickMember.started.append(self.generation)
        self.number = len(QuickMember.started)
        QuickMember.alive[self.number] = self.generation
        self.is_ready = self.is_leaving = False
        self.ready, self.saying = os.pipe()
        self.ended, self.living = os.pipe()
        self.lifeline = os.open(os.devnull, os.O_RDONLY)
        self.said = b""
        self.process = SimpleNamespace(pid=self.number, wait=lambda _=None: 0, poll=lambda: 0)
        if QuickMember.holding is None:
            self.say()
        else:
            QuickMember.holding.append(self)

    def say(self) -> None:
        os.write(self.saying, json.dumps({"problems": QuickMember.wrong.get(self.generation, [])}).encode())
        os.close(self.saying)

    def hear(self) -> bool:
        self.said += os.read(self.ready, 65536)
        return True

    def problems(self) -> list[dict[str, str]]:
        problems: list[dict[str, str]] = json.loads(self.said)["problems"]
        return problems

    def signal(self, _: signal.Signals) -> None:
        if QuickMember.alive.pop(self.number, None):
            os.close(self.living)

    def how_it_ended(self) -> str:
        return "with exit code 0"

    def forget(self) -> None:
        for descriptor in (self.ready, self.ended, self.lifeline):
            os.close(descriptor)


@pytest.fixture(autouse=True)
def members(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[QuickMember]]:
    QuickMember.started, QuickMember.wrong, QuickMember.holding, QuickMember.alive = [], {}, None, {}
    monkeypatch.setattr(crew, "Member", QuickMember)
    alarm, other = os.pipe()
    for name, value in {
        "handlers_ready": lambda *_: True,
        "handler_stats": lambda _: [],
        "handler_alarm": lambda _: alarm,
        "broken_handlers": lambda _: [],
        "silent_handlers": lambda _: [],
        "handlers_lend": lambda *_: None,
        "handlers_leave": lambda *_: None,
    }.items():
        monkeypatch.setattr(NotingEngine, name, value, raising=False)
    yield QuickMember
    os.close(alarm)
    os.close(other)


def compiled(house: House, plan: str, generation: str | None = None) -> Compiled:
    made = house.compiled(plan)
    if generation:
        how = {"processes": 1, "threads": 1, "leave_ms": 60_000}
        made.launch = {"generation": generation, **how, "applications": [], "files": {}}
    return made


def run(house: House, meanwhile: Callable[[], None], first: Compiled) -> None:
    """As `serve` does: the handlers are begun before the loop goes round."""
    from glorieta.control import loop

    begin = loop.ControlLoop.run

    def begun(self: loop.ControlLoop) -> bool:
        self.begin(lambda: self.speaker.event("ready", ""))
        return begin(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.ControlLoop, "run", begun)
        house.run(meanwhile, first=first)


def alive() -> list[str]:
    return sorted(QuickMember.alive.values())


def test_a_plan_with_new_code_is_applied_when_its_processes_are_ready(house: House) -> None:
    def meanwhile() -> None:
        house.wait(lambda: "ready" in house.speaker.names(), "readiness")
        ScriptedCompiler.results = [compiled(house, "second", "two")]
        assert house.ask("reload")["result"] == "applied"
        house.wait(lambda: alive() == ["two"], "the old process's end")

    run(house, meanwhile, compiled(house, "first", "one"))
    assert house.engine.applied == ["second"]
    assert QuickMember.started == ["one", "two"]
    assert alive() == []


def test_code_that_cannot_serve_is_refused_and_what_runs_goes_on(house: House) -> None:
    def meanwhile() -> None:
        QuickMember.wrong = {"two": WRONG}
        ScriptedCompiler.results = [compiled(house, "second", "two"), compiled(house, "third", "three")]
        answer = house.ask("reload")
        assert (answer["result"], answer["problems"]) == ("refused", WRONG)
        assert house.ask("plan")["plan"] == "first"
        house.wait(lambda: alive() == ["one"], "the failed process's end")
        assert house.ask("reload")["version"] == "version-third"

    run(house, meanwhile, compiled(house, "first", "one"))
    assert house.engine.counted == 1


def test_a_plan_that_the_engine_refuses_takes_its_processes_with_it(house: House) -> None:
    def meanwhile() -> None:
        house.engine.refuses = [("listeners.web.bind", "is taken")]
        ScriptedCompiler.results = [compiled(house, "second", "two")]
        assert house.ask("reload")["result"] == "refused"
        house.wait(lambda: alive() == ["one"], "the end of what is not needed")

    run(house, meanwhile, compiled(house, "first", "one"))


def test_the_child_may_be_done_before_the_processes_are(house: House) -> None:
    def meanwhile() -> None:
        house.wait(lambda: "ready" in house.speaker.names(), "readiness")
        QuickMember.holding = []
        ScriptedCompiler.results = [compiled(house, "second", "two")]
        os.kill(os.getpid(), signal.SIGHUP)
        house.wait(lambda: QuickMember.holding, "the new process")
        house.wait(lambda: not ScriptedCompiler.results, "the end of the child")
        assert house.ask("plan")["plan"] == "first"
        for each in QuickMember.holding:
            each.say()
        house.wait(lambda: "applied" in house.speaker.names(), "the new Plan")

    run(house, meanwhile, compiled(house, "first", "one"))
    assert house.engine.applied == ["second"]


def test_a_child_that_is_given_up_gives_up_the_processes_of_its_plan(house: House) -> None:
    def meanwhile() -> None:
        house.wait(lambda: "ready" in house.speaker.names(), "readiness")
        QuickMember.holding = []
        ScriptedCompiler.patience = 0.3
        ScriptedCompiler.may_end.clear()
        ScriptedCompiler.early = [compiled(house, "second", "two")]
        assert house.ask("reload")["text"] == "given up"
        (process,) = QuickMember.holding
        process.say()
        house.wait(lambda: alive() == ["one"], "the end of the process")
        ScriptedCompiler.may_end.set()

    run(house, meanwhile, compiled(house, "first", "one"))
    assert house.engine.applied == []


def test_a_rollback_has_its_processes_again(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [compiled(house, "second", "two"), compiled(house, "third")]
        house.ask("reload")
        house.ask("reload")
        house.wait(lambda: alive() == [], "no processes")
        assert house.ask("rollback")["result"] == "rolled back"
        house.wait(lambda: alive() == ["two"], "the process")

    run(house, meanwhile, compiled(house, "first", "one"))
    assert house.engine.applied == ["second", "third", "second"]


def test_a_rollback_whose_code_is_not_there_any_more_is_refused(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [compiled(house, "second", "two"), refusal("wrong")]
        house.ask("reload")
        QuickMember.wrong = {"one": WRONG}
        answer = house.ask("rollback")
        assert (answer["result"], answer["problems"]) == ("refused", WRONG)
        house.wait(lambda: alive() == ["two"], "nothing but what runs")
        assert house.ask("reload")["text"] == "wrong", "what follows is not mistaken for it"

    run(house, meanwhile, compiled(house, "first", "one"))
    assert house.engine.applied == ["second"]


def test_a_rollback_that_the_engine_refuses_leaves_no_processes(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [compiled(house, "second", "two")]
        house.ask("reload")
        house.engine.refuses = [("listeners.web.bind", "is taken")]
        assert house.ask("rollback")["result"] == "refused"
        house.wait(lambda: alive() == ["two"], "nothing but what runs")

    run(house, meanwhile, compiled(house, "first", "one"))


def test_handlers_that_cannot_serve_at_the_start_end_it(house: House, tmp_path: Path) -> None:
    QuickMember.wrong = {"one": WRONG}

    def meanwhile() -> None:
        house.wait(lambda: "refused" in house.speaker.names(), "the refusal")

    run(house, meanwhile, compiled(house, "first", "one"))
    assert "ready" not in house.speaker.names()
    assert any(event == "refused" and "shop.py:3: no database" in text for event, text, _ in house.speaker.events)
