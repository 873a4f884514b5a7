"""Has the child load and compile, while the caller goes on listening to signals and sockets."""

from __future__ import annotations

import os
import subprocess
import zlib
from collections.abc import Sequence

from .compiled import Compiled, refusal
from .interpreter import command, environment

CHILD_SECONDS = 60.0
"""A configuration that takes longer (an edge in Python that waits for something) is refused."""

END_SECONDS = 2.0
"""A child that has said everything and does not end is ended."""


class Compiler:
    """One run of the child. `read` when `fileno()` is readable, until it is true; then there is a `result`."""

    def __init__(self, arguments: Sequence[str], running: bytes, now: float) -> None:
        """`running` is the Plan that runs, packed by `pack`."""
        self.deadline = now + CHILD_SECONDS
        self.document = bytearray()
        # A file in memory, not a pipe: the child may take its time to read it, and nobody waits.
        with os.fdopen(os.memfd_create("plan"), "w+b") as plan:
            plan.write(unpack(running))
            plan.seek(0)
            self.process = subprocess.Popen(
                command("glorieta.control.child", *arguments),
                stdin=plan,
                stdout=subprocess.PIPE,
                env=environment(),
                # Ctrl-C is for the serving process, which decides what becomes of the child.
                process_group=0,
            )
        os.set_blocking(self.fileno(), False)

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

    def result(self) -> Compiled:
        """What the child has said, once it has said everything."""
        code = self.end()
        if code != 0:
            return refusal(f"loading the configuration ended with exit code {code}, without an answer")
        try:
            return Compiled.decode(bytes(self.document))
        except (ValueError, KeyError, TypeError) as error:
            return refusal(f"loading the configuration gave no whole answer: {error}")

    def give_up(self) -> Compiled:
        """Ends a child whose time is over."""
        self.process.kill()
        self.end()
        return refusal(f"loading the configuration took longer than {CHILD_SECONDS:.0f} s and was given up")

    def end(self) -> int:
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code


def pack(plan: str) -> bytes:
    """A Plan is text of few words, kept for the next comparison: packed it is a thirtieth."""
    return zlib.compress(plan.encode(), 1)


def unpack(packed: bytes) -> bytes:
    return zlib.decompress(packed) if packed else b""
