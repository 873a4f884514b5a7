"""The processes of one generation of code."""

from __future__ import annotations

import selectors
import signal
import time
from typing import TYPE_CHECKING

from .launching import Member

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...engine import Engine
    from ..channel import Document
    from ..say import Speaker

START_SECONDS = 30.0
"""A process that is not ready by then is given up: its lifespan may wait for something that never comes."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
"""Seconds before a process that has ended by itself is replaced; doubled each time that the next one does not last."""
LASTING = 10.0
"""A process that was ready for so many seconds was no failure of its start."""


class Crew:
    """`prepared` is called once: with nothing when all are ready, or with why one cannot."""

    def __init__(
        self,
        engine: Engine,
        launch: Document,
        selector: selectors.BaseSelector,
        speaker: Speaker,
        prepared: Callable[[list[Document]], None],
        *,
        strict: bool = True,
    ) -> None:
        """`strict`: the first processes serve no other code than the Plan was made of."""
        self.engine = engine
        self.launch = launch
        self.selector = selector
        self.speaker = speaker
        self.prepared: Callable[[list[Document]], None] | None = prepared
        self.strict = strict
        self.grown: Callable[[float], None] = lambda now: None
        """Called when one more is ready that was started later."""
        self.members: dict[Member, float] = {}
        """With the moment at which each was started, or became ready."""
        self.restarts: list[float] = []
        """When ended processes are to be replaced."""
        self.pause = FIRST_PAUSE
        self.is_leaving = False
        """Whether nobody replaces those that end."""

    @property
    def generation(self) -> str:
        generation: str = self.launch["generation"]
        return generation

    def start(self, now: float, *, all_at_once: bool = True) -> None:
        """Starts all, or the first of them, which `grow` follows. What fails is told to `prepared`."""
        for _ in range(self.launch["processes"] if all_at_once else 1):
            try:
                self.add(self.member(strict=self.strict), now)
            except OSError as error:
                self.fail([{"path": "handlers", "message": f"a handler process cannot be started: {error}"}])
                return

    def member(self, *, strict: bool) -> Member:
        """Starts a process. `OSError`: it cannot be started."""
        return Member(self.engine, self.launch, strict=strict, as_json=self.speaker.as_json)

    def add(self, member: Member, now: float) -> None:
        self.members[member] = now
        self.selector.register(member.ready, selectors.EVENT_READ, lambda _: self.heard(member))
        self.selector.register(member.ended, selectors.EVENT_READ, lambda _: self.over(member))

    def heard(self, member: Member) -> None:
        """A process has said something on its way to being ready."""
        if member not in self.members or not member.hear():
            # It has ended in the same moment, and all that it had is closed.
            return
        self.selector.unregister(member.ready)
        if member.is_leaving:
            return
        if problems := member.problems():
            if self.prepared:
                self.fail(problems)
            return
        member.is_ready = True
        self.engine.handlers_ready(member.number)
        self.members[member] = time.monotonic()
        if not self.prepared:
            self.grown(self.members[member])
        elif all(each.is_ready for each in self.members):
            self.tell([])

    def over(self, member: Member) -> None:
        """A process has ended."""
        self.selector.unregister(member.ended)
        if not member.is_ready and member.ready in self.selector.get_map():
            self.selector.unregister(member.ready)
            member.hear()
        since = self.members.pop(member)
        how = member.how_it_ended()
        problems = [] if member.is_ready else member.problems()
        member.forget()
        if member.is_leaving:
            return
        if self.prepared:
            early = f"a handler process has ended {how} before all of them were ready"
            self.fail(problems or [{"path": "handlers", "message": early}])
        elif self.is_leaving:
            self.say_ended(member, how, "", problems)
        else:
            self.heal(member, how, problems, since)

    def heal(self, member: Member, how: str, problems: list[Document], since: float) -> None:
        """Another one takes the place of a process that has ended by itself."""
        now = time.monotonic()
        lasted = member.is_ready and now - since >= LASTING
        self.pause = FIRST_PAUSE if lasted else min(self.pause * 2, LONGEST_PAUSE)
        self.restarts.append(now + self.pause)
        self.say_ended(member, how, "; another one is started", problems)

    def say_ended(self, member: Member, how: str, rest: str, problems: list[Document]) -> None:
        why = "".join(f"\n{each['path']}: {each['message']}" for each in problems)
        text = f"handler process {member.process.pid} has ended {how}{rest}{why}"
        self.speaker.event("handler-ended", text, pid=member.process.pid, how=how, problems=problems)

    def due(self, now: float) -> float | None:
        waits = [start + START_SECONDS - now for each, start in self.members.items() if not each.is_ready]
        waits += [moment - now for moment in self.restarts]
        return max(0.0, min(waits)) if waits else None

    def tick(self, now: float) -> None:
        while self.restarts and min(self.restarts) <= now:
            self.restarts.remove(min(self.restarts))
            self.replace(now)
        for member, start in list(self.members.items()):
            if not member.is_ready and now - start >= START_SECONDS:
                message = f"a handler process was not ready after {START_SECONDS:.0f} s and was given up"
                if self.prepared:
                    self.fail([{"path": "handlers", "message": message}])
                else:
                    self.members[member] = now
                    member.signal(signal.SIGKILL)

    def replace(self, now: float) -> None:
        """Starts one more. Code that has changed meanwhile is better than none: whoever watches files replaces it."""
        try:
            self.add(self.member(strict=False), now)
        except OSError as error:
            self.pause = min(self.pause * 2, LONGEST_PAUSE)
            self.restarts.append(now + self.pause)
            text = f"a handler process cannot be started: {error}; it is tried again"
            self.speaker.event("handler-failed", text, why=str(error))

    def grow(self, now: float) -> None:
        """Starts one more where there are too few, and none is on its way."""
        is_whole = len(self.members) + len(self.restarts) >= self.launch["processes"]
        if not is_whole and all(each.is_ready for each in self.members):
            self.replace(now)

    def fail(self, problems: list[Document]) -> None:
        """This generation does not come."""
        self.end(signal.SIGKILL)
        self.tell(problems)

    def tell(self, problems: list[Document]) -> None:
        if (prepared := self.prepared) is not None:
            self.prepared = None
            prepared(problems)

    def leave(self) -> None:
        """What it has is finished, and nobody is replaced any more."""
        self.is_leaving = True
        self.restarts.clear()

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Has all of them end."""
        self.leave()
        for member in self.members:
            member.is_leaving = True
            member.signal(number)
