"""Runs commands side by side, each one a JSON array of words, until one ends or this is told to end."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys

SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2): the commands end with this, however it ends."""
LIBC = ctypes.CDLL(None)


def end_with_parent() -> None:
    LIBC.prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def main(commands: list[str]) -> int:
    processes = [subprocess.Popen(json.loads(command), preexec_fn=end_with_parent) for command in commands]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        os.wait()
        return 1
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
