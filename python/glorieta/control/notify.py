"""Tells systemd how far we are (sd_notify(3)): one datagram to the socket that it names."""

from __future__ import annotations

import os
import socket
import time

READY = "READY=1"
STOPPING = "STOPPING=1"


def tell(*states: str) -> None:
    """Sends the states. Nobody to tell is the normal case; one who does not listen is no reason not to serve."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as to:
            to.sendto("\n".join(states).encode(), name)
    except OSError:
        return


def reloading() -> tuple[str, str]:
    """What `Type=notify-reload` wants to hear, with the clock reading that orders it after the request."""
    return "RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"


def status(text: str) -> str:
    """The line that `systemctl status` shows."""
    return "STATUS=" + text.replace("\n", " ")
