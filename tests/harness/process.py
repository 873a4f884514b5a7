"""A running glorieta: started, awaited, watched, and ended by its process id.

Two ways to start one: a Plan in the engine alone (fast, for tests of the engine), and a YAML file through
`python -m glorieta run`, as a user does it.
"""

from __future__ import annotations

import copy
import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import yaml

from harness.client import Response, get
from harness.metrics import Samples
from harness.waiting import unused_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.plan import Document

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0
STOP_SECONDS = 15.0
STATUS_PATH = "/status"

# Hands sockets over as systemd does: descriptors from 3 on, for the process that is executed.
ACTIVATE = """
import fcntl, os, sys
spare = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 100) for number in sys.argv[1].split(",")]
for place, number in enumerate(spare, 3):
    os.dup2(number, place, inheritable=True)
os.environ.update(LISTEN_FDS=str(len(spare)), LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES=sys.argv[2])
os.execv(sys.argv[3], sys.argv[3:])
"""


def engine_binary() -> Path:
    """`GLORIETA_ENGINE`, or what `cargo build` leaves in the checkout."""
    return Path(os.environ.get("GLORIETA_ENGINE") or CHECKOUT / "target" / "debug" / "glorieta-engine")


class Glorieta:
    """One process. `port` is that of the first listener."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        ports: dict[str, int],
        admin: int,
        environment: dict[str, str] | None = None,
        pass_descriptors: Sequence[int] = (),
        stdout: Any = None,
    ):
        self.folder = folder
        self.ports = ports
        self.admin = admin
        self.stdout_file = folder / "stdout"
        self.stderr_file = folder / "stderr"
        self.log_file = folder / "access.log"
        self.ended = False
        with self.stdout_file.open("ab") as out, self.stderr_file.open("ab") as err:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=err,
                env={**os.environ, "PYTHONPATH": str(CHECKOUT / "python"), **(environment or {})},
                pass_fds=pass_descriptors,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def port(self) -> int:
        return next(iter(self.ports.values()))

    @property
    def stderr(self) -> str:
        return self.stderr_file.read_text(errors="replace")

    @property
    def stdout(self) -> str:
        return self.stdout_file.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def wait_ready(self, timeout: float = START_SECONDS) -> Self:
        """Waits until it serves; an early end is an error with all that was said."""

        def ready() -> bool:
            if not self.running:
                code = self.process.returncode
                raise AssertionError(f"glorieta ended with {code} before it was ready:\n{self.stderr}{self.stdout}")
            return self.serves()

        wait_until(ready, timeout, "glorieta's readiness")
        return self

    def serves(self) -> bool:
        """Whether `/readyz` says so."""
        try:
            return self.ask("/readyz", timeout=2.0).status == 200
        except (OSError, AssertionError):
            return False

    def ask(self, path: str, timeout: float = 10.0) -> Response:
        """An answer of the admin address."""
        return get(self.admin, path, {"Host": f"127.0.0.1:{self.admin}"}, timeout=timeout)

    def metrics(self) -> Samples:
        answer = self.ask("/metrics")
        assert answer.status == 200, answer
        return Samples(answer.text)

    def status(self) -> Document:
        """The read-only JSON view."""
        answer = self.ask(STATUS_PATH)
        assert answer.status == 200, answer
        document: Document = answer.json()
        return document

    def records(self) -> list[Document]:
        """The access log so far, where it is JSON lines in the usual file."""
        lines = self.log_file.read_text().split("\n")[:-1] if self.log_file.exists() else []
        return [json.loads(line) for line in lines]

    def wait_record(self, timeout: float = 5.0, **wanted: object) -> Document:
        """The first record with these values, such as `path="/a"`; a dictionary cannot be compared otherwise."""

        def find() -> list[Document]:
            return [each for each in self.records() if all(each.get(key) == value for key, value in wanted.items())]

        return wait_until(find, timeout, f"an access record with {wanted}")[0]

    def signal(self, number: signal.Signals) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self.ended = True
        self.process.send_signal(number)

    def wait_end(self, timeout: float = STOP_SECONDS) -> int:
        """The exit code, once it has ended by itself; its end is expected."""
        self.ended = True
        return self.process.wait(timeout)

    def stop(self) -> int:
        """SIGTERM, and the exit code; SIGKILL and a failure if that takes too long."""
        if self.running:
            self.signal(signal.SIGTERM)
        try:
            return self.wait_end()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"glorieta did not end {STOP_SECONDS} s after SIGTERM:\n{self.stderr}") from None

    def kill(self) -> None:
        self.ended = True
        if self.running:
            self.process.kill()
        self.process.wait()

    def check(self) -> None:
        """It lives unless a test ended it, and no thread of it has panicked."""
        if not self.ended:
            code = self.process.poll()
            assert code is None, f"glorieta ended with {code}:\n{self.stderr}"
        assert "panicked at" not in self.stderr, self.stderr

    def memory(self, key: str = "VmRSS") -> int:
        """A figure of /proc/PID/status, in bytes."""
        return process_memory(self.pid, key)

    def open_files(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Engine(Glorieta):
    """`glorieta-engine` with a Plan. What the Plan leaves open is chosen here: ports and the log's file."""

    def __init__(
        self,
        plan: Document,
        folder: Path,
        sockets: dict[str, int] | None = None,
        environment: dict[str, str] | None = None,
        stdout: Any = None,
    ):
        self.plan_file = folder / "plan.json"
        self.chosen: dict[str, int] = {}
        admin = unused_port()
        self.plan = self.settle(plan, folder, admin)
        self.plan_file.write_text(json.dumps(self.plan))
        command = [str(engine_binary()), str(self.plan_file)]
        if sockets:
            numbers = ",".join(str(number) for number in sockets.values())
            command = [sys.executable, "-c", ACTIVATE, numbers, ":".join(sockets), *command]
        passed = tuple((sockets or {}).values())
        super().__init__(command, folder, tcp_ports(self.plan), admin, environment, passed, stdout)

    def settle(self, plan: Document, folder: Path, admin: int) -> Document:
        plan = copy.deepcopy(plan)
        for listener in plan["listeners"]:
            name = listener["id"]
            if "" in listener["bind"]:
                self.chosen.setdefault(name, unused_port())
            listener["bind"] = [bind or f"127.0.0.1:{self.chosen[name]}" for bind in listener["bind"]]
        address = plan["admin"]["address"]
        plan["admin"]["address"] = None if address == "off" else address or f"127.0.0.1:{admin}"
        plan["access_log"]["to"] = plan["access_log"]["to"] or {"file": str(folder / "access.log")}
        return plan

    def write(self, plan: Document) -> Document:
        """Puts another Plan in place of the file, with the same ports for the same listeners."""
        settled = self.settle(plan, self.folder, self.admin)
        fresh = self.plan_file.with_suffix(".new")
        fresh.write_text(json.dumps(settled))
        fresh.replace(self.plan_file)
        return settled

    def reload(self, plan: Document) -> None:
        """Applies another Plan by SIGHUP and waits until it runs."""
        self.plan = self.write(plan)
        self.ports = tcp_ports(self.plan)
        self.signal(signal.SIGHUP)
        wait_until(self.serves, 10.0, "the new Plan's being run")

    def serves(self) -> bool:
        """Whether it says that this Plan runs: works for Plans without an admin address too."""
        return f"plan {self.plan['version']} is running" in self.stderr


