"""Has certificates ordered while the serving process goes on: starts the child when something may be due, and hands the
engine what proves names. Nothing of it costs anything as long as no Plan orders certificates."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import selectors
import subprocess
import time
from typing import TYPE_CHECKING, Any

from ..interpreter import command, environment

if TYPE_CHECKING:
    from ...engine import Engine
    from ..channel import Document
    from ..say import Speaker

CHILD_SECONDS = 3600.0
"""A child that takes longer is ended."""
LONGEST_REST = 6 * 3600.0
"""Clocks are set, and machines sleep: it is looked at least so often."""
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""After a child that has ended without a word."""
END_SECONDS = 3.0
LONGEST_LINE = 1 << 20
"""Longer words are not listened to."""


class Keeper:
    """The certificates of the Plan that runs."""

    def __init__(self, engine: Engine, selector: selectors.BaseSelector, speaker: Speaker) -> None:
        self.engine = engine
        self.selector = selector
        self.speaker = speaker
        self.orders: Document | None = None
        self.forced: set[str] = set()
        self.child: Child | None = None
        self.next_look: float | None = None
        self.silences = 0
        """Children in a row that have ended without a word."""

    def adopt(self, orders: Document | None, now: float) -> None:
        """A Plan with these orders has been applied."""
        if orders == self.orders:
            return
        self.orders = orders
        if orders is None:
            self.stop()
            self.next_look = None
        else:
            # A child that works on what was wanted before finishes that first.
            self.next_look = now

    def force(self, names: set[str], now: float) -> list[str]:
        """Orders these now, or all without a name; which ones these are."""
        certificates = self.orders["certificates"] if self.orders is not None else []
        meant = [each["names"] for each in certificates if not names or not names.isdisjoint(each["names"])]
        self.forced.update(each[0] for each in meant)
        if meant:
            self.next_look = now
        return [", ".join(each) for each in meant]

    def due(self, now: float) -> float | None:
        """How long there is nothing to do."""
        if self.child is not None:
            return max(0.0, self.child.deadline - now)
        return None if self.next_look is None else max(0.0, self.next_look - now)

    def tick(self, now: float) -> None:
        if self.due(now) != 0.0:
            return
        if self.child is not None:
            self.say_lost(f"was not done after {CHILD_SECONDS:.0f} s and was ended")
            self.stop()
            self.pause(now)
        elif self.orders is not None:
            self.start(self.orders, now)

    def start(self, orders: Document, now: float) -> None:
        forced, self.forced = sorted(self.forced), set()
        self.next_look = None
        try:
            self.child = Child({"orders": orders, "forced": forced}, now + CHILD_SECONDS)
        except OSError as error:
            self.say_lost(f"cannot be started: {error.strerror}")
            self.pause(now)
            return
        self.selector.register(self.child, selectors.EVENT_READ, self.read)

    def read(self, _: int) -> None:
        """The child has said something, or has ended."""
        child = self.child
        if child is None:
            return
        for document in child.heard():
            self.follow(child, document)
        if child.is_over:
            rest = child.rest
            code = self.stop()
            now = time.monotonic()
            if rest is None:
                self.say_lost(f"has ended by itself (exit code {code})")
                self.pause(now)
            else:
                self.silences = 0
                # Whoever has asked meanwhile is not kept waiting.
                looked = now + min(rest, LONGEST_REST)
                self.next_look = looked if self.next_look is None else min(self.next_look, looked)

    def follow(self, child: Child, document: Document) -> None:
        match document.get("do"):
            case "put":
                child.answer(self.put(child, document))
            case "remove":
                self.remove(document["kind"], document["name"])
                child.put.discard((document["kind"], document["name"]))
            case "say":
                self.speaker.event(document["event"], document["text"], **document["facts"])
            case "rest":
                child.rest = float(document["seconds"])

    def put(self, child: Child, document: Document) -> Document:
        """What proves a name."""
        kind, name = document["kind"], document["name"]
        try:
            if kind == "http-01":
                self.engine.put_http_challenge(name, document["answer"])
            else:
                certificate, key = (base64.b64decode(document[part]) for part in ("answer", "key"))
                self.engine.put_tls_challenge(name, certificate, key)
        except ValueError as error:
            return {"error": str(error)}
        child.put.add((kind, name))
        return {}

    def remove(self, kind: str, name: str) -> None:
        if kind == "http-01":
            self.engine.remove_http_challenge(name)
        else:
            self.engine.remove_tls_challenge(name)

    def pause(self, now: float) -> None:
        self.silences += 1
        self.next_look = now + min(FIRST_PAUSE * 2 ** (self.silences - 1), LONGEST_PAUSE)

    def say_lost(self, why: str) -> None:
        self.speaker.event("certificate-failed", f"the process that orders certificates {why}", names=[], why=why)

    def stop(self) -> int | None:
        """Ends the child, and takes away what it has left."""
        child, self.child = self.child, None
        if child is None:
            return None
        self.selector.unregister(child)
        code = child.end()
        for kind, name in child.put:
            self.remove(kind, name)
        return code

    def close(self) -> None:
        self.stop()


class Child:
    """The process that orders. `OSError`: it cannot be started."""

    def __init__(self, question: Document, deadline: float) -> None:
        self.deadline = deadline
        self.document = bytearray()
        self.put: set[tuple[str, str]] = set()
        """What it has had put and not removed yet."""
        self.rest: float | None = None
        self.is_over = False
        # A file in memory, not a pipe: nobody waits for the child to read it.
        asked = os.memfd_create("orders")
        try:
            with os.fdopen(asked, "wb", closefd=False) as file:
                file.write(json.dumps(question).encode())
            self.process = subprocess.Popen(
                command("glorieta.control.acme.child", str(asked)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment(),
                pass_fds=(asked,),
                # Ctrl-C is for the serving process, which decides what becomes of the child.
                process_group=0,
            )
        finally:
            os.close(asked)
        os.set_blocking(self.fileno(), False)

    def fileno(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def heard(self) -> list[Document]:
        """What it has said since."""
        while not self.is_over:
            try:
                data = os.read(self.fileno(), 1 << 16)
            except BlockingIOError:
                break
            self.document += data
            self.is_over = not data or len(self.document) > LONGEST_LINE
        *lines, rest = bytes(self.document).split(b"\n")
        self.document = bytearray(rest)
        return [document for line in lines if (document := understood(line)) is not None]

    def answer(self, document: Document) -> None:
        assert self.process.stdin is not None
        # One that has ended is heard of by its other stream.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(document).encode() + b"\n")
            self.process.stdin.flush()

    def end(self) -> int:
        """Gives it a moment to clean up."""
        if not self.is_over:
            self.process.terminate()
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        return code


def understood(line: bytes) -> Document | None:
    with contextlib.suppress(ValueError):
        document: Any = json.loads(line)
        if isinstance(document, dict):
            return document
    return None
