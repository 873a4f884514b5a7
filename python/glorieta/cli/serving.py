"""How a command becomes the serving process: it compiles, hands over the result, and is replaced.

Replaced, not followed: the process id stays, so that systemd and a terminal go on talking to the right one,
and what only the command line needed is gone from memory.
"""

from __future__ import annotations

import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, NoReturn

from ..control import places
from ..control.compiled import Compiled
from ..control.interpreter import THRIFTY, command, environment
from ..control.lines import printed_as_lines
from ..control.serve import Options
from .output import refuse
from .running import identity_of
from .streams import code_to_standard_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..config import Edge


def serve(
    references: Sequence[str],
    edge: Edge | None = None,
    *,
    watch: bool = True,
    as_json: bool = False,
    show: bool | None = None,
) -> NoReturn:
    """Serves what the references name; or the edge, where it exists only in memory and there are none.

    `show`: say listeners, roles and routes at the start; None: if a person sees it.
    """
    from ..control.child import compile_reference

    terminal = sys.stdout.isatty()
    show = terminal if show is None else show
    identity = identity_of(references) if references else "a configuration in memory"
    sockets = places.own_sockets(identity) if references else None
    admin_socket = str(sockets.admin) if sockets else ""
    with code_to_standard_error(), printed_as_lines() if as_json else nullcontext():
        compiled = compile_reference(
            edge or references, terminal=terminal, admin_socket=admin_socket or None, short=show
        )
    if compiled.refused:
        refuse(compiled, as_json)
    options = Options(
        references=tuple(references),
        identity=identity,
        compiled=hand_over(compiled),
        control=str(sockets.control) if sockets else "",
        admin_socket=admin_socket,
        watch=watch,
        terminal=terminal,
        as_json=as_json,
        show=show,
    )
    sys.stdout.flush()
    sys.stderr.flush()
    line = command("glorieta.control.serve", *options.arguments())
    os.execve(line[0], line, THRIFTY | environment())


def hand_over(compiled: Compiled) -> int:
    """A descriptor that holds the document and stays open in what replaces this process."""
    descriptor = os.memfd_create("compiled", 0)
    with os.fdopen(os.dup(descriptor), "wb") as document:
        document.write(compiled.encode())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