class Command(Glorieta):
    """`python -m glorieta run FILE`. The text gets an admin address, so that the test can find it."""

    def __init__(self, text: str, folder: Path, *options: str, environment: dict[str, str] | None = None):
        self.file = folder / "glorieta.yaml"
        self.admin_line = f'\nadmin: {{address: "127.0.0.1:{(admin := unused_port())}"}}\n'
        self.write(text)
        command = [sys.executable, "-m", "glorieta", "run", str(self.file), *options]
        super().__init__(command, folder, yaml_ports(text), admin, environment)
        self.log_file = self.stdout_file

    def write(self, text: str) -> None:
        """Replaces the file in one step, as editors do."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text + self.admin_line)
        fresh.replace(self.file)


def tcp_ports(plan: Document) -> dict[str, int]:
    """The first TCP port of each listener."""
    ports: dict[str, int] = {}
    for listener in plan["listeners"]:
        for bind in listener["bind"]:
            if not bind.startswith(("unix:", "systemd:")):
                ports.setdefault(listener["id"], int(bind.rpartition(":")[2]))
    return ports


def yaml_ports(text: str) -> dict[str, int]:
    listeners = yaml.safe_load(text)["listeners"]
    return {name: int(str(each["bind"]).rpartition(":")[2]) for name, each in listeners.items()}


def process_memory(pid: int, key: str = "VmRSS") -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    raise KeyError(key)


def die_with_parent() -> None:
    """Has the kernel end the child if the test process is killed and can end nobody."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
