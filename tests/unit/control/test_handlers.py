"""Handler processes as the control loop sees them: started, healed, replaced and ended; on a clock of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.control.handlers import crew as crew_module
from glorieta.control.handlers import keeper as keeper_module
from glorieta.control.handlers import launching
from glorieta.control.handlers.crew import FIRST_PAUSE, LASTING, LONGEST_PAUSE, START_SECONDS, Crew
from glorieta.control.handlers.keeper import LOOK_SECONDS, MOST_LEAVING, STAND_IN_SECONDS, Keeper

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]


class FakeSelector:
    def __init__(self) -> None:
        self.registered: dict[Any, Callable[[Any], None]] = {}

    def register(self, what: Any, _: int, call: Callable[[Any], None]) -> None:
        assert what not in self.registered
        self.registered[what] = call

    def unregister(self, what: Any) -> None:
        del self.registered[what]

    def get_map(self) -> dict[Any, Any]:
        return self.registered


class FakeEngine:
    def __init__(self) -> None:
        self.ready: list[int] = []
        self.calls: dict[int, int] = {}
        self.broken: list[tuple[int, str]] = []
        self.silent: list[tuple[int, bool, float]] = []
        self.lent: list[tuple[int, str]] = []
        self.left: list[int] = []
        self.lingering: dict[int, int] = {}

    def handlers_lend(self, number: int, generation: str) -> None:
        self.lent.append((number, generation))

    def handlers_leave(self, number: int) -> None:
        self.left.append(number)

    def silent_handlers(self) -> list[tuple[int, bool, float]]:
        taken, self.silent = self.silent, []
        return taken

    def handlers_ready(self, number: int) -> bool:
        self.ready.append(number)
        return True

    def handler_stats(self) -> list[Document]:
        return [
            {"process": number, "calls": calls, "lingering": self.lingering.get(number, 0)}
            for number, calls in self.calls.items()
        ]

    def handler_alarm(self) -> int:
        return 1000

    def broken_handlers(self) -> list[tuple[int, str]]:
        taken, self.broken = self.broken, []
        return taken


class FakeMember:
    """A process that says and does what a test wants."""

    made: list[FakeMember]
    refuse = False

    def __init__(self, engine: FakeEngine, launch: Document, *, strict: bool = True, as_json: bool = False) -> None:
        if FakeMember.refuse:
            raise OSError(24, "Too many open files")
        self.number = len(FakeMember.made) + 1
        self.launch, self.strict = launch, strict
        self.ready, self.ended, self.lifeline = f"ready {self.number}", f"ended {self.number}", os.open(os.devnull, 0)
        self.is_ready = self.is_leaving = False
        self.said: list[Document] | None = None
        self.signals: list[int] = []
        self.forgotten = False
        self.process = SimpleNamespace(pid=self.number, wait=lambda _=None: 0, poll=lambda: 0)
        FakeMember.made.append(self)

    def hear(self) -> bool:
        return True

    def problems(self) -> list[Document]:
        return [{"path": "handlers", "message": "ended early"}] if self.said is None else self.said

    def signal(self, number: int) -> None:
        self.signals.append(number)

    def how_it_ended(self) -> str:
        return "with exit code 1"

    def forget(self) -> None:
        assert not self.forgotten
        self.forgotten = True
        os.close(self.lifeline)


class Stage:
    """A keeper, and everything around it that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        FakeMember.made, FakeMember.refuse = [], False
        self.now = 100.0
        for module in (crew_module, keeper_module):
            monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(crew_module, "Member", FakeMember)
        self.engine, self.selector = FakeEngine(), FakeSelector()
        self.events: list[tuple[str, str]] = []
        self.done: list[list[Document]] = []
        speaker: Any = SimpleNamespace(as_json=False, event=lambda kind, text, **_: self.events.append((kind, text)))
        self.speaker = speaker
        engine, selector = self.engine, self.selector
        self.keeper = Keeper(engine, selector, speaker)  # type: ignore[arg-type]

    def crew(self, processes: int = 1) -> Crew:
        made = Crew(self.engine, launch("one", processes), self.selector, self.speaker, self.done.append)  # type: ignore[arg-type]
        made.start(self.now)
        return made

    def says(self, number: int, problems: list[Document] | None = None) -> None:
        """A process says that it is ready, or why it is not."""
        self.member(number).said = problems or []
        self.selector.registered[f"ready {number}"](None)

    def ends(self, number: int) -> None:
        self.selector.registered[f"ended {number}"](None)

    def member(self, number: int) -> FakeMember:
        return FakeMember.made[number - 1]

    def pass_time(self, seconds: float) -> None:
        """As the loop does: never past a moment at which something is due."""
        end = self.now + seconds
        while True:
            due = self.keeper.due(self.now)
            if due is None or self.now + due > end:
                break
            self.now += due
            self.keeper.tick(self.now)
            if due == 0.0:
                self.now += 0.001
        self.now = max(self.now, end)

    def serve(self, generation: str, processes: int = 1, routes: str = "same") -> None:
        """Prepares, has the first be ready or all that are wanted before, and adopts."""
        first = len(FakeMember.made) + 1
        plan = launch(generation, processes, routes)
        self.keeper.prepare(plan, self.done.append)
        for number in range(first, len(FakeMember.made) + 1):
            self.says(number)
        assert self.done.pop() == []
        self.keeper.adopt(plan)


