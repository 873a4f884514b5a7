"""What the serving process's main thread does all day: wait, and follow what comes.

Signals, changed files, questions on the control socket, the child that compiles and the end of a drain all
arrive as descriptors at one selector. Nothing here takes long, so that Ctrl-C is always heard.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import threading
import time
import traceback
from typing import TYPE_CHECKING

from .acme.keeper import Keeper as CertificateKeeper
from .applying import Applier
from .channel import Client, ControlServer, Document
from .handlers.keeper import Keeper
from .history import NoSuchPlan
from .notify import STOPPING, tell
from .reload import Reloader

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine import Engine
    from .compiled import Compiled
    from .history import Applied
    from .say import Speaker
    from .serve import Options
    from .signals import Signals
    from .watch import Watcher

FILE_CHANGE = "file change"
OVERTAKEN = "a rollback came in between; ask again to apply the files"
BRING_BACK = (
    "a rollback brings back the configuration and no code: put the file back as it was when plan {number} began to "
    "run, and roll back again"
)
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
        self.applier = Applier(engine, compiled, speaker)
        self.keeper = Keeper(engine, self.selector, speaker)
        self.certificates = CertificateKeeper(engine, self.selector, speaker)
        self.reloader = Reloader(self.applier, self.keeper, options, self.selector, self.reloaded)
        if options.watch and compiled.watch and options.references:
            from .watch import Watcher

            self.watcher = Watcher(compiled.files, time.monotonic(), compiled.globs)
            self.register_watcher()
            self.reloader.keep_spare()
        self.launch = compiled.launch
        self.drain: threading.Thread | None = None
        self.drained = False
        self.refused = False
        """Whether the handlers of the first Plan cannot run."""
        self.complete = True
        self.cut = False

    def listen(self) -> None:
        """Opens the control socket. `ControlBusy`, `OSError`."""
        if self.options.control:
            self.server = ControlServer(self.options.control, self.selector, self.asked)

    def begin(self, ready: Callable[[], None]) -> None:
        """Starts the handlers; `ready` is called when they are."""

        def begun(problems: list[Document]) -> None:
            if not problems:
                self.keeper.adopt(self.launch)
                self.order_certificates()
                ready()
                return
            text = "\n".join(f"{each['path']}: {each['message']}" for each in problems)
            self.speaker.event("refused", text, problems=problems)
            self.refused = True
            self.end(signal.SIGTERM)

        # Nothing serves yet: a file that is saved in this moment ends nothing, and is applied like any other change.
        self.keeper.prepare(self.launch, begun, strict=False)

    def run(self) -> bool:
        """Until it has ended; whether somebody cut what was under way."""
        try:
            while not self.drained:
                self.step_safely()
        finally:
            if self.server:
                self.server.close()
            self.reloader.close()
            self.keeper.close()
            self.certificates.close()
        text = "" if self.complete else "ended; what was still under way was cut"
        self.speaker.event("ended", text, complete=self.complete)
        return self.cut

    def step_safely(self) -> None:
        """The engine serves without us: a defect here must be heard of, and must not end it."""
        try:
            self.step()
        except Exception:
            why = traceback.format_exc()
            self.speaker.event("defect", f"a defect in the control loop; serving goes on\n{why}", exception=why)
            time.sleep(DEFECT_PAUSE)

    def step(self) -> None:
        for key, mask in self.selector.select(self.patience()):
            key.data(mask)
        now = time.monotonic()
        if self.server:
            self.server.drop_late(now)
        self.reloader.tick(now)
        self.keeper.tick(now)
        if not self.drain:
            self.certificates.tick(now)
        if self.watcher and self.watcher.due(now) == 0.0:
            self.look_at_files(self.watcher, now)

    def look_at_files(self, watcher: Watcher, now: float) -> None:
        rests = watcher.look(now)
        self.register_watcher()
        if self.drain:
            return
        rolled_back = self.applier.is_rolled_back
        if rests and rolled_back and watcher.changed <= set(self.applier.history.current.secrets):
            # Somebody wanted this Plan and not the files': a renewed secret does not undo that.
            self.applier.read_secrets_anew()
        elif rests:
            self.reloader.request(FILE_CHANGE)
        elif watcher.is_stirring and not rolled_back:
            # If it fails, that is said when it fails again.
            with contextlib.suppress(OSError):
                self.reloader.read_ahead()

    def patience(self) -> float | None:
        """How long there is nothing to do unless something arrives."""
        now = time.monotonic()
        waits = [
            self.server.due(now) if self.server else None,
            self.reloader.due(now),
            self.keeper.due(now),
            self.certificates.due(now) if not self.drain else None,
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
        if self.options.references:
            self.reloader.request("SIGHUP")
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
        self.reloader.keeps_spare = False
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
        wanted, which = question.get("do"), question.get("plan")
        if wanted == "reload" and not self.drain and self.options.references:
            self.reloader.request("reload", client)
        elif wanted == "rollback" and not self.drain:
            self.roll_back(None if which is None else str(which), client)
        elif wanted == "renew" and not self.drain:
            self.renew(question.get("names"), client)
        elif wanted == "plan":
            self.tell_plan(None if which is None else str(which), client)
        elif wanted == "history":
            self.reply(client, {**self.about(), "plans": self.applier.history.as_json()})
        elif wanted == "status":
            self.reply(client, self.about())
        else:
            why = "it is ending" if self.drain else f"it does not understand {wanted!r} here"
            self.reply(client, {"error": why})

    def order_certificates(self) -> None:
        """Those of the Plan that runs now."""
        self.certificates.adopt(self.applier.history.current.orders, time.monotonic())

    def renew(self, names: object, client: Client) -> None:
        wanted = {str(each) for each in names} if isinstance(names, list) else set()
        asked = self.certificates.force(wanted, time.monotonic())
        none = f"no certificate is ordered for {', '.join(sorted(wanted))}" if wanted else "no certificates are ordered"
        self.reply(client, {"result": "asked", "certificates": asked} if asked else {"error": none})

    def roll_back(self, which: str | None, client: Client) -> None:
        self.reloader.hurry()
        try:
            chosen = self.applier.history.find(which)
        except NoSuchPlan as error:
            self.reply(client, {"error": str(error)})
            return
        launch = chosen.launch and {**chosen.launch, "fix": BRING_BACK.format(number=chosen.origin)}
        self.keeper.prepare(launch, lambda problems: self.handlers_of(chosen, problems, client))

    def handlers_of(self, chosen: Applied, problems: list[Document], client: Client) -> None:
        """The handlers of an earlier Plan are there, or cannot be."""
        answer = self.applier.roll_back(chosen, problems)
        if answer.get("result") == "refused":
            self.keeper.dismiss()
        else:
            self.keeper.adopt(chosen.launch)
        if answer.get("result") == "rolled back":
            self.order_certificates()
            for other in self.reloader.overtaken():
                self.reply(other, {"error": OVERTAKEN})
            if self.watcher:
                # What there is now was not wanted; what is changed from now on is.
                self.watcher.settle()
                self.register_watcher()
        self.reply(client, answer)

    def tell_plan(self, which: str | None, client: Client) -> None:
        try:
            plan = self.applier.plan(which)
        except NoSuchPlan as error:
            self.reply(client, {"error": str(error)})
            return
        # As text: at ten thousand routes, reading it would cost more memory than all else here.
        self.reply(client, {**self.about(), "plan": plan, "load": self.engine.status()})

    def about(self) -> Document:
        return {
            "pid": os.getpid(),
            "configuration": self.options.identity,
            "version": self.applier.version,
            "rolled_back": self.applier.is_rolled_back,
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
        self.order_certificates()
        if self.watcher and compiled.files:
            self.watcher.watch(compiled.files, compiled.globs)
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
