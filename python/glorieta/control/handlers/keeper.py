"""Which processes answer: the crew that serves, the one that is coming, and those that are leaving.

New code means new processes. They are ready before a Plan that names them is applied, and the old ones are ended
when no request is with them any more; so a reload refuses nobody, and cuts no stream.

Where the new code has the same routes, processes are replaced one at a time: the Plan is applied as soon as the first
new one is ready, old ones stand in for those that are still missing, and each that comes lets one go. So there is never
more than one process too many. Where the routes differ, old processes cannot answer for the new Plan, and all new ones
come first.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import time
from typing import TYPE_CHECKING

from .crew import Crew

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...engine import Engine
    from ..channel import Document
    from ..say import Speaker
    from .launching import Member

LOOK_SECONDS = 0.1
"""How often to see whether a process that leaves still has requests."""
MOST_LEAVING = 8
"""Generations of code of which processes may be leaving; of the oldest beyond, requests are cut."""
STAND_IN_SECONDS = 60.0
"""How long old processes stand in for new ones when none of these comes: code that has been broken meanwhile does not
start, and two kinds of answers are worse than few processes."""
END_SECONDS = 10.0
"""How long processes may take to end when they have no requests any more: their lifespans have work to do."""

SILENT = (
    "code that is not Python's (an extension in C) holds its interpreter, or the system gives it no time; there is no "
    "stack, because nothing in the process can run that would tell it"
)


class Keeper:
    """Nothing of it costs anything as long as no Plan has handlers."""

    def __init__(self, engine: Engine, selector: selectors.BaseSelector, speaker: Speaker) -> None:
        self.engine = engine
        self.selector = selector
        self.speaker = speaker
        self.serving: Crew | None = None
        self.coming: Crew | None = None
        self.leaving: dict[Crew, float] = {}
        """With the moment at which each has to be gone."""
        self.lent: dict[Member, Crew] = {}
        """Processes of theirs that stand in for new ones; the first to go is first."""
        self.lent_until = 0.0
        self.next_look = 0.0
        self.alarm: int | None = None

    def prepare(self, launch: Document | None, done: Callable[[list[Document]], None], *, strict: bool = True) -> None:
        """Has the processes of a Plan ready; `done` is told what is in the way. At once, if they are there. `strict`:
        they serve no other code than the Plan was made of."""
        self.dismiss()
        if launch is None or self.is_serving(launch):
            done([])
            return
        try:
            self.watch_links()
        except OSError as error:
            done([{"path": "handlers", "message": f"handler processes cannot be watched: {error}"}])
            return
        self.coming = Crew(self.engine, launch, self.selector, self.speaker, done, strict=strict)
        self.coming.start(time.monotonic(), all_at_once=not self.can_stand_in(launch))

    def is_serving(self, launch: Document) -> bool:
        return self.serving is not None and self.serving.generation == launch["generation"]

    def can_stand_in(self, launch: Document) -> bool:
        """Whether the processes that serve have the same routes by the same numbers as others will have."""
        return self.serving is not None and routes_of(self.serving.launch) == routes_of(launch)

    def adopt(self, launch: Document | None) -> None:
        """The Plan with these handlers has been applied."""
        if launch is not None and self.serving is not None and self.is_serving(launch):
            self.serving.launch = launch
            return
        now, old = time.monotonic(), self.serving
        self.serving, self.coming = self.coming, None
        if old is not None:
            self.leaves(old, now)
            if self.serving is not None and routes_of(old.launch) == routes_of(self.serving.launch):
                self.lend(old, self.serving)
        if self.serving is not None:
            self.serving.grown = self.roll
        self.roll(now)

    def leaves(self, crew: Crew, now: float) -> None:
        """The processes of a crew end with what they have."""
        crew.leave()
        self.leaving[crew] = now + crew.launch["leave_ms"] / 1000
        self.next_look = now + LOOK_SECONDS
        for oldest in list(self.leaving)[:-MOST_LEAVING]:
            self.leaving[oldest] = min(self.leaving[oldest], now)

    def lend(self, old: Crew, new: Crew) -> None:
        """Lets old processes stand in for new ones, also those that did so before."""
        self.lent.update({member: old for member in old.members if member.is_ready})
        for member in self.lent:
            self.engine.handlers_lend(member.number, new.generation)

    def roll(self, now: float) -> None:
        """Lets go as many old processes as new ones are ready, and has the next one come."""
        serving = self.serving
        missing = 0
        if serving is not None:
            missing = serving.launch["processes"] - sum(each.is_ready for each in serving.members)
        self.lent = {member: crew for member, crew in self.lent.items() if member in crew.members}
        for member in list(self.lent)[: max(0, len(self.lent) - missing)]:
            self.let_leave(member, now)
        self.lent_until = now + STAND_IN_SECONDS
        if serving is not None:
            serving.grow(now)

    def let_leave(self, member: Member, now: float) -> None:
        """A process stands in no longer."""
        crew = self.lent.pop(member)
        self.engine.handlers_leave(member.number)
        self.leaving[crew] = max(self.leaving[crew], now + crew.launch["leave_ms"] / 1000)

    def dismiss(self) -> None:
        """The Plan that needed the processes that are coming does not come."""
        if (coming := self.coming) is not None:
            self.coming = None
            coming.end(signal.SIGKILL)
            now = time.monotonic()
            self.leaving[coming], self.next_look = now, now + LOOK_SECONDS
            coming.tell([{"path": "handlers", "message": "another configuration came in between"}])

    def crews(self) -> list[Crew]:
        return [crew for crew in (self.serving, self.coming, *self.leaving) if crew is not None]

    def due(self, now: float) -> float | None:
        waits = [wait for crew in self.crews() if (wait := crew.due(now)) is not None]
        if self.leaving:
            waits.append(max(0.0, self.next_look - now))
        return min(waits, default=None)

    def tick(self, now: float) -> None:
        for crew in self.crews():
            crew.tick(now)
        for member in list(self.lent) if now >= self.lent_until else ():
            self.let_leave(member, now)
        if self.leaving and now >= self.next_look:
            self.next_look = now + LOOK_SECONDS
            self.let_go(now)

    def let_go(self, now: float) -> None:
        """Ends the processes that leave, once no request is with them."""
        has = {each["process"]: each["calls"] + each["lingering"] for each in self.engine.handler_stats()}
        for crew, last in list(self.leaving.items()):
            going = [member for member in crew.members if member not in self.lent]
            for member in going:
                if not member.is_leaving and (now >= last or not has.get(member.number)):
                    member.is_leaving = True
                    member.signal(signal.SIGTERM)
                elif now >= last + END_SECONDS:
                    member.is_leaving = True
                    member.signal(signal.SIGKILL)
            if not crew.members:
                del self.leaving[crew]

    def watch_links(self) -> None:
        """Listens to what the engine says of processes that are of no use any more."""
        if self.alarm is None:
            self.alarm = self.engine.handler_alarm()
            self.selector.register(self.alarm, selectors.EVENT_READ, self.alarmed)

    def alarmed(self, _: int) -> None:
        for number, why in self.engine.broken_handlers():
            if (member := self.member(number)) is not None:
                text = f"handler process {member.process.pid} is ended: {why}"
                self.speaker.event("handler-broken", text, pid=member.process.pid, why=why)
                member.signal(signal.SIGKILL)
        for number, is_back, seconds in self.engine.silent_handlers():
            if (member := self.member(number)) is not None:
                self.say_silent(member.process.pid, is_back, round(seconds * 1000))

    def member(self, number: int) -> Member | None:
        return next((each for crew in self.crews() for each in crew.members if each.number == number), None)

    def say_silent(self, pid: int, is_back: bool, milliseconds: int) -> None:
        if is_back:
            text = f"handler process {pid} gives signs again, after {milliseconds} ms"
            self.speaker.event("handler-heard", text, pid=pid, milliseconds=milliseconds)
        else:
            text = f"handler process {pid} has given no sign for {milliseconds} ms; {SILENT}"
            self.speaker.event("handler-silent", text, pid=pid, milliseconds=milliseconds)

    def close(self) -> None:
        """Ends all of them; what does not end in time is killed."""
        members = [member for crew in self.crews() for member in crew.members]
        for crew in self.crews():
            crew.prepared = None
            crew.end()
        last = time.monotonic() + END_SECONDS
        for member in members:
            with contextlib.suppress(Exception):
                member.process.wait(max(0.0, last - time.monotonic()))
            if member.process.poll() is None:
                member.signal(signal.SIGKILL)
                member.process.wait()
            os.close(member.lifeline)


def routes_of(launch: Document) -> list[tuple[str, str]]:
    """What has to be equal for processes of different code to answer for each other."""
    return [(each["id"], each["fingerprint"]) for each in launch["applications"]]