LEAVE_SECONDS = 3600.0


def launch(generation: str, processes: int = 1, routes: str = "same") -> Document:
    applications = [{"id": "shop.py:router", "fingerprint": routes}]
    how = {"processes": processes, "threads": 1, "leave_ms": int(LEAVE_SECONDS * 1000)}
    return {"generation": generation, **how, "applications": applications, "files": {}}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_a_crew_is_prepared_when_all_its_processes_are_ready(stage: Stage) -> None:
    crew = stage.crew(2)
    stage.says(1)
    assert stage.done == []
    stage.says(2)
    assert stage.done == [[]]
    assert stage.engine.ready == [1, 2]
    assert crew.due(stage.now) is None
    assert all(member.strict for member in FakeMember.made), "nothing but the Plan's own code begins to serve"


def test_the_first_processes_of_all_take_code_as_it_is(stage: Stage) -> None:
    stage.keeper.prepare(launch("one"), stage.done.append, strict=False)
    assert not stage.member(1).strict


def test_one_that_cannot_serve_ends_the_others_and_its_reason_is_told(stage: Stage) -> None:
    stage.crew(2)
    stage.says(1)
    reason = [{"path": "shop.py:1", "message": "no"}]
    stage.says(2, reason)
    assert stage.done == [reason]
    assert stage.member(1).signals == [signal.SIGKILL]
    stage.ends(1)
    stage.ends(2)
    assert stage.events == []
    assert stage.selector.registered == {}
    assert all(member.forgotten for member in FakeMember.made)


def test_one_that_ends_before_the_others_are_ready_is_no_success(stage: Stage) -> None:
    stage.crew(2)
    stage.says(1)
    stage.ends(1)
    ((problem,),) = stage.done
    assert problem["message"] == "a handler process has ended with exit code 1 before all of them were ready"


def test_what_a_process_has_said_counts_for_nothing_once_it_has_ended(stage: Stage) -> None:
    stage.crew()
    said = stage.selector.registered["ready 1"]
    stage.ends(1)
    said(None)
    assert stage.engine.ready == []
    assert len(stage.done) == 1


def test_a_process_that_is_never_ready_is_given_up(stage: Stage) -> None:
    crew = stage.crew()
    assert crew.due(stage.now) == START_SECONDS
    crew.tick(stage.now + START_SECONDS)
    ((problem,),) = stage.done
    assert problem["message"] == "a handler process was not ready after 30 s and was given up"


def test_no_process_at_all_is_told(stage: Stage) -> None:
    FakeMember.refuse = True
    stage.crew()
    ((problem,),) = stage.done
    assert "Too many open files" in problem["message"]


