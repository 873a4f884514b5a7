"""From the files to the next Plan: has the child compile it, and whoever asked is told how it went.

The Plan is applied as soon as the child has made it, while it still compares it with the one before.

One at a time. What is asked for while the child works is answered by another run after it, because the
child may have read the files before they were changed.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from .applying import Applier, Begun
from .channel import Client, Document
from .compiled import Compiled, refusal
from .compiler import Compiler
from .notify import reloading, tell

if TYPE_CHECKING:
    from .handlers.keeper import Keeper
    from .serve import Options

SPARE_BYTES = 32 << 10
"""From about 1,500 routes on (of the Plan, packed) a child is kept ready before anything changes: its 36 MB are little
beside what such a configuration is worth, and with less nobody notices the quarter of a second that its start takes."""
SPARE_SECONDS = 0.2
"""So long after the start, or after the end of another child, that one is started: serving comes first."""

Finished = Callable[[Compiled, list[Client], Document], None]


class Reloader:
    """Starts children, waits for them without blocking, and has what they made applied."""

    def __init__(
        self,
        applier: Applier,
        keeper: Keeper,
        options: Options,
        selector: selectors.BaseSelector,
        finished: Finished,
    ) -> None:
        self.applier = applier
        self.keeper = keeper
        self.options = options
        self.selector = selector
        self.finished = finished
        self.compiler: Compiler | None = None
        self.keeps_spare = False
        self.spare_at: float | None = None
        """When that one is started; none: there is one, or none is wanted."""
        self.causes: list[str] = []
        """Of the reload under way; none: there is none."""
        self.first: Compiled | None = None
        """Its Plan, while the handler processes that it needs are on their way."""
        self.begun: Begun | None = None
        """How that went, once its Plan was there."""
        self.rest: Compiled | None = None
        """All that the child has said, where it was done before the handler processes."""
        self.clients: list[Client] = []
        self.next_causes: list[str] = []
        self.next_clients: list[Client] = []

    def read_ahead(self) -> None:
        """A reload is likely: while the files come to rest, most of them can be read already. `OSError`."""
        self.prepare().read_ahead(time.monotonic())

    def prepare(self) -> Compiler:
        """The child starts. One that waits, and may have answered already, is as good and faster."""
        if self.compiler is None:
            self.compiler = Compiler(self.options.child_arguments(), time.monotonic())
            self.selector.register(self.compiler, selectors.EVENT_READ, self.read)
        return self.compiler

    def request(self, cause: str, client: Client | None = None) -> None:
        """Reloads now, or once more after the one under way; the client is told how it went."""
        self.next_causes.append(cause)
        if client:
            self.next_clients.append(client)
        if not self.causes:
            self.start()

    def start(self) -> None:
        self.causes, self.next_causes = self.next_causes, []
        self.clients, self.next_clients = self.next_clients, []
        tell(*reloading())
        self.ask()

    def ask(self) -> None:
        """Has the child that waits compile, or a new one, where that one has ended meanwhile."""
        try:
            try:
                self.go(self.prepare())
            except BrokenPipeError:
                self.drop()
                self.go(self.prepare())
        except OSError as error:
            self.conclude(refusal(f"the configuration cannot be loaded: {error}"))

    def go(self, compiler: Compiler) -> None:
        compiler.go(self.applier.history.current.packed, time.monotonic())

    def read(self, _: int) -> None:
        """The child has said something, or has ended."""
        if self.compiler is None:
            return
        over = self.compiler.read()
        if not self.compiler.works:
            # One that waits and fails by itself has told nobody anything; the next one will, when there is a change.
            self.drop()
            self.spare_at = None
            return
        if first := self.compiler.plan():
            self.first = first
            self.keeper.prepare(first.launch, self.handlers_ready)
        if over and self.compiler:
            self.take_result(self.compiler)

    def take_result(self, compiler: Compiler) -> None:
        """The child has said everything."""
        if compiler.is_replaceable:
            self.drop()
            self.ask()
            return
        if compiler.over:
            self.let_go(compiler)
        compiled = compiler.result(time.monotonic())
        if self.first:
            self.rest = compiled
        else:
            self.conclude(compiled)

    def handlers_ready(self, problems: list[Document]) -> None:
        """The processes that the Plan needs are there, or cannot be: now it is applied, or not."""
        first, self.first = self.first, None
        if first is None:
            return
        self.begun = Begun("refused", problems) if problems else self.applier.begin(first, self.cause)
        if problems:
            self.applier.engine.count_refused()
        if self.begun.result == "refused":
            self.keeper.dismiss()
        else:
            self.keeper.adopt(first.launch)
        if rest := self.rest:
            self.rest = None
            self.conclude(rest)

    @property
    def cause(self) -> str:
        return ", ".join(dict.fromkeys(self.causes))

    def due(self, now: float) -> float | None:
        when = self.compiler.deadline if self.compiler else self.spare_at
        return None if when is None else max(0.0, when - now)

    def tick(self, now: float) -> None:
        """Gives up a child whose time is over: it has waited for long, or it works for too long. Or has one wait."""
        if self.due(now) != 0.0:
            return
        if self.compiler is None:
            self.start_spare()
        else:
            self.give_up(self.compiler)

    def keep_spare(self) -> None:
        """From now on a child may wait for changes that nobody has seen yet."""
        self.keeps_spare = True
        self.want_spare()

    def start_spare(self) -> None:
        self.spare_at = None
        if not self.keeps_spare or len(self.applier.history.current.packed) < SPARE_BYTES:
            return
        # If it fails, that is said when it fails again.
        with suppress(OSError):
            self.prepare().deadline = None

    def give_up(self, compiler: Compiler) -> None:
        late = self.let_go(compiler).give_up()
        if compiler.works and compiler.is_replaceable:
            self.ask()
        elif compiler.works:
            self.first = None
            self.keeper.dismiss()
            self.conclude(late)

    def conclude(self, compiled: Compiled) -> None:
        """Says what has become of the files' Plan, or why there is none; then whoever asked is told."""
        begun, cause, self.begun = self.begun, self.cause, None
        answer = self.applier.conclude(begun, compiled, cause) if begun else self.applier.refuse(compiled)
        self.causes = []
        self.applier.tell_ready()
        clients, self.clients = self.clients, []
        self.finished(compiled, clients, answer)
        if self.next_causes:
            self.start()

    def hurry(self) -> None:
        """What is applied already is said now, without the difference."""
        if self.begun:
            self.drop()
            self.conclude(Compiled())

    def overtaken(self) -> list[Client]:
        """Ends what is under way, because its Plan would undo a rollback; whoever waits for it is given back."""
        clients = [*self.clients, *self.next_clients]
        self.causes, self.next_causes, self.clients, self.next_clients = [], [], [], []
        self.first = self.rest = self.begun = None
        self.drop()
        return clients

    def drop(self) -> None:
        """Ends the child, whatever it does; the next reload has another one."""
        if self.compiler:
            self.let_go(self.compiler).give_up()

    def let_go(self, compiler: Compiler) -> Compiler:
        self.selector.unregister(compiler)
        self.compiler = None
        self.want_spare()
        return compiler

    def want_spare(self) -> None:
        """Has a child wait soon, where that is worth its memory."""
        self.spare_at = time.monotonic() + SPARE_SECONDS if self.keeps_spare else None

    def close(self) -> None:
        """Ends a child that is still there."""
        self.keeps_spare = False
        self.drop()
