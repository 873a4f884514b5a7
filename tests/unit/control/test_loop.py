"""The control loop with an engine that only takes notes: signals, files, the socket, and what is refused."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from glorieta.control import reload
from glorieta.control.channel import ask
from glorieta.control.compiled import Compiled, refusal
from glorieta.control.history import unpack
from glorieta.control.loop import ControlLoop
from glorieta.control.serve import Options
from glorieta.control.signals import Signals
from glorieta.control.signatures import matches, signatures
from glorieta.engine import PlanRefused

LONGEST = 10.0


class NotingEngine:
    """What the control loop asks of an engine."""

    def __init__(self) -> None:
        self.applied: list[str] = []
        self.refuses: list[tuple[str, str]] = []
        self.idle = True
        self.reopened = 0
        self.counted = 0
        self.aborted = threading.Event()
        self.finished = threading.Event()

    def apply(self, plan: str) -> None:
        if self.refuses:
            error = PlanRefused("refused")
            error.problems = self.refuses
            raise error
        self.applied.append(plan)

    def count_refused(self) -> None:
        self.counted += 1

    def addresses(self) -> dict[str, list[str]]:
        return {"web": ["127.0.0.1:8080"]}

    def admin_addresses(self) -> list[str]:
        return []

    def status(self) -> str:
        return '{"listeners": []}'

    def is_idle(self) -> bool:
        return self.idle

    def reopen_logs(self) -> None:
        self.reopened += 1

    def abort_drain(self) -> None:
        self.aborted.set()

    def drain(self, seconds: float | None = None) -> bool:
        """Until it is told that everything is finished, or to cut."""
        end = time.monotonic() + LONGEST
        while not self.idle and not self.finished.is_set() and time.monotonic() < end:
            if self.aborted.wait(0.01):
                return False
        return True


class ScriptedCompiler:
    """In the child's place: answers with the next result of a list, once it may; then it ends, or stays."""

    results: list[Compiled]
    early: list[Compiled]
    started: int
    went: int
    ahead: int
    """How often one was told to read ahead."""
    ended: int
    """How many were given up."""
    stays: bool
    fails: list[str]
    """What becomes of those that stay when they are asked again: `gone` or `killed`."""
    running: list[bytes]
    """What runs, each time that one was told to go."""
    may_end: threading.Event
    patience: float
    idle: float

    def __init__(self, arguments: list[str], now: float) -> None:
        type(self).started += 1
        self.deadline = now + self.idle
        self.works = self.told = self.over = self.replied = False
        self.answers = 0
        self.reader, self.writer = os.pipe()

    def read_ahead(self, now: float) -> None:
        type(self).ahead += 1
        self.deadline = now + self.idle

    def go(self, running: bytes, now: float) -> None:
        failure = self.fails.pop(0) if self.answers and self.fails else ""
        if failure == "gone":
            raise BrokenPipeError
        type(self).went += 1
        self.running.append(running)
        self.works, self.deadline = True, now + self.patience
        if self.early:
            os.write(self.writer, b"x")
        if failure == "killed":
            self.die()
        elif failure != "stopped":
            threading.Thread(target=self.end, daemon=True).start()

    def end(self) -> None:
        type(self).may_end.wait(LONGEST)
        if self.stays:
            os.write(self.writer, b".")
        else:
            self.die()

    def die(self) -> None:
        os.close(self.writer)

    def fileno(self) -> int:
        return self.reader

    def read(self) -> bool:
        said = os.read(self.reader, 1)
        self.over, self.replied = said == b"", said == b"."
        return self.over or self.replied

    @property
    def is_replaceable(self) -> bool:
        return self.answers > 0 and not self.told

    def plan(self) -> Compiled | None:
        """The Plan comes before the rest, where the test says so."""
        if self.told or not (self.early or self.replied or (self.over and not self.answers)):
            return None
        self.told = True
        first = self.early.pop(0) if self.early else self.results[0]
        return first if first.plan is not None else None

    def result(self, now: float) -> Compiled:
        self.works = self.told = self.replied = False
        self.deadline, self.answers = now + self.idle, self.answers + 1
        if self.over:
            os.close(self.reader)
        return self.results.pop(0)

    def give_up(self) -> Compiled:
        type(self).ended += 1
        os.close(self.reader)
        return refusal("given up")