def test_one_that_ends_by_itself_is_replaced(stage: Stage) -> None:
    stage.serve("one")
    for number in range(1, 10):
        stage.ends(number)
        stage.pass_time(LONGEST_PAUSE + 1)
        assert len(FakeMember.made) == number + 1
        assert not stage.member(number + 1).strict, "changed code is better than none"
        stage.says(number + 1)
    assert [kind for kind, _ in stage.events] == ["handler-ended"] * 9
    assert "has ended with exit code 1; another one is started" in stage.events[0][1]


def test_the_pause_doubles_up_to_a_limit_and_begins_anew_after_one_that_lasted(stage: Stage) -> None:
    stage.serve("one")
    crew = stage.keeper.serving
    assert crew is not None
    waits = []
    for number in range(1, 10):
        stage.ends(number)
        waits.append(crew.due(stage.now))
        stage.now += crew.due(stage.now) or 0
        stage.keeper.tick(stage.now)
        stage.says(number + 1)
    assert waits == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10])
    stage.now += LASTING
    stage.ends(10)
    assert crew.due(stage.now) == pytest.approx(FIRST_PAUSE)


def test_one_that_cannot_be_replaced_leaves_the_others_alone_and_is_tried_again(stage: Stage) -> None:
    stage.serve("one", 2)
    stage.ends(1)
    FakeMember.refuse = True
    stage.pass_time(1)
    assert stage.member(2).signals == []
    assert "cannot be started" in stage.events[-1][1]
    FakeMember.refuse = False
    stage.pass_time(LONGEST_PAUSE)
    assert len(FakeMember.made) == 3


def test_new_code_is_ready_before_the_old_one_leaves_and_that_finishes_what_it_has(stage: Stage) -> None:
    stage.serve("one", 2)
    stage.engine.calls = {1: 1, 2: 0}
    new = launch("two")
    stage.keeper.prepare(new, stage.done.append)
    assert stage.done == []
    assert stage.member(1).signals == []
    stage.says(3)
    assert stage.done == [[]]
    stage.keeper.adopt(new)
    stage.pass_time(LOOK_SECONDS * 1.5)
    assert (stage.member(1).signals, stage.member(2).signals) == ([], [signal.SIGTERM])
    stage.ends(2)
    stage.engine.calls = {1: 0}
    stage.pass_time(LOOK_SECONDS * 1.5)
    assert stage.member(1).signals == [signal.SIGTERM]
    stage.ends(1)
    stage.pass_time(LOOK_SECONDS * 1.5)
    assert stage.keeper.leaving == {}
    assert stage.keeper.due(stage.now) is None, "an idle loop is not woken"
    assert stage.events == []


def test_what_does_not_leave_is_told_to_and_then_killed(stage: Stage) -> None:
    stage.serve("one")
    stage.engine.calls = {1: 1}
    stage.serve("two")
    stage.pass_time(LEAVE_SECONDS - 1)
    assert stage.member(1).signals == []
    stage.pass_time(1.2)
    assert stage.member(1).signals == [signal.SIGTERM]
    stage.pass_time(keeper_module.END_SECONDS + 1)
    assert signal.SIGKILL in stage.member(1).signals


def test_work_after_an_answer_keeps_a_process_as_a_request_does(stage: Stage) -> None:
    stage.serve("one")
    stage.engine.calls, stage.engine.lingering = {1: 0}, {1: 1}
    stage.serve("two")
    stage.pass_time(60)
    assert stage.member(1).signals == []
    stage.engine.lingering = {}
    stage.pass_time(LOOK_SECONDS * 1.5)
    assert stage.member(1).signals == [signal.SIGTERM]


def test_processes_of_the_same_routes_are_replaced_one_at_a_time(stage: Stage) -> None:
    stage.serve("one", 3)
    stage.engine.calls = {1: 1, 2: 1, 3: 1}
    stage.serve("two", 3)
    assert len(FakeMember.made) == 5, "the Plan is applied with the first, and the second is on its way"
    assert stage.engine.lent == [(1, "two"), (2, "two"), (3, "two")]
    assert stage.engine.left == [1]
    stage.pass_time(LOOK_SECONDS * 2)
    assert stage.member(2).signals == [], "one that stands in does not leave"
    stage.says(5)
    assert (stage.engine.left, len(FakeMember.made)) == ([1, 2], 6)
    stage.says(6)
    assert (stage.engine.left, len(FakeMember.made)) == ([1, 2, 3], 6)
    stage.engine.calls = {}
    stage.pass_time(LOOK_SECONDS * 2)
    assert stage.member(2).signals == stage.member(3).signals == [signal.SIGTERM]


