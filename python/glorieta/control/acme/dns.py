"""The program of the user's that writes records for dns-01."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Literal

from .problems import OrderFailed, shortened

if TYPE_CHECKING:
    from ...plan.model.acme import DnsCommand

PREFIX = "_acme-challenge."
MOST_OUTPUT = 64 << 10


def run_command(settings: DnsCommand, action: Literal["present", "cleanup"], name: str, value: str) -> None:
    """`OrderFailed`: it cannot be run, took too long, or said that it failed."""
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
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise OrderFailed(f"{what} was not done after {seconds:g} s and was ended") from None
    if process.returncode != 0:
        text = shortened(said[-MOST_OUTPUT:].decode(errors="replace")) or "it said nothing"
        raise OrderFailed(f"{what} failed with exit code {process.returncode}: {text}")
