"""Asking a contender for something else while a row is measured."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.load import meanwhile
from bench.processes import Failure, popen

if TYPE_CHECKING:
    from collections.abc import Iterator

END_SECONDS = 15.0


@dataclass
class Asked:
    answered: int = 0
    """Answers with status 200; known at the end."""


@contextmanager
def asking(port: int, path: str, core: int) -> Iterator[Asked]:
    """Ends when the last answer is there: nothing of it is left for whoever is measured next."""
    command = [sys.executable, str(Path(meanwhile.__file__)), str(port), path]
    client = popen(command, core, subprocess.PIPE, subprocess.PIPE, standard_input=subprocess.PIPE)
    asked = Asked()
    try:
        if client.stdout is None or client.stdout.readline() != b"ready\n":
            raise Failure(f"asking for {path} meanwhile failed: {said(client)}")
        yield asked
        output, errors = client.communicate(timeout=END_SECONDS)
        if client.returncode != 0:
            raise Failure(f"asking for {path} meanwhile failed: {errors.decode(errors='replace').strip()}")
        asked.answered = int(output)
    finally:
        client.kill()
        client.wait()


def said(client: subprocess.Popen[bytes]) -> str:
    _, errors = client.communicate(timeout=END_SECONDS)
    return errors.decode(errors="replace").strip()
