"""From one Plan to the next: has it compiled, applies it or leaves the old one, and says which.

One at a time. What is asked for while the child works is answered by another run after it, because the
child may have read the files before they were changed.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..engine import PlanRefused
from .channel import Client, Document
from .compiled import Compiled, refusal
from .compiler import Compiler, pack, unpack
from .notify import READY, reloading, status, tell
from .signals import kept_from_threads

if TYPE_CHECKING:
    from ..engine import Engine
    from .say import Speaker
    from .serve import Options

Finished = Callable[[Compiled, list[Client], Document], None]


class Reloader:
    """Knows the Plan that runs and how to get the next one."""

    def __init__(
        self,
        engine: Engine,
        options: Options,
        running: Compiled,
        speaker: Speaker,
        selector: selectors.BaseSelector,
        finished: Finished,
    ) -> None:
        self.engine = engine
        self.options = options
        self.speaker = speaker
        self.selector = selector
        self.finished = finished
        self.version = running.version
        self.running = pack(running.plan or "")
        self.compiler: Compiler | None = None
        self.clients: list[Client] = []
        self.again = False
        self.waiting: list[Client] = []

    def plan(self) -> str:
        """The Plan that runs, as text."""
        return unpack(self.running).decode()

    def request(self, client: Client | None = None) -> None:
        """Reloads now, or once more after the one under way; the client is told how it went."""
        if client:
            self.waiting.append(client)
        if self.compiler:
            self.again = True
        else:
            self.start()

    def start(self) -> None:
        self.again, self.clients, self.waiting = False, self.waiting, []
        tell(*reloading())
        try:
            self.compiler = Compiler(self.options.child_arguments(), self.running, time.monotonic())
        except OSError as error:
            self.conclude(refusal(f"the configuration cannot be loaded: {error}"))
            return
        self.selector.register(self.compiler, selectors.EVENT_READ, self.read)

    def read(self, _: int) -> None:
        """The child has said something, or has ended."""
        if self.compiler and self.compiler.read():
            self.selector.unregister(self.compiler)
            self.conclude(self.compiler.result())

    def due(self, now: float) -> float | None:
        return max(0.0, self.compiler.deadline - now) if self.compiler else None

    def tick(self, now: float) -> None:
        """Gives up a child whose time is over."""
        if self.compiler and now >= self.compiler.deadline:
            self.selector.unregister(self.compiler)
            self.conclude(self.compiler.give_up())

    def conclude(self, compiled: Compiled) -> None:
        """Applies what the child has made of the files, or says why not; then whoever asked is told."""
        self.compiler = None
        answer = self.apply(compiled)
        tell(READY, status(f"Serving plan {self.version}"))
        clients, self.clients = self.clients, []
        self.finished(compiled, clients, answer)
        if self.again:
            self.start()

    def apply(self, compiled: Compiled) -> Document:
        if compiled.plan is None:
            self.engine.count_refused()
            return self.refused(compiled.problems_text, compiled.problems)
        if compiled.plan == self.plan():
            self.speaker.event("unchanged", "nothing has changed", version=self.version)
            return self.outcome("unchanged", compiled)
        try:
            with kept_from_threads():
                self.engine.apply(compiled.plan)
        except PlanRefused as error:
            problems = [{"path": path, "message": message} for path, message in error.problems]
            return self.refused("\n".join(f"{path}: {message}" for path, message in error.problems), problems)
        self.version, self.running = compiled.version, pack(compiled.plan)
        self.speaker.event(
            "applied",
            f"reloaded, plan {self.version}\n{compiled.changes_text}",
            version=self.version,
            changes=compiled.changes,
            warnings=compiled.warnings,
        )
        self.speaker.plain(compiled.warnings_text)
        return self.outcome("applied", compiled)

    def refused(self, text: str, problems: list[Document]) -> Document:
        said = f"{text}\nthe configuration was refused; plan {self.version} stays"
        self.speaker.event("refused", said, version=self.version, problems=problems)
        return {"result": "refused", "version": self.version, "problems": problems, "text": text}

    def outcome(self, result: str, compiled: Compiled) -> Document:
        return {
            "result": result,
            "version": self.version,
            "changes": compiled.changes,
            "warnings": compiled.warnings,
            "text": "\n".join(text for text in (compiled.changes_text, compiled.warnings_text) if text),
        }

    def close(self) -> None:
        """Ends a child that is still at work."""
        if self.compiler:
            self.selector.unregister(self.compiler)
            self.compiler.give_up()
            self.compiler = None