def test_another_new_code_in_the_middle_goes_on_with_what_there_is(stage: Stage) -> None:
    stage.serve("one", 2)
    stage.serve("two", 2)
    assert (stage.engine.left, len(FakeMember.made)) == ([1], 4)
    stage.serve("three", 2)
    # 1 leaves; 2 and 3 stand in, of whom the older goes with the first new one; 4 was not ready, and does not come.
    assert stage.engine.left == [1, 2]
    assert stage.engine.lent[1:] == [(2, "two"), (2, "three"), (3, "three")]
    assert len(FakeMember.made) == 6
    stage.says(6)
    assert stage.engine.left == [1, 2, 3]


def test_a_new_process_that_does_not_come_is_tried_again_and_old_ones_stand_in(stage: Stage) -> None:
    stage.serve("one", 2)
    stage.serve("two", 2)
    stage.ends(4)
    stage.pass_time(LONGEST_PAUSE)
    assert (stage.engine.left, len(FakeMember.made)) == ([1], 5)
    stage.says(5)
    assert stage.engine.left == [1, 2]


def test_old_processes_do_not_stand_in_for_ever(stage: Stage) -> None:
    stage.serve("one", 3)
    stage.serve("two", 3)
    stage.pass_time(START_SECONDS - 1)
    stage.says(5)
    stage.pass_time(STAND_IN_SECONDS - 1)
    assert stage.engine.left == [1, 2], "each that comes gives the next one time"
    stage.pass_time(2)
    assert stage.engine.left == [1, 2, 3]
    stage.pass_time(LOOK_SECONDS * 2)
    assert stage.member(3).signals == [signal.SIGTERM]


def test_an_old_process_that_ends_while_it_stands_in_is_not_missed(stage: Stage) -> None:
    stage.serve("one", 2)
    stage.serve("two", 2)
    stage.ends(2)
    stage.says(4)
    assert stage.engine.left == [1]
    assert len(FakeMember.made) == 4


def test_where_routes_differ_all_new_processes_come_first(stage: Stage) -> None:
    stage.serve("one", 2)
    stage.serve("two", 2, routes="others")
    assert len(FakeMember.made) == 4
    assert (stage.engine.lent, stage.engine.left) == ([], [])
    stage.pass_time(LOOK_SECONDS * 1.5)
    assert stage.member(1).signals == stage.member(2).signals == [signal.SIGTERM]


def test_fewer_processes_need_no_more_to_stand_in(stage: Stage) -> None:
    stage.serve("one", 3)
    stage.serve("two", 1)
    assert stage.engine.left == [1, 2, 3]
    assert len(FakeMember.made) == 4


def test_of_many_generations_that_leave_the_oldest_goes(stage: Stage) -> None:
    for generation in range(MOST_LEAVING + 2):
        stage.serve(str(generation))
        stage.engine.calls[generation + 1] = 1
    stage.pass_time(LOOK_SECONDS * 1.5)
    assert [member.signals for member in FakeMember.made[:2]] == [[signal.SIGTERM], []]


def test_a_process_that_gives_no_sign_is_told_of_and_so_is_its_return(stage: Stage) -> None:
    stage.serve("one")
    stage.engine.silent = [(1, False, 0.16), (7, False, 0.2)]
    stage.selector.registered[1000](None)
    stage.engine.silent = [(1, True, 2.5)]
    stage.selector.registered[1000](None)
    (first, what), (second, back) = stage.events
    assert (first, second) == ("handler-silent", "handler-heard")
    assert what.startswith("handler process 1 has given no sign for 160 ms; code that is not Python's")
    assert "there is no stack, because" in what
    assert back == "handler process 1 gives signs again, after 2500 ms"


