"""The demo from beginning to end: start, load, kill, count, verify, a second act, and stay until told to go."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import checks, frontends, view
from .example import DemoError, Example, find_example, free_port, port_is_free, read_example
from .ledger import Ledger
from .load import Load, schedule
from .processes import Child, Children, wait_until
from .report import Result, Speaker, ways_on

ENGINE_MODULE = "glorieta._engine"
EXAMPLE = "reverse-proxy"
BALANCED = "service1"
START_SECONDS = 15.0
KILL_AT_SHARE = 0.5


@dataclass(frozen=True)
class Options:
    """What a person may choose on the command line."""

    seconds: float = 8.0
    rate: float = 300.0
    connections: int = 48
    as_json: bool = False
    stay: bool = True
    glorieta: tuple[str, ...] = ()
    """The command that runs a configuration; empty: this installation's `glorieta run`."""


def run(options: Options) -> int:
    """The exit code: 0 when every check passed, 1 when one did not."""
    speaker = Speaker(sys.stderr if options.as_json else sys.stdout)
    if not options.glorieta and not engine_is_there():
        raise DemoError("the engine is not built for this Python; run `make demo` in a checkout, or reinstall glorieta")
    folder = Path(tempfile.mkdtemp(prefix="glorieta-demo-"))
    try:
        with ended_by_signals(), Children(folder) as children:
            return Demo(options, speaker, folder, children).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def engine_is_there() -> bool:
    with contextlib.suppress(ImportError):
        return importlib.util.find_spec(ENGINE_MODULE) is not None
    return False


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP leave by the same way as Ctrl-C, so that the children are ended."""

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Demo:
    """One run."""

    def __init__(self, options: Options, speaker: Speaker, folder: Path, children: Children) -> None:
        self.options = options
        self.speaker = speaker
        self.children = children
        self.folder = folder
        self.example = read_example(find_example(EXAMPLE).read_text(), port_is_free, free_port)
        self.configuration = folder / "glorieta.yaml"
        self.configuration.write_text(self.example.text)
        self.instances = instance_names(self.example)
        self.admin = f"127.0.0.1:{self.example.admin_port}"

    def run(self) -> int:
        start_seconds = self.start()
        killed_port = self.example.services[BALANCED][-1]
        ledger, planned = asyncio.run(self.load(self.instances[killed_port]))
        result = self.count(ledger, planned, self.instances[killed_port], start_seconds)
        self.speaker.result(result)
        bff = self.second_act(result)
        if self.options.as_json:
            print(json.dumps(result.as_json(), indent=2), flush=True)
        if self.options.stay:
            self.stay(killed_port, bff)
        return 0 if result.passed else 1

    def start(self) -> float:
        """Starts services and glorieta; how long it took until both services answered through glorieta."""
        for old, new in self.example.moved.items():
            self.speaker.say(f"Port {old} is taken; {new} stands for it in {self.configuration}")
        began = time.monotonic()
        for port, name in self.instances.items():
            self.children.start(name, service_command(port, name))
        glorieta = self.children.start("glorieta", (*self.glorieta, str(self.configuration)))
        for child in self.children.all:
            where = next((f"  localhost:{port}" for port, name in self.instances.items() if name == child.name), "")
            self.speaker.say(f"Started {child.name:<11} pid {child.pid}{where}")
        for name in self.example.services:
            self.await_answer(glorieta, f"/{name}/healthz")
        seconds = time.monotonic() - began
        self.speaker.say(f"Both services answer at http://localhost:{self.example.port} after {seconds:.1f} s")
        return seconds

    @property
    def glorieta(self) -> tuple[str, ...]:
        """The command that runs a configuration."""
        return self.options.glorieta or (sys.executable, "-m", "glorieta", "run")

    def second_act(self, result: Result) -> int:
        """Two frontends and their backends; the port at which they are."""
        bff = frontends.Frontends(self.folder, self.children, self.glorieta)
        result.asked = bff.play()
        frontends.tell(self.speaker.say, result.asked, bff.port)
        more = frontends.verify(result.asked)
        self.speaker.checks(more)
        result.checks += more
        return bff.port

    def await_answer(self, glorieta: Child, path: str) -> None:
        address = f"127.0.0.1:{self.example.port}"

        def answered() -> bool:
            return not glorieta.running() or view.fetch(address, path, seconds=1.0) is not None

        in_time = wait_until(answered, START_SECONDS, every=0.05)
        if not glorieta.running():
            raise DemoError(f"glorieta ended with {glorieta.process.returncode}:\n{glorieta.last_lines()}")
        if not in_time:
            raise DemoError(f"{path} did not answer within {START_SECONDS:.0f} s:\n{glorieta.last_lines()}")

    async def load(self, victim_name: str) -> tuple[Ledger, int]:
        """Plays the schedule, kills one instance in the middle, and says once a second how it goes."""
        requests = schedule(self.options.rate, self.options.seconds)
        load = Load("127.0.0.1", self.example.port, requests, self.options.connections)
        self.speaker.say(
            f"\nOpen-loop load: {self.options.rate:g} requests/s, GET and POST, "
            f"{self.options.connections} connections, {self.options.seconds:g} s"
        )
        playing = asyncio.create_task(load.run())
        try:
            kill_at = self.options.seconds * KILL_AT_SHARE
            await self.watch(load, playing, kill_at)
            victim = next(child for child in self.children.all if child.name == victim_name)
            load.ledger.killed_at = load.elapsed()
            victim.kill()
            self.speaker.say(f"  {load.elapsed():4.1f} s  SIGKILL to {victim.name} (pid {victim.pid})")
            await self.watch(load, playing, float("inf"))
            return await playing, len(requests)
        finally:
            playing.cancel()

    async def watch(self, load: Load, playing: asyncio.Task[Ledger], until: float) -> None:
        """A line a second, until this many seconds of the load, or its end."""
        following = int(load.elapsed()) + 1 if load.began else 1
        while not playing.done() and (not load.began or load.elapsed() < until):
            await asyncio.wait({playing}, timeout=0.05)
            if load.elapsed() >= following:
                self.speaker.progress(load.elapsed(), load.sent, load.ledger)
                following += 1

    def count(self, ledger: Ledger, planned: int, killed: str, start_seconds: float) -> Result:
        prefix = f"/{BALANCED}/"
        balanced = [self.instances[port] for port in self.example.services[BALANCED]]
        samples = view.parse_metrics(view.fetch(self.admin, "/metrics") or "")
        paths = [outcome.path for outcome in ledger.failures()]
        return Result(
            ledger=ledger,
            cut=ledger.cut(prefix),
            reasons=self.read_reasons(paths),
            killed=killed,
            retries=view.total(samples, "glorieta_retries_total", "reason"),
            outcomes=view.total(samples, "glorieta_upstream_requests_total", "outcome", upstream=BALANCED),
            checks=checks.verify(ledger, planned, balanced, killed, prefix),
            start_seconds=start_seconds,
            addresses={"web": f"http://localhost:{self.example.port}", "admin": f"http://{self.admin}"},
        )

    def read_reasons(self, paths: list[str]) -> dict[str, str]:
        """The log is written behind the requests, so it gets a moment to catch up."""
        log = next(child.log for child in self.children.all if child.name == "glorieta")
        found: dict[str, str] = {}

        def complete() -> bool:
            found.update(view.reasons(log.read_text(errors="replace").splitlines(), paths))
            return len(found) == len(set(paths))

        wait_until(complete, 1.0, every=0.1)
        return found

    def stay(self, killed_port: int, bff: int) -> None:
        """Until Ctrl-C, or until glorieta ends by itself."""
        command = service_command(killed_port, self.instances[killed_port])
        lines = ways_on(self.example.port, self.admin, command, bff, str(self.folder))
        for line in lines:
            self.speaker.say(line)
        glorieta = next(child for child in self.children.all if child.name == "glorieta")
        with contextlib.suppress(KeyboardInterrupt):
            while glorieta.running():
                time.sleep(0.2)
            self.speaker.say(f"glorieta ended with {glorieta.process.returncode}:\n{glorieta.last_lines()}")
        self.speaker.say("\nEnding glorieta and its services …")


def instance_names(example: Example) -> dict[int, str]:
    """`service1-a`, `service1-b` where there are several, `service2` where there is one; by port."""
    names = {}
    for service, ports in example.services.items():
        for letter, port in zip("abcdefgh", ports, strict=False):
            names[port] = f"{service}-{letter}" if len(ports) > 1 else service
    return names


def service_command(port: int, name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "glorieta.demo.service", "--port", str(port), "--name", name)
