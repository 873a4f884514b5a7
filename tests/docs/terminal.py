"""A program on a terminal of its own, as a reader starts it: what it says is kept, and it is ended by its id."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import threading
from typing import TYPE_CHECKING

from harness import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

COLUMNS = 120


class Terminal:
    """A running command whose output goes to a pseudo-terminal."""

    def __init__(self, command: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.command = command
        self.said = ""
        master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=folder,
            env={**environment, "COLUMNS": str(COLUMNS)},
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.reader = threading.Thread(target=self.read, args=(master,), daemon=True)
        self.reader.start()

    def read(self, master: int) -> None:
        # The other end's closing is an error of its own here.
        with contextlib.suppress(OSError):
            while data := os.read(master, 1 << 16):
                self.said += data.decode(errors="replace").replace("\r\n", "\n")
        os.close(master)

    def wait_said(self, text: str, seconds: float = 20.0) -> None:
        """Until it has said this; its end before that is an error."""

        def said() -> bool:
            assert self.process.poll() is None or text in self.said, f"{self.command} ended:\n{self.said}"
            return text in self.said

        wait_until(said, seconds, f"{text!r} on the terminal of {self.command}")

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.command} did not end after SIGTERM:\n{self.said}") from None
        finally:
            self.reader.join(5)
