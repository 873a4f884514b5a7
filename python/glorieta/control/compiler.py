"""Has the child load and compile, while the caller goes on listening to signals and sockets."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from .compiled import Compiled, refusal
from .interpreter import command, environment

GO, AHEAD = b"\n", b">"
"""What a child is told: to compile, or to read the files that it will be asked for soon."""

CHILD_SECONDS = 60.0
"""A configuration that takes longer (an edge in Python that waits for something) is refused."""
IDLE_SECONDS = 30.0
"""A child that has read files and waits this long is ended: until then the next change finds it ready, and after that
its memory goes back to the system."""
PIPE_BYTES = 1 << 20
"""A large Plan comes in few pieces."""
END_SECONDS = 2.0
"""A child that has said everything and does not end is ended."""


class Compiler:
    """The child, which is started early and reads nothing of the configuration before it is told to.

    Then `read` when `fileno()` is readable, until it is true; then there is a `result`. A Plan comes before all
    else that there is to say of it. A child that is not `over` then may be told to go once more.
    """

    def __init__(self, arguments: Sequence[str], now: float) -> None:
        self.deadline: float | None = now + IDLE_SECONDS
        """When it is given up; while it waits, because nobody needs it. None: never."""
        self.is_ahead = False
        """Whether it was told to read ahead, and nothing after that."""
        self.works = False
        """Whether it was told to go, and its result is not there yet."""
        self.answers = 0
        self.forget()
        # A file in memory, not a pipe: the child may take its time to read it, and nobody waits.
        self.running = os.memfd_create("plan")
        try:
            self.process = subprocess.Popen(
                command("glorieta.control.child", "--running", str(self.running), *arguments),
                # Each byte is a question; it waits for the end of this.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(),
                pass_fds=(self.running,),
                # Ctrl-C is for the serving process, which decides what becomes of the child.
                process_group=0,
                pipesize=PIPE_BYTES,
            )
        except OSError:
            os.close(self.running)
            raise
        os.set_blocking(self.fileno(), False)

    def forget(self) -> None:
        """Nothing of the next answer has come yet."""
        self.document = bytearray()
        self.first: Compiled | None = None
        self.told = False
        self.over = False
        """Whether the child has ended."""

    def read_ahead(self, now: float) -> None:
        """The files are changing: most of them may be read before they have come to rest.

        `OSError`: the child has ended while it waited.
        """
        if self.works or self.is_ahead:
            return
        self.tell(AHEAD)
        self.is_ahead, self.deadline = True, now + IDLE_SECONDS

    def go(self, running: bytes, now: float) -> None:
        """The files have come to rest: they may be read. `running` is the Plan that runs, packed.

        `OSError`: the child has ended while it waited.
        """
        os.truncate(self.running, 0)
        os.pwrite(self.running, running, 0)
        self.tell(GO)
        self.works, self.is_ahead, self.deadline = True, False, now + CHILD_SECONDS

    def tell(self, question: bytes) -> None:
        assert self.process.stdin is not None
        os.write(self.process.stdin.fileno(), question)

    def fileno(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def read(self) -> bool:
        """Takes what there is; whether the child has said everything, or has ended."""
        self.take()
        if self.first is None:
            self.take_first()
        return self.over or self.is_whole

    def take(self) -> None:
        while not self.over:
            try:
                data = os.read(self.fileno(), 1 << 20)
            except BlockingIOError:
                return
            self.document += data
            self.over = not data

    def take_first(self) -> None:
        try:
            found = Compiled.decode_plan(self.document)
        except (ValueError, KeyError, TypeError):
            # Said when it is over.
            return
        if found is not None:
            self.first, end = found
            # At ten thousand routes these are megabytes.
            del self.document[:end]

    @property
    def is_whole(self) -> bool:
        """Whether all is said by a child that stays; another one has said all when it ends. The rest is one line."""
        return self.first is not None and self.first.stays and self.document.endswith(b"\n")

    @property
    def is_replaceable(self) -> bool:
        """Whether a new child may do better: this one has answered before, and says nothing now."""
        return self.first is None and self.answers > 0

    def plan(self) -> Compiled | None:
        """The Plan and what applying needs besides, once it is there; each is given once."""
        if self.told or self.first is None or self.first.plan is None:
            return None
        self.told = True
        return self.first

    def result(self, now: float) -> Compiled:
        """What the child has said, once it has said everything."""
        if self.over and (code := self.end()) != 0:
            return refusal(f"loading the configuration ended with exit code {code}, without an answer")
        first, document = self.first, self.document
        self.works, self.deadline, self.answers = False, now + IDLE_SECONDS, self.answers + 1
        if not self.over:
            self.forget()
        try:
            return Compiled.decode(document) if first is None else first.completed(document)
        except (ValueError, KeyError, TypeError) as error:
            return refusal(f"loading the configuration gave no whole answer: {error}")

    def give_up(self) -> Compiled:
        """Ends a child whose time is over, or whose answer nobody wants any more."""
        self.process.kill()
        self.end()
        return refusal(f"loading the configuration took longer than {CHILD_SECONDS:.0f} s and was given up")

    def end(self) -> int:
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        os.close(self.running)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return code
