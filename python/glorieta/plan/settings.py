"""What belongs to the whole process: the admin address and the access log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.address import full_bind
from ..config.admin import AUTO

if TYPE_CHECKING:
    from .compiling import Compiling, Surroundings
    from .model import AccessLog, Admin

STREAMS = ("stdout", "stderr")
FORMATS = ("json", "combined", "human")


def compile_admin(compiling: Compiling, surroundings: Surroundings) -> Admin:
    admin = compiling.edge.admin
    if admin is None:
        return {"address": None, "required": False, "socket": None, "hosts": []}
    if admin.socket == AUTO:
        socket = surroundings.admin_socket
    else:
        socket = None if admin.socket == "off" else compiling.absolute(admin.socket, ("admin", "socket"))
    return {
        "address": None if admin.address is None else full_bind(admin.address),
        "required": admin.written("address") and admin.address is not None,
        "socket": socket,
        "hosts": list(admin.hosts),
    }


def compile_log(compiling: Compiling, surroundings: Surroundings) -> AccessLog:
    log = compiling.edge.log
    is_stream = log.to in STREAMS
    form = log.format
    if not log.written("format") and is_stream and surroundings.terminal:
        form = "human"
    return {
        "to": log.to if is_stream or log.to == "off" else {"file": compiling.absolute(log.to, ("log", "to"))},
        "format": form if form in FORMATS else {"template": form},
        "queue": log.queue,
    }