def test_one_that_ends_by_itself_while_it_leaves_is_told_of_and_not_replaced(stage: Stage) -> None:
    stage.serve("one")
    stage.engine.calls = {1: 1}
    stage.serve("two")
    stage.ends(1)
    stage.pass_time(LONGEST_PAUSE)
    assert len(FakeMember.made) == 2
    assert stage.events == [("handler-ended", "handler process 1 has ended with exit code 1")]


def test_the_same_code_needs_no_other_processes_wherever_it_lies(stage: Stage) -> None:
    stage.serve("one")
    elsewhere = launch("one") | {"files": {"/elsewhere/shop.py": "x"}}
    stage.keeper.prepare(elsewhere, stage.done.append)
    assert stage.done == [[]]
    stage.keeper.adopt(elsewhere)
    assert len(FakeMember.made) == 1
    assert stage.keeper.leaving == {}


def test_a_plan_without_handlers_lets_all_leave(stage: Stage) -> None:
    stage.serve("one")
    stage.keeper.prepare(None, stage.done.append)
    assert stage.done == [[]]
    stage.keeper.adopt(None)
    stage.pass_time(LOOK_SECONDS * 1.5)
    assert stage.member(1).signals == [signal.SIGTERM]
    assert stage.keeper.serving is None


def test_what_is_coming_goes_when_another_configuration_comes(stage: Stage) -> None:
    stage.serve("one")
    told: list[list[Document]] = []
    stage.keeper.prepare(launch("two"), told.append)
    stage.keeper.prepare(launch("three"), stage.done.append)
    assert told == [[{"path": "handlers", "message": "another configuration came in between"}]]
    assert stage.member(2).signals == [signal.SIGKILL]
    stage.ends(2)
    stage.says(3)
    assert stage.done == [[]]
    assert stage.member(1).signals == []


def test_a_process_that_says_what_cannot_be_is_killed_and_replaced(stage: Stage) -> None:
    stage.serve("one")
    stage.engine.broken = [(1, "an unknown message")]
    stage.selector.registered[1000](None)
    assert stage.member(1).signals == [signal.SIGKILL]
    assert stage.events == [("handler-broken", "handler process 1 is ended: an unknown message")]
    stage.ends(1)
    stage.pass_time(1)
    assert len(FakeMember.made) == 2


def test_closing_ends_all_of_them(stage: Stage) -> None:
    stage.serve("one", 2)
    stage.keeper.prepare(launch("two"), stage.done.append)
    stage.keeper.close()
    assert [member.signals for member in FakeMember.made] == [[signal.SIGTERM]] * 3
    assert stage.done == []


# The processes themselves.


class Descriptors:
    """An engine that has descriptors to give."""

    def __init__(self) -> None:
        self.gone: list[int] = []

    def handler_process(self, _: list[str], __: str) -> tuple[int, int, int, list[int]]:
        return 7, os.open(os.devnull, 0), os.open(os.devnull, 0), [os.open(os.devnull, 0)]

    def handler_gone(self, number: int) -> None:
        self.gone.append(number)


def open_descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("failing", ["Popen", "pidfd_open"])
def test_a_process_that_cannot_be_started_leaves_nothing_behind(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def start(*_: Any, **options: Any) -> subprocess.Popen[bytes]:
        if failing == "Popen":
            raise OSError(11, "Resource temporarily unavailable")
        started.append(popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=options["stdin"]))
        return started[-1]

    def refuse(_: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(launching.subprocess, "Popen", start)
    monkeypatch.setattr(launching.os, "pidfd_open", refuse)
    engine = Descriptors()
    before = open_descriptors()
    with pytest.raises(OSError, match=r"unavailable|Too many"):
        launching.Member(engine, launch("one"))  # type: ignore[arg-type]
    assert open_descriptors() == before
    assert engine.gone == [7]
    assert [process.returncode for process in started] == [-signal.SIGKILL] * len(started)


def test_a_process_that_ends_without_a_word_is_not_ready() -> None:
    member = launching.Member.__new__(launching.Member)
    member.said = bytearray(b'{"prob')
    (problem,) = member.problems()
    assert problem["message"] == "the handler process has ended before it was ready; see the log"
