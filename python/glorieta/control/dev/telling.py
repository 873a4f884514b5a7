"""How a handler process tells what became of requests: one datagram for each, and none is waited for."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import TYPE_CHECKING, Any

from ...handlers.serving.recording import RecordedApplication

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...handlers.serving.application import Application

VARIABLE = "GLORIETA_DEV_SOCKET"
"""The environment variable that says where they are told to; `glorieta dev` sets it for what it starts."""


def recorded(applications: Sequence[Application]) -> Sequence[Application]:
    """The same applications; where somebody wants to know, their requests are told."""
    path = os.environ.get(VARIABLE)
    if not path:
        return applications
    teller = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def tell(document: dict[str, Any]) -> None:
        # Whoever listens may be slow, or may have ended: neither is worth a handler's time.
        with contextlib.suppress(OSError):
            teller.sendto(json.dumps(document).encode(), path)

    return [RecordedApplication(application, tell) for application in applications]
