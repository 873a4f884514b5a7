"""The program of a handler process: `python -m glorieta.control.handlers.process`, told what to do on standard input.

It imports what the Plan names, says that it is ready (or why it is not), and serves until it is told to end or until
whoever started it has ended. What handlers print goes to standard error: standard output is the access log's.
"""

from __future__ import annotations

import json
import logging
import os
import select
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from ...config.errors import ConfigError, Problem
from ...config.reading import shown
from ...engine import Carrier
from ...handlers.locating import Located, Named, content_of, locate
from ...handlers.serving.process import Settings, serve
from ..dev.telling import recorded
from . import logs

if TYPE_CHECKING:
    from collections.abc import Sequence

CHANGED = "its routes are not those that the Plan was made of; its code has changed meanwhile"
RELOAD = "reload the configuration"
LAST_SECONDS = 5.0
"""How long this may go on after the end of whoever started it, for what handlers have to put in order."""


def main(about: dict[str, Any]) -> int:
    for descriptor in (about["memory"], about["event"], *about["workers"], about["ready"], about["parent"]):
        # They are not for what handlers may start.
        os.set_inheritable(descriptor, False)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    # What handlers import later is as fresh as what they import at once (`config.objects`).
    sys.dont_write_bytecode = True
    logs.begin(as_json=about["json"])
    threading.Thread(target=end_with, args=(about["parent"],), daemon=True, name="glorieta-lifeline").start()
    answer = Answer(about["ready"])
    try:
        located = applications(about["launch"], strict=about["strict"])
    except ConfigError as error:
        answer.say([{"path": problem.where() or "handlers", "message": problem.text()} for problem in error.problems])
        return 1
    carrier = Carrier(about["memory"], about["event"], about["workers"])
    settings = Settings(threads=about["launch"]["threads"])
    served = recorded([each.application for each in located])
    code = serve(carrier, served, ready=lambda: answer.say([]), parent=about["parent"], settings=settings)
    # Only a lifespan can end it before it is ready, and that is in the log.
    answer.say([{"path": "handlers", "message": "the handlers' lifespan has failed; the log has said why"}])
    return code


def applications(launch: dict[str, Any], *, strict: bool) -> list[Located]:
    """All that the Plan names. `ConfigError`: one cannot be used, or is not what the Plan was made of."""
    changed = changed_files(launch["files"])
    if strict and changed:
        fix = launch.get("fix", RELOAD)
        raise ConfigError([Problem((), what, fix, file=name) for name, what in changed.items()])
    located = [found(each) for each in launch["applications"]]
    for name, what in changed.items():
        logging.getLogger("glorieta.handlers").warning("%s %s", name, what)
    return located


def changed_files(files: dict[str, str]) -> dict[str, str]:
    """Files whose code is not what the Plan was made of, each with what there is to say of it."""
    now = {name: content_of(name) for name, content in files.items() if content_of(name) != content}
    told = {True: "has changed since the Plan was made of it", False: "is not there any more"}
    return {shown(name): told[bool(content)] for name, content in now.items()}


def found(wanted: dict[str, Any]) -> Located:
    """An application of the Plan. `ConfigError`."""
    located = locate(Named.from_json(wanted["named"]))
    if located.fingerprint() != wanted["fingerprint"]:
        raise ConfigError([Problem((), CHANGED, RELOAD, file=wanted["named"]["reference"])])
    return located


class Answer:
    """What is said to whoever started this; nobody listens to more than the first word."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor: int | None = descriptor

    def say(self, problems: Sequence[dict[str, str]]) -> None:
        descriptor, self.descriptor = self.descriptor, None
        if descriptor is not None:
            os.write(descriptor, json.dumps({"problems": list(problems)}).encode())
            os.close(descriptor)


def end_with(parent: int) -> None:
    """Ends this process after the one that started it, whatever handlers do. Handlers may block the event loop, which
    looks at the same descriptor, for ever."""
    ended = select.poll()
    ended.register(parent, select.POLLIN)
    ended.poll()
    time.sleep(LAST_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(json.load(sys.stdin)))