class NotingSpeaker:
    as_json = False

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def event(self, event: str, text: str, **facts: Any) -> None:
        self.events.append((event, text, facts))

    def plain(self, text: str) -> None:
        """Only for a person."""

    def names(self) -> list[str]:
        return [event for event, _, _ in self.events]


class House:
    """A loop with everything around it; `meanwhile` runs beside it and ends it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "glorieta.yaml"
        self.file.write_text("1")
        self.control = folder / "x.control"
        self.engine = NotingEngine()
        self.speaker = NotingSpeaker()
        self.terminal = False
        self.trouble: list[BaseException] = []

    def compiled(self, plan: str, *secrets: Path) -> Compiled:
        return Compiled(
            plan=plan,
            version=f"version-{plan}",
            files=signatures(map(str, (self.file, *secrets))),
            secrets=signatures(map(str, secrets)),
            changes_text="~ it",
            summary=f"to {plan}",
        )

    def ask(self, question: str, **more: str) -> dict[str, Any]:
        return ask(self.control, {"do": question, **more}, LONGEST)

    def run(self, meanwhile: Callable[[], None], watch: bool = False, first: Compiled | None = None) -> bool:
        options = Options(
            (str(self.file),), str(self.file), -1, control=str(self.control), watch=watch, terminal=self.terminal
        )
        signals = Signals()
        first = first or self.compiled("first")
        loop = ControlLoop(self.engine, signals, options, first, self.speaker)  # type: ignore[arg-type]
        loop.listen()

        def act() -> None:
            try:
                meanwhile()
            except BaseException as error:
                self.trouble.append(error)
            finally:
                self.engine.finished.set()
                os.kill(os.getpid(), signal.SIGTERM)

        beside = threading.Thread(target=act)
        beside.start()
        cut = loop.run()
        beside.join()
        if self.trouble:
            raise self.trouble[0]
        return cut

    def wait(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + LONGEST
        while not condition():
            assert time.monotonic() < end, f"{what} did not happen; {self.speaker.events}"
            time.sleep(0.01)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(reload, "Compiler", ScriptedCompiler)
    ScriptedCompiler.results, ScriptedCompiler.early = [], []
    ScriptedCompiler.started = ScriptedCompiler.went = ScriptedCompiler.ended = ScriptedCompiler.ahead = 0
    ScriptedCompiler.stays, ScriptedCompiler.fails, ScriptedCompiler.running = False, [], []
    ScriptedCompiler.patience = ScriptedCompiler.idle = LONGEST
    ScriptedCompiler.may_end = threading.Event()
    ScriptedCompiler.may_end.set()
    before = {number: signal.getsignal(number) for number in (1, 2, 10, 15)}
    yield House(tmp_path)
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_reload_is_applied_and_answered_with_the_difference(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [house.compiled("second")]
        answer = house.ask("reload")
        assert (answer["result"], answer["version"], answer["text"]) == ("applied", "version-second", "~ it")
        assert house.ask("plan")["plan"] == "second"
        assert house.ask("status")["version"] == "version-second"

    house.run(meanwhile)
    assert house.engine.applied == ["second"]


def test_a_configuration_that_does_not_compile_is_refused_aloud_and_the_plan_stays(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [refusal("line 6 is wrong")]
        answer = house.ask("reload")
        assert (answer["result"], answer["version"], answer["text"]) == ("refused", "version-first", "line 6 is wrong")
        assert house.ask("plan")["plan"] == "first"

    house.run(meanwhile)
    assert (house.engine.applied, house.engine.counted) == ([], 1)
    assert any("line 6 is wrong" in text and "version-first stays" in text for _, text, _ in house.speaker.events)


def test_a_plan_that_the_engine_refuses_is_refused(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [house.compiled("second")]
        house.engine.refuses = [("listeners.web.bind", "is taken")]
        answer = house.ask("reload")
        assert answer["result"] == "refused"
        assert answer["problems"] == [{"path": "listeners.web.bind", "message": "is taken"}]
        assert house.ask("status")["version"] == "version-first"

    house.run(meanwhile)


def test_what_is_the_same_is_not_applied_again(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [house.compiled("first")]
        assert house.ask("reload")["result"] == "unchanged"

    house.run(meanwhile)
    assert house.engine.applied == []


def test_whoever_asks_during_a_reload_is_answered_by_another_one(house: House) -> None:
    """The child may have read the files before they were changed."""

    def meanwhile() -> None:
        ScriptedCompiler.may_end.clear()
        ScriptedCompiler.results = [house.compiled("second"), house.compiled("third")]
        answers: dict[str, Any] = {}
        askers = []
        for name in ("early", "late", "later"):
            askers.append(threading.Thread(target=lambda name=name: answers.update({name: house.ask("reload")})))
            askers[-1].start()
            time.sleep(0.15)
        assert ScriptedCompiler.started == 1
        ScriptedCompiler.may_end.set()
        for asker in askers:
            asker.join(LONGEST)
        assert answers["early"]["version"] == "version-second"
        assert answers["late"]["version"] == answers["later"]["version"] == "version-third"

    house.run(meanwhile)
    assert ScriptedCompiler.started == 2
    assert house.engine.applied == ["second", "third"]


def test_sighup_reloads_and_sigusr1_reopens_logs(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [house.compiled("second")]
        os.kill(os.getpid(), signal.SIGHUP)
        house.wait(lambda: house.engine.applied == ["second"], "the reload")
        os.kill(os.getpid(), signal.SIGUSR1)
        house.wait(lambda: house.engine.reopened == 1, "reopening")

    house.run(meanwhile)


def test_a_terminal_that_goes_away_ends_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glorieta.control.loop.os.isatty", lambda descriptor: False)
    house.terminal = True

    def meanwhile() -> None:
        os.kill(os.getpid(), signal.SIGHUP)
        house.wait(lambda: "ended" in house.speaker.names(), "the end")

    house.run(meanwhile)
    assert ScriptedCompiler.started == 0


def test_a_changed_file_reloads_also_after_a_refused_one(house: House) -> None:
    def meanwhile() -> None:
        wrong = refusal("wrong")
        ScriptedCompiler.results = [wrong, house.compiled("second")]
        house.file.write_text("wrong")
        house.wait(lambda: "refused" in house.speaker.names(), "the refusal")
        house.file.write_text("right again")
        house.wait(lambda: house.engine.applied == ["second"], "the reload")

    house.run(meanwhile, watch=True)


def test_without_watching_a_changed_file_is_left_alone(house: House) -> None:
    def meanwhile() -> None:
        house.file.write_text("another")
        time.sleep(0.8)

    house.run(meanwhile)
    assert ScriptedCompiler.started == 0


def test_a_child_that_takes_too_long_is_given_up(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.patience = 0.3
        ScriptedCompiler.may_end.clear()
        answer = ask(house.control, {"do": "reload"}, 5.0)
        assert (answer["result"], answer["text"]) == ("refused", "given up")

    house.run(meanwhile)


def test_an_unknown_question_is_answered(house: House) -> None:
    house.run(lambda: None if "error" in house.ask("dance") else pytest.fail("no error"))


def test_an_idle_engine_ends_at_once(house: House) -> None:
    began = time.monotonic()
    assert not house.run(lambda: None)
    assert time.monotonic() - began < 2.0
    assert "draining" not in house.speaker.names()
    assert not house.control.exists()


def test_a_busy_engine_drains_and_a_second_interrupt_cuts(house: House) -> None:
    def meanwhile() -> None:
        house.engine.idle = False
        os.kill(os.getpid(), signal.SIGINT)
        house.wait(lambda: "draining" in house.speaker.names(), "the drain")
        assert "error" in house.ask("reload")
        os.kill(os.getpid(), signal.SIGINT)
        house.wait(house.engine.aborted.is_set, "the cut")

    assert house.run(meanwhile)
    assert ("ended", {"complete": False}) in [(event, facts) for event, _, facts in house.speaker.events]


def test_what_is_under_way_is_finished_before_the_end(house: House) -> None:
    def meanwhile() -> None:
        house.engine.idle = False
        os.kill(os.getpid(), signal.SIGTERM)
        house.wait(lambda: "draining" in house.speaker.names(), "the drain")
        time.sleep(0.2)
        assert "ended" not in house.speaker.names()

    assert not house.run(meanwhile)
    assert not house.engine.aborted.is_set()
    assert ("ended", {"complete": True}) in [(event, facts) for event, _, facts in house.speaker.events]


def test_a_defect_of_ours_is_said_and_serving_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def reopen() -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(house.engine, "reopen_logs", reopen)

    def meanwhile() -> None:
        os.kill(os.getpid(), signal.SIGUSR1)
        house.wait(lambda: "defect" in house.speaker.names(), "a word about the defect")
        assert house.ask("status")["version"] == "version-first"

    house.run(meanwhile)
    _, text, facts = next(each for each in house.speaker.events if each[0] == "defect")
    assert facts["exception"].endswith("AttributeError: no such thing\n") and facts["exception"] in text


def test_the_child_starts_while_files_are_still_changing_and_reads_once_they_rest(house: House) -> None:
    def meanwhile() -> None:
        for number in range(8):
            house.file.write_text(f"half {number}")
            time.sleep(0.04)
            assert ScriptedCompiler.went == 0
        ScriptedCompiler.results = [house.compiled("second")]
        assert ScriptedCompiler.started == 1 and ScriptedCompiler.ahead > 0
        house.wait(lambda: house.engine.applied == ["second"], "the reload")

    house.run(meanwhile, watch=True)
    assert (ScriptedCompiler.started, ScriptedCompiler.went) == (1, 1)


def reload_twice(house: House) -> None:
    """By two questions, one after the other."""
    ScriptedCompiler.results = [house.compiled("second"), house.compiled("third")]
    assert house.ask("reload")["version"] == "version-second"
    assert house.ask("reload")["version"] == "version-third"


def test_a_child_that_stays_is_asked_again(house: House) -> None:
    ScriptedCompiler.stays = True
    house.run(lambda: reload_twice(house))
    assert (ScriptedCompiler.started, ScriptedCompiler.went, ScriptedCompiler.ended) == (1, 2, 1)
    assert [unpack(each) for each in ScriptedCompiler.running] == ["first", "second"]


def test_a_child_that_ends_with_its_answer_is_followed_by_another(house: House) -> None:
    house.run(lambda: reload_twice(house))
    assert (ScriptedCompiler.started, ScriptedCompiler.went, ScriptedCompiler.ended) == (2, 2, 0)


@pytest.mark.parametrize("failure", ["gone", "killed", "stopped"])
def test_a_child_that_stays_and_fails_is_replaced_within_the_reload(house: House, failure: str) -> None:
    ScriptedCompiler.stays, ScriptedCompiler.fails = True, [failure]
    ScriptedCompiler.patience = 1.0
    house.run(lambda: reload_twice(house))
    assert house.engine.applied == ["second", "third"]
    assert "refused" not in house.speaker.names()
    assert ScriptedCompiler.started == 2


def test_a_child_that_nobody_needs_is_ended(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [house.compiled("second"), house.compiled("third")]
        house.ask("reload")
        house.wait(lambda: ScriptedCompiler.ended == 1, "the end of the child")
        assert house.ask("reload")["version"] == "version-third"

    ScriptedCompiler.stays, ScriptedCompiler.idle = True, 0.2
    house.run(meanwhile)
    assert ScriptedCompiler.started == 2


def test_a_child_that_waits_and_dies_is_not_spoken_of(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[ScriptedCompiler] = []

    class Noted(ScriptedCompiler):
        def __init__(self, arguments: list[str], now: float) -> None:
            super().__init__(arguments, now)
            made.append(self)

    def meanwhile() -> None:
        ScriptedCompiler.results = [house.compiled("second"), house.compiled("third")]
        house.ask("reload")
        made[0].die()
        house.wait(lambda: Noted.ended == 1, "the end of the child")
        assert house.ask("reload")["version"] == "version-third"

    ScriptedCompiler.stays = True
    monkeypatch.setattr(reload, "Compiler", Noted)
    house.run(meanwhile)
    assert "refused" not in house.speaker.names()


@pytest.fixture
def spare(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every configuration is large, and a child for it is started at once."""
    monkeypatch.setattr(reload, "SPARE_BYTES", 0)
    monkeypatch.setattr(reload, "SPARE_SECONDS", 0.0)
    ScriptedCompiler.stays = True


