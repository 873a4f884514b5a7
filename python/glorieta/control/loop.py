"""What the serving process's main thread does all day: wait, and follow what comes.

Signals, changed files, questions on the control socket, the child that compiles and the end of a drain all
arrive as descriptors at one selector. Nothing here takes long, so that Ctrl-C is always heard.
"""

from __future__ import annotations

import os
import selectors
import signal
import threading
import time
import traceback
from typing import TYPE_CHECKING

from .channel import Client, ControlServer, Document
from .notify import STOPPING, tell
from .reload import Reloader

if TYPE_CHECKING:
    from ..engine import Engine
    from .compiled import Compiled
    from .say import Speaker
    from .serve import Options
    from .signals import Signals
    from .watch import Watcher

DEFECT_PAUSE = 0.2
"""Seconds after a defect, so that one that comes again at once neither fills the log nor a core."""


class ControlLoop:
    """One serving process. `run` returns when it has ended."""

    def __init__(
        self, engine: Engine, signals: Signals, options: Options, compiled: Compiled, speaker: Speaker
    ) -> None:
        self.engine = engine
        self.signals = signals
        self.options = options
        self.speaker = speaker
        self.selector = selectors.DefaultSelector()
        self.selector.register(signals, selectors.EVENT_READ, self.take_signals)
        self.server: ControlServer | None = None
        self.watcher: Watcher | None = None
        self.watcher_descriptor: int | None = None
        self.reloader = Reloader(engine, options, compiled, speaker, self.selector, self.reloaded)
        if options.watch and compiled.watch and options.reference:
            from .watch import Watcher

            self.watcher = Watcher(compiled.files, time.monotonic())
            self.register_watcher()
        self.drain: threading.Thread | None = None
        self.drained = False
        self.complete = True
        self.cut = False

    def listen(self) -> None:
        """Opens the control socket. `ControlBusy`, `OSError`."""
        if self.options.control:
            self.server = ControlServer(self.options.control, self.selector, self.asked)

    def run(self) -> bool:
        """Until it has ended; whether somebody cut what was under way."""
        try:
            while not self.drained:
                self.step_safely()
        finally:
            if self.server:
                self.server.close()
            self.reloader.close()
        text = "" if self.complete else "ended; what was still under way was cut"
        self.speaker.event("ended", text, complete=self.complete)
        return self.cut

    def step_safely(self) -> None:
        """The engine serves without us: a defect here must be heard of, and must not end it."""
        try:
            self.step()
        except Exception:
            self.speaker.event("defect", f"a defect in the control loop; serving goes on\n{traceback.format_exc()}")
            time.sleep(DEFECT_PAUSE)

    def step(self) -> None:
        for key, mask in self.selector.select(self.patience()):
            key.data(mask)
        now = time.monotonic()
        if self.server:
            self.server.drop_late(now)
        self.reloader.tick(now)
        if self.watcher and self.watcher.due(now) == 0.0:
            if self.watcher.look(now) and not self.drain:
                self.reloader.request()
            self.register_watcher()

    def patience(self) -> float | None:
        """How long there is nothing to do unless something arrives."""
        now = time.monotonic()
        waits = [
            self.server.due(now) if self.server else None,
            self.reloader.due(now),
            self.watcher.due(now) if self.watcher else None,
        ]
        return min((wait for wait in waits if wait is not None), default=None)

    def take_signals(self, _: int) -> None:
        for number in self.signals.read():
            if number == signal.SIGUSR1:
                self.engine.reopen_logs()
            elif number == signal.SIGHUP:
                self.reload_by_signal()
            elif number in (signal.SIGINT, signal.SIGTERM):
                self.end(number)

    def reload_by_signal(self) -> None:
        if self.options.terminal and not os.isatty(1):
            # The same signal says that the terminal has gone, and who would end it then?
            self.end(signal.SIGHUP)
            return
        if self.drain:
            return
        if self.options.reference:
            self.reloader.request()
        else:
            self.speaker.event("not-reloaded", "nothing to reload: this configuration exists only in memory")

    def end(self, number: int) -> None:
        """Drains in a thread of its own, so that a second Ctrl-C is still heard."""
        if self.drain:
            if number == signal.SIGINT:
                self.cut = not self.engine.is_idle()
                self.engine.abort_drain()
            return
        tell(STOPPING)
        if not self.engine.is_idle():
            self.speaker.event("draining", "finishing what is under way; Ctrl-C cuts it")
        self.drain = threading.Thread(target=self.drain_engine, name="drain")
        self.drain.start()

    def drain_engine(self) -> None:
        try:
            self.complete = self.engine.drain()
        finally:
            self.drained = True
            self.signals.wake()

    def asked(self, question: Document, client: Client) -> None:
        """A question on the control socket."""
        wanted = question.get("do")
        if wanted == "reload" and not self.drain and self.options.reference:
            self.reloader.request(client)
        elif wanted == "plan":
            self.reply(client, {**self.about(), "plan": self.reloader.plan()})
        elif wanted == "status":
            self.reply(client, self.about())
        else:
            why = "it is ending" if self.drain else f"it does not understand {wanted!r} here"
            self.reply(client, {"error": why})

    def about(self) -> Document:
        return {
            "pid": os.getpid(),
            "configuration": self.options.identity,
            "version": self.reloader.version,
            "terminal": self.options.terminal,
            "admin_socket": self.options.admin_socket or None,
            "watch": self.watcher is not None,
            "addresses": self.engine.addresses(),
            "admin": self.engine.admin_addresses(),
        }

    def reply(self, client: Client, document: Document) -> None:
        if self.server:
            self.server.answer(client, document)

    def reloaded(self, compiled: Compiled, clients: list[Client], answer: Document) -> None:
        """A reload is over, one way or the other."""
        if self.watcher and compiled.files:
            self.watcher.watch(compiled.files)
            self.register_watcher()
        for client in clients:
            self.reply(client, answer)

    def register_watcher(self) -> None:
        """The watcher may have lost its descriptor to a system that has none left."""
        descriptor = self.watcher.fileno() if self.watcher else None
        if descriptor == self.watcher_descriptor:
            return
        if self.watcher_descriptor is not None:
            self.selector.unregister(self.watcher_descriptor)
        if descriptor is not None:
            self.selector.register(descriptor, selectors.EVENT_READ, self.files_told)
        self.watcher_descriptor = descriptor

    def files_told(self, _: int) -> None:
        if self.watcher:
            self.watcher.next_look = 0.0
