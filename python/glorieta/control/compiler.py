"""Has the child load and compile, while the caller goes on listening to signals and sockets."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from .compiled import Compiled, refusal
from .interpreter import command, environment

CHILD_SECONDS = 60.0
"""A configuration that takes longer (an edge in Python that waits for something) is refused."""

PIPE_BYTES = 1 << 20
"""A large Plan comes in few pieces."""
END_SECONDS = 2.0
"""A child that has said everything and does not end is ended."""


class Compiler:
    """One run of the child, which is started early and reads nothing of the configuration before `go`.

    Then `read` when `fileno()` is readable, until it is true; then there is a `result`. A Plan comes before all
    else that there is to say of it.
    """

    def __init__(self, arguments: Sequence[str], running: bytes) -> None:
        """`running` is the Plan that runs, packed."""
        self.deadline: float | None = None
        self.document = bytearray()
        self.first: Compiled | None = None
        # A file in memory, not a pipe: the child may take its time to read it, and nobody waits.
        plan = os.memfd_create("plan")
        try:
            os.write(plan, running)
            os.lseek(plan, 0, os.SEEK_SET)
            self.process = subprocess.Popen(
                command("glorieta.control.child", "--running", str(plan), *arguments),
                # It waits for the end of this.
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(),
                pass_fds=(plan,),
                # Ctrl-C is for the serving process, which decides what becomes of the child.
                process_group=0,
                pipesize=PIPE_BYTES,
            )
        finally:
            os.close(plan)
        os.set_blocking(self.fileno(), False)

    def go(self, now: float) -> None:
        """The files have come to rest: they may be read."""
        self.deadline = now + CHILD_SECONDS
        if self.process.stdin is not None:
            self.process.stdin.close()

    def fileno(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def read(self) -> bool:
        """Takes what there is; whether the child has said everything."""
        while True:
            try:
                data = os.read(self.fileno(), 1 << 20)
            except BlockingIOError:
                return False
            if not data:
                return True
            self.document += data

    def plan(self) -> Compiled | None:
        """The Plan and what applying needs besides, once it is there; each is given once."""
        if self.first is not None:
            return None
        try:
            found = Compiled.decode_plan(self.document)
        except (ValueError, KeyError, TypeError):
            # Said when it is over.
            return None
        if found is None or found[0].plan is None:
            return None
        first, end = found
        # At ten thousand routes these are megabytes.
        del self.document[:end]
        self.first = first
        return first

    def result(self) -> Compiled:
        """What the child has said, once it has said everything."""
        code = self.end()
        if code != 0:
            return refusal(f"loading the configuration ended with exit code {code}, without an answer")
        try:
            if self.first is None:
                return Compiled.decode(self.document)
            return self.first.completed(self.document)
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
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        return code