@pytest.mark.usefixtures("spare")
def test_for_a_large_configuration_a_child_waits_before_anything_changes(house: House) -> None:
    def meanwhile() -> None:
        house.wait(lambda: ScriptedCompiler.started == 1, "the start of the child")
        assert (ScriptedCompiler.ahead, ScriptedCompiler.went) == (0, 0)
        ScriptedCompiler.results = [house.compiled("second")]
        house.file.write_text("2")
        house.wait(lambda: house.engine.applied == ["second"], "the reload")
        assert ScriptedCompiler.ahead > 0

    house.run(meanwhile, watch=True)
    assert (ScriptedCompiler.started, ScriptedCompiler.went) == (1, 1)


@pytest.mark.usefixtures("spare")
@pytest.mark.parametrize(("watch", "least"), [(True, 1 << 10), (False, 0)])
def test_no_child_waits_for_a_small_configuration_or_one_that_is_not_watched(
    house: House, monkeypatch: pytest.MonkeyPatch, watch: bool, least: int
) -> None:
    monkeypatch.setattr(reload, "SPARE_BYTES", least)
    # Each question is a turn of the loop, in which a child could have been started.
    house.run(lambda: [house.ask("status") for _ in range(3)] and None, watch=watch)
    assert ScriptedCompiler.started == 0


