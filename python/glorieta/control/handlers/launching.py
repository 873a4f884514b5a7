"""Starts one handler process and knows it from then on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ..interpreter import command, environment

if TYPE_CHECKING:
    from ...engine import Engine
    from ..channel import Document


class Member:
    """One process. `ready` and `lifeline` are descriptors: it says on the first that it serves, or why it cannot; it
    reads the second to its end, which comes when this process ends."""

    def __init__(self, engine: Engine, launch: Document, *, strict: bool = True, as_json: bool = False) -> None:
        """`strict`: it serves no other code than the Plan was made of; `as_json`: what it says is for a program.
        `OSError`: it cannot be started."""
        ids = [each["id"] for each in launch["applications"]]
        self.number, memory, event, workers = engine.handler_process(ids, launch["generation"])
        self.engine = engine
        self.said = bytearray()
        self.is_ready = False
        self.is_leaving = False
        with ExitStack() as undone, ExitStack() as given:
            undone.callback(engine.handler_gone, self.number)
            for descriptor in (memory, event, *workers):
                given.callback(os.close, descriptor)
            lifeline, self.lifeline = os.pipe()
            given.callback(os.close, lifeline)
            undone.callback(os.close, self.lifeline)
            self.ready, ready = os.pipe()
            given.callback(os.close, ready)
            undone.callback(os.close, self.ready)
            about = {"memory": memory, "event": event, "workers": workers, "ready": ready, "parent": lifeline}
            document = written({"launch": launch, "strict": strict, "json": as_json, **about})
            given.callback(os.close, document)
            self.process = subprocess.Popen(
                command("glorieta.control.handlers.process"),
                stdin=document,
                env=environment(),
                pass_fds=(memory, event, *workers, ready, lifeline),
                # Ctrl-C is for the serving process, which decides what becomes of this one.
                process_group=0,
            )
            undone.callback(self.process.wait)
            undone.callback(self.process.kill)
            self.ended = os.pidfd_open(self.process.pid)
            undone.callback(os.close, self.ended)
            os.set_blocking(self.ready, False)
            undone.pop_all()

    def hear(self) -> bool:
        """Takes what it has said about being ready; whether that is all."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.ready, 65536):
                self.said += data
            return True
        return False

    def problems(self) -> list[Document]:
        """Why it cannot serve; nothing: it serves."""
        try:
            problems: list[Document] = json.loads(self.said)["problems"]
        except ValueError:
            return [{"path": "handlers", "message": "the handler process has ended before it was ready; see the log"}]
        return problems

    def signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def how_it_ended(self) -> str:
        """In words. It has ended."""
        code = self.process.wait()
        if code >= 0:
            return f"with exit code {code}"
        with contextlib.suppress(ValueError):
            return f"by {signal.Signals(-code).name}"
        return f"by signal {-code}"

    def forget(self) -> None:
        """It has ended: the engine is told, and its descriptors are closed."""
        self.engine.handler_gone(self.number)
        for descriptor in (self.ready, self.lifeline, self.ended):
            os.close(descriptor)


def written(document: Document) -> int:
    """A descriptor from which a document is read: a file in memory, because an argument has its limits."""
    descriptor = os.memfd_create("handlers")
    with os.fdopen(descriptor, "wb", closefd=False) as file:
        file.write(json.dumps(document).encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
