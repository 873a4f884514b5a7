"""The program of the user's that writes records for dns-01."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Literal

from .problems import OrderFailed, shortened

if TYPE_CHECKING:
    from ...plan.model.acme import DnsCommand
    from .line import Line

PREFIX = "_acme-challenge."
MOST_OUTPUT = 64 << 10
LOOK = 0.2
"""Seconds between two looks whether the program is still wanted."""


def run_command(
    settings: DnsCommand, action: Literal["present", "cleanup"], name: str, value: str, line: Line | None = None
) -> None:
    """`OrderFailed`: it cannot be run, took too long, or said that it failed. `Abandoned`: the order is not wanted any
    more, as `line` says; none: it is run to its end."""
    domain = name.removeprefix("*.")
    about = {"ACME_ACTION": action, "ACME_DOMAIN": domain, "ACME_RECORD": f"{PREFIX}{domain}", "ACME_VALUE": value}
    what = f"{settings['command'][0]} ({action} {PREFIX}{domain})"
    seconds = settings["timeout_ms"] / 1000
    try:
        process = subprocess.Popen(
            settings["command"],
            env={**os.environ, **about},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # What it has started ends with it.
            process_group=0,
        )
    except OSError as error:
        raise OrderFailed(f"{what} cannot be run: {error.strerror}") from None
    try:
        said = said_by(process, seconds, line)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise OrderFailed(f"{what} was not done after {seconds:g} s and was ended") from None
        raise
    if process.returncode != 0:
        text = shortened(said[-MOST_OUTPUT:].decode(errors="replace")) or "it said nothing"
        raise OrderFailed(f"{what} failed with exit code {process.returncode}: {text}")


def said_by(process: subprocess.Popen[bytes], seconds: float, line: Line | None) -> bytes:
    """What a program prints until it ends. `TimeoutExpired`, `Abandoned`: it goes on."""
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        try:
            return process.communicate(timeout=max(0.0, min(LOOK, left)))[0]
        except subprocess.TimeoutExpired:
            if left <= LOOK:
                raise
        if line is not None:
            line.pause(0)