@pytest.mark.usefixtures("spare")
def test_a_child_that_nobody_needs_is_followed_by_one_that_has_read_nothing(house: House) -> None:
    def meanwhile() -> None:
        house.wait(lambda: ScriptedCompiler.started == 1, "the start of the child")
        ScriptedCompiler.results = [house.compiled("second")]
        house.ask("reload")
        house.wait(lambda: ScriptedCompiler.started == 2, "the start of another")
        assert (ScriptedCompiler.ended, ScriptedCompiler.went) == (1, 1)
        # That one has no reason to end.
        time.sleep(3 * ScriptedCompiler.idle)
        assert (ScriptedCompiler.ended, ScriptedCompiler.started) == (1, 2)

    ScriptedCompiler.idle = 0.1
    house.run(meanwhile, watch=True)


@pytest.mark.usefixtures("spare")
def test_a_child_that_dies_before_it_is_needed_is_missed_at_the_next_change_only(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[ScriptedCompiler] = []

    class Noted(ScriptedCompiler):
        def __init__(self, arguments: list[str], now: float) -> None:
            super().__init__(arguments, now)
            made.append(self)

    def meanwhile() -> None:
        house.wait(lambda: len(made) == 1, "the start of the child")
        made[0].die()
        house.wait(lambda: Noted.ended == 1, "the end of the child")
        for _ in range(3):
            house.ask("status")
        assert len(made) == 1
        ScriptedCompiler.results = [house.compiled("second")]
        assert house.ask("reload")["version"] == "version-second"

    monkeypatch.setattr(reload, "Compiler", Noted)
    house.run(meanwhile, watch=True)
    assert "refused" not in house.speaker.names()


def test_a_rollback_ends_the_child(house: House) -> None:
    """Its Plan, or what it keeps for the next one, is of files that nobody wants now."""

    def meanwhile() -> None:
        ScriptedCompiler.results = [house.compiled("second")]
        house.ask("reload")
        assert house.ask("rollback")["result"] == "rolled back"
        assert ScriptedCompiler.ended == 1

    ScriptedCompiler.stays = True
    house.run(meanwhile)


def test_several_files_that_change_together_are_one_reload(house: House) -> None:
    team = house.file.with_name("team.yaml")
    team.write_text("1")

    def meanwhile() -> None:
        for file in (house.file, team, house.file, team):
            file.write_text(f"{file.read_text()}.")
            time.sleep(0.03)
        second = house.compiled("second")
        second.files = signatures([str(house.file), str(team)])
        ScriptedCompiler.results = [second]
        house.wait(lambda: house.engine.applied == ["second"], "the reload")
        time.sleep(0.4)

    first = house.compiled("first")
    first.files = signatures([str(house.file), str(team)])
    house.run(meanwhile, watch=True, first=first)
    assert ScriptedCompiler.went == 1


def test_a_new_file_that_a_pattern_finds_reloads(house: House) -> None:
    pattern = f"{house.file.parent}/teams/*.yaml"
    (house.file.parent / "teams").mkdir()

    def meanwhile() -> None:
        (house.file.parent / "teams" / "new.yaml").write_text("1")
        second = house.compiled("second")
        second.globs = matches([pattern])
        ScriptedCompiler.results = [second]
        house.wait(lambda: house.engine.applied == ["second"], "the reload")

    first = house.compiled("first")
    first.globs = matches([pattern])
    house.run(meanwhile, watch=True, first=first)


def test_a_changed_secret_is_read_anew_though_the_plan_is_the_same(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("one")

    def meanwhile() -> None:
        house.wait(house.control.exists, "the control socket")
        secret.write_text("another")
        ScriptedCompiler.results = [house.compiled("first", secret)]
        house.wait(lambda: house.engine.applied == ["first"], "the secret's turn")
        ScriptedCompiler.results = [house.compiled("first", secret)]
        assert house.ask("reload")["result"] == "unchanged", "it was read"
        assert [each["version"] for each in house.ask("history")["plans"]] == ["version-first"]

    house.run(meanwhile, watch=True, first=house.compiled("first", secret))
    assert house.engine.applied == ["first"]
    assert ("secrets", "secrets read anew, plan version-first") in [each[:2] for each in house.speaker.events]


def roll_forward(house: House, *plans: str) -> None:
    for plan in plans:
        ScriptedCompiler.results = [house.compiled(plan)]
        assert house.ask("reload")["result"] == "applied"


def test_a_rollback_applies_what_ran_before(house: House) -> None:
    def meanwhile() -> None:
        roll_forward(house, "second", "third")
        answer = house.ask("rollback")
        assert answer == {
            "result": "rolled back", "version": "version-second", "number": 2, "from": "version-third",
            "files_differ": True,
        }  # fmt: skip
        assert house.ask("plan")["plan"] == "second"
        assert house.ask("plan", plan="version-third")["plan"] == "third"
        assert house.ask("status")["rolled_back"]
        assert house.ask("rollback", plan="3")["result"] == "rolled back"
        assert not house.ask("status")["rolled_back"], "it is what the files say"
        causes = [(each["version"], each["cause"], each["running"]) for each in house.ask("history")["plans"]]
        assert causes == [
            ("version-first", "start", False),
            ("version-second", "reload", False),
            ("version-third", "reload", False),
            ("version-second", "rollback", False),
            ("version-third", "rollback", True),
        ]

    house.run(meanwhile)
    assert house.engine.applied == ["second", "third", "second", "third"]


def test_a_rollback_is_whole_or_not_at_all(house: House) -> None:
    def meanwhile() -> None:
        roll_forward(house, "second")
        house.engine.refuses = [("listeners.old.bind", "is taken")]
        answer = house.ask("rollback")
        assert (answer["result"], answer["version"]) == ("refused", "version-second")
        assert "is taken" in answer["text"]
        assert not house.ask("status")["rolled_back"]

    house.run(meanwhile)
    assert any("the rollback was refused; plan version-second stays" in text for _, text, _ in house.speaker.events)


def test_nothing_to_go_back_to_is_said(house: House) -> None:
    def meanwhile() -> None:
        assert "no plan before version-first" in house.ask("rollback")["error"]
        assert "there are 1 (version-first)" in house.ask("rollback", plan="7")["error"]
        assert house.ask("rollback", plan="version-first")["result"] == "unchanged"
        assert "no plan" in house.ask("plan", plan="nix")["error"]

    house.run(meanwhile)
    assert house.engine.applied == []


def test_after_a_rollback_the_files_are_applied_when_they_change_again(house: House) -> None:
    def meanwhile() -> None:
        house.file.write_text("second")
        ScriptedCompiler.results = [house.compiled("second")]
        house.wait(lambda: house.engine.applied == ["second"], "the reload")
        house.ask("rollback")
        time.sleep(0.6)
        assert house.engine.applied == ["second", "first"], "the files came back by themselves"
        house.file.write_text("third, mended")
        ScriptedCompiler.results = [house.compiled("third")]
        house.wait(lambda: house.engine.applied[-1] == "third", "the mended file")
        assert not house.ask("status")["rolled_back"]

    house.run(meanwhile, watch=True)


def test_after_a_rollback_a_renewed_secret_does_not_bring_the_files_back(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("one")

    def meanwhile() -> None:
        ScriptedCompiler.results = [house.compiled("second", secret)]
        assert house.ask("reload")["result"] == "applied"
        house.ask("rollback")
        secret.write_text("two")
        house.wait(lambda: house.engine.applied[2:] == ["first"], "the secret's turn")
        assert house.ask("status")["version"] == "version-first"

    house.run(meanwhile, watch=True, first=house.compiled("first", secret))
    assert ScriptedCompiler.went == 1


def test_a_rollback_ends_a_reload_under_way(house: House) -> None:
    """Its result would undo the rollback."""

    def meanwhile() -> None:
        roll_forward(house, "second")
        ScriptedCompiler.may_end.clear()
        answers: list[dict[str, Any]] = []
        asker = threading.Thread(target=lambda: answers.append(house.ask("reload")))
        asker.start()
        house.wait(lambda: ScriptedCompiler.went == 2, "the child")
        assert house.ask("rollback")["result"] == "rolled back"
        asker.join(LONGEST)
        assert "a rollback came in between" in answers[0]["error"]
        ScriptedCompiler.may_end.set()

    house.run(meanwhile)
    assert house.engine.applied == ["second", "first"]


def test_a_reload_names_what_caused_it(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.results = [house.compiled("second")]
        os.kill(os.getpid(), signal.SIGHUP)
        house.wait(lambda: house.engine.applied == ["second"], "the reload")
        last = house.ask("history")["plans"][-1]
        assert (last["cause"], last["summary"]) == ("SIGHUP", "to second")

    house.run(meanwhile)
    assert any(text.startswith("reloaded (SIGHUP), plan version-second") for _, text, _ in house.speaker.events)


def test_a_plan_is_applied_while_the_child_still_compares_it(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.may_end.clear()
        second = house.compiled("second")
        ScriptedCompiler.early, ScriptedCompiler.results = [second], [second]
        os.kill(os.getpid(), signal.SIGHUP)
        house.wait(lambda: house.engine.applied == ["second"], "the reload")
        assert house.ask("status")["version"] == "version-second"
        assert "applied" not in house.speaker.names()
        ScriptedCompiler.may_end.set()
        house.wait(lambda: "applied" in house.speaker.names(), "the word of it")

    house.run(meanwhile)
    assert house.engine.applied == ["second"]
    assert any("~ it" in text for event, text, _ in house.speaker.events if event == "applied")


def test_a_rollback_takes_back_what_was_applied_and_not_yet_said(house: House) -> None:
    def meanwhile() -> None:
        ScriptedCompiler.may_end.clear()
        ScriptedCompiler.early = [house.compiled("second")]
        answers: list[dict[str, Any]] = []
        asker = threading.Thread(target=lambda: answers.append(house.ask("reload")))
        asker.start()
        house.wait(lambda: house.engine.applied == ["second"], "the reload")
        assert house.ask("rollback")["version"] == "version-first"
        asker.join(LONGEST)
        assert answers[0]["result"] == "applied"
        ScriptedCompiler.may_end.set()

    house.run(meanwhile)
    assert house.engine.applied == ["second", "first"]
    assert [event for event in house.speaker.names() if event in ("applied", "rolled-back")] == [
        "applied",
        "rolled-back",
    ]


def test_a_plan_that_the_engine_refuses_is_refused_with_the_places_that_the_child_found(house: House) -> None:
    def meanwhile() -> None:
        second = house.compiled("second")
        second.problems, second.problems_text = [{"line": 6}], "glorieta.yaml:6: no such thing"
        ScriptedCompiler.results = [second]
        house.engine.refuses = [("routes.web/x", "no such thing")]
        answer = house.ask("reload")
        assert (answer["result"], answer["text"]) == ("refused", "glorieta.yaml:6: no such thing")

    house.run(meanwhile)
