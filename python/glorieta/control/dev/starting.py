"""Starts the process with the page, and names its socket to whatever is started from here."""

from __future__ import annotations

import os
import socket
import subprocess

from .. import places
from ..interpreter import command, environment
from .telling import VARIABLE

HOST = "127.0.0.1"
"""What requests were is nobody's business beyond this machine."""


def start(port: int) -> int:
    """The port at which the page is: another one, where this is taken. `OSError`: there can be no page.

    It ends with this process, or with what this process becomes: it reads a pipe whose other end stays open as long.
    """
    path = own_socket()
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(path)
    asked = listening(port)
    lifeline, ours = os.pipe()
    os.set_inheritable(ours, True)
    given = (asked.fileno(), told.fileno(), lifeline)
    with told, asked:
        subprocess.Popen(
            command("glorieta.control.dev.page", *map(str, given), path),
            stdin=subprocess.DEVNULL,
            env=environment(),
            pass_fds=given,
            # Ctrl-C is for what runs; the page ends after it.
            process_group=0,
        )
        os.close(lifeline)
        os.environ[VARIABLE] = path
        return int(asked.getsockname()[1])


def own_socket() -> str:
    """Where requests are told, in a folder that is this user's only. `OSError`: there is none."""
    sockets = places.own_sockets(f"requests of {os.getpid()}")
    if sockets is None:
        raise OSError("no folder is safe for a socket")
    path = sockets.folder / f"{sockets.name}.requests"
    path.unlink(missing_ok=True)
    return str(path)


def listening(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError:
        return socket.create_server((HOST, 0))
