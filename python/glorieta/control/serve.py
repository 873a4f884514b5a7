"""The serving process: `python -m glorieta.control.serve`, which `glorieta run` becomes.

It holds the engine and follows signals, files and the control socket. It imports the standard library and
the engine only, because its memory is what an idle glorieta costs.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from functools import partial

from ..engine import Engine, PlanRefused
from .channel import ControlBusy, Document
from .compiled import Compiled
from .exits import ExitCode
from .interpreter import THRIFTY
from .loop import ControlLoop
from .notify import READY, status, tell
from .say import Speaker
from .signals import Signals, kept_from_threads


@dataclass
class Options:
    """What `glorieta run` has decided."""

    references: tuple[str, ...]
    """The configuration, as the child takes it; none: it exists only in memory, nothing can be reloaded."""
    identity: str
    compiled: int
    """The descriptor that holds the first `Compiled` document."""
    control: str = ""
    admin_socket: str = ""
    watch: bool = True
    terminal: bool = False
    as_json: bool = False
    show: bool = False
    """Say listeners, roles and routes at the start."""

    @staticmethod
    def parse(arguments: list[str]) -> Options:
        """`IDENTITY DESCRIPTOR [control=PATH] [admin-socket=PATH] [WORD...] -- REFERENCE...`; words are `no-watch`,
        `terminal`, `json` and `show`."""
        end = arguments.index("--", 2)
        identity, descriptor, *rest = arguments[:end]
        paths = dict(part.split("=", 1) for part in rest if "=" in part)
        return Options(
            tuple(arguments[end + 1 :]),
            identity,
            int(descriptor),
            control=paths.get("control", ""),
            admin_socket=paths.get("admin-socket", ""),
            watch="no-watch" not in rest,
            terminal="terminal" in rest,
            as_json="json" in rest,
            show="show" in rest,
        )

    def arguments(self) -> list[str]:
        """What `parse` reads."""
        paths = [("control", self.control), ("admin-socket", self.admin_socket)]
        words = [("no-watch", not self.watch), ("terminal", self.terminal), ("json", self.as_json), ("show", self.show)]
        return [
            self.identity,
            str(self.compiled),
            *(f"{name}={path}" for name, path in paths if path),
            *(word for word, wanted in words if wanted),
            "--",
            *self.references,
        ]

    def child_arguments(self) -> list[str]:
        socket = ["--admin-socket", self.admin_socket] if self.admin_socket else []
        words = [("--terminal", self.terminal), ("--json", self.as_json)]
        return [*(word for word, wanted in words if wanted), *socket, "--", *self.references]


def main(arguments: list[str]) -> int:
    options = Options.parse(arguments)
    # It has had its effect, and is not for the processes that are started from here.
    for name, value in THRIFTY.items():
        if os.environ.get(name) == value:
            del os.environ[name]
    speaker = Speaker(options.as_json)
    with os.fdopen(options.compiled, "rb") as document:
        compiled = Compiled.decode(document.read())
    signals = Signals()
    engine = start(compiled, options, speaker)
    if engine is None:
        return ExitCode.REFUSED
    loop = ControlLoop(engine, signals, options, compiled, speaker)
    try:
        loop.listen()
    except ControlBusy:
        speaker.event("control-busy", f"{options.identity} runs already; `glorieta reload` reaches that one, not this")
    except OSError as error:
        text = f"no control socket at {options.control}: {error.strerror}"
        speaker.event("control-failed", text, path=options.control, why=error.strerror)
    loop.begin(partial(say_started, engine, speaker, compiled.version, compiled.warnings))
    # The loop keeps what it needs of it, packed; at ten thousand routes the rest is worth letting go.
    del compiled
    cut = loop.run()
    if loop.refused:
        return ExitCode.REFUSED
    return ExitCode.INTERRUPTED if cut else ExitCode.OK


def start(compiled: Compiled, options: Options, speaker: Speaker) -> Engine | None:
    """The running engine; None: it has refused the Plan, which has been said."""
    colour = options.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    if options.show:
        speaker.plain(compiled.short)
    speaker.plain(compiled.warnings_text)
    try:
        with kept_from_threads():
            engine = Engine(compiled.plan or "", colour=colour, utc_offset_seconds=time.localtime().tm_gmtoff)
    except PlanRefused as error:
        say_refused(error, speaker)
        return None
    return engine


def say_started(engine: Engine, speaker: Speaker, version: str, warnings: list[Document]) -> None:
    """Once handlers, where there are some, are ready as well: whoever waits for this may ask at once."""
    addresses, admin = engine.addresses(), engine.admin_addresses()
    lines = [f"{listener} at {', '.join(places)}" for listener, places in addresses.items()]
    lines += [f"admin at {', '.join(admin)}"] if admin else []
    lines += [f"plan {version} is running"]
    speaker.event("started", "\n".join(lines), version=version, addresses=addresses, admin=admin, warnings=warnings)
    tell(READY, status(f"Serving plan {version}"))


def say_refused(error: PlanRefused, speaker: Speaker) -> None:
    problems = [{"path": path, "message": message} for path, message in error.problems]
    text = "\n".join(f"{path}: {message}" for path, message in error.problems)
    speaker.event("refused", text, problems=problems)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
