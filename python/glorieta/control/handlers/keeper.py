"""Which processes answer: the crew that serves, the one that is coming, and those that are leaving.

New code means new processes. They are ready before a Plan that names them is applied, and the old ones are ended
when no request is with them any more; so a reload refuses nobody.
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

LOOK_SECONDS = 0.1
"""How often to see whether a process that leaves still has requests."""
LEAVE_SECONDS = 60.0
"""How long requests may keep a process that leaves."""
END_SECONDS = 10.0
"""How long processes may take to end when they have no requests any more: their lifespans have work to do."""


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
        self.coming.start(time.monotonic())

    def is_serving(self, launch: Document) -> bool:
        return self.serving is not None and self.serving.generation == launch["generation"]

    def adopt(self, launch: Document | None) -> None:
        """The Plan with these handlers has been applied."""
        if launch is not None and self.is_serving(launch):
            return
        now = time.monotonic()
        if self.serving is not None:
            self.serving.leave()
            self.leaving[self.serving] = now + LEAVE_SECONDS
            self.next_look = now + LOOK_SECONDS
        self.serving, self.coming = self.coming, None

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
        if self.leaving and now >= self.next_look:
            self.next_look = now + LOOK_SECONDS
            self.let_go(now)

    def let_go(self, now: float) -> None:
        """Ends the processes that leave, once no request is with them."""
        calls = {each["process"]: each["calls"] for each in self.engine.handler_stats()}
        for crew, last in list(self.leaving.items()):
            for member in list(crew.members):
                if not member.is_leaving and (now >= last or not calls.get(member.number)):
                    member.is_leaving = True
                    member.signal(signal.SIGTERM)
            if now >= last + END_SECONDS:
                crew.end(signal.SIGKILL)
            if not crew.members:
                del self.leaving[crew]

    def watch_links(self) -> None:
        """Listens to what the engine says of processes that are of no use any more."""
        if self.alarm is None:
            self.alarm = self.engine.handler_alarm()
            self.selector.register(self.alarm, selectors.EVENT_READ, self.alarmed)

    def alarmed(self, _: int) -> None:
        for number, why in self.engine.broken_handlers():
            member = next((each for crew in self.crews() for each in crew.members if each.number == number), None)
            if member is not None:
                text = f"handler process {member.process.pid} is ended: {why}"
                self.speaker.event("handler-broken", text, pid=member.process.pid, why=why)
                member.signal(signal.SIGKILL)

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
