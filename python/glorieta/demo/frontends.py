"""The demo's second act: two frontends, the same services, and for each frontend a backend of its own.

It runs the example of BFFs as it is in the documentation, beside what the first act has left running.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import view
from .checks import Check
from .example import DemoError, Example, find_example, free_port, port_is_free, read_example
from .processes import Children, wait_until

EXAMPLE = "bff"
START_SECONDS = 15.0
ANSWER_SECONDS = 5.0
SETTLE_SECONDS = 1.0
"""How long metrics may take until they have counted a call."""
MOBILE = "m.localhost"
WEB = "www.localhost"
NEEDS = {MOBILE: {"users", "orders"}, WEB: {"users", "orders", "recommendations"}}
"""What each frontend's backend calls."""
PLAIN, LATE = "/home/7", "/home/8"
"""Somebody whose page is there at once, and somebody for whom recommendations come too late."""
PARTIAL = "glorieta-partial"


@dataclass(frozen=True)
class Asked:
    """One request, its answer, and which services it has become calls of."""

    host: str
    path: str
    status: int
    milliseconds: float
    calls: tuple[str, ...]
    missing: str | None
    """What the header says that is missing."""
    body: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def ask(port: int, host: str, path: str) -> tuple[int, str | None, str]:
    """Status, what is missing, and the body. `OSError`: there is no answer."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as response:
            return response.status, response.headers.get(PARTIAL), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, None, error.read().decode()


def verify(asked: list[Asked]) -> list[Check]:
    """What the second act claims."""
    needed = all(each.status == 200 and set(each.calls) == NEEDS[each.host] for each in asked)
    figures = "; ".join(f"{host} {len(calls)} calls" for host, calls in NEEDS.items())
    late = [each for each in asked if each.path == LATE]
    told = [each for each in late if each.missing and "recommendations" in each.missing]
    return [
        Check(
            "each frontend's backend called what its screen needs, and nothing else", needed and len(asked) > 1, figures
        ),
        Check(
            "what was late was left out, and the answer says so",
            bool(told) and told == late,
            f"{len(told)} of {len(late)}",
        ),
    ]


class Frontends:
    """The example in a folder of its own, with its services and its own glorieta."""

    def __init__(self, folder: Path, children: Children, glorieta: tuple[str, ...]) -> None:
        self.children = children
        self.folder = folder / EXAMPLE
        source = find_example(EXAMPLE)
        shutil.copytree(source.parent, self.folder, ignore=shutil.ignore_patterns("__pycache__"))
        self.example: Example = read_example(source.read_text(), port_is_free, free_port)
        self.configuration = self.folder / source.name
        self.configuration.write_text(self.example.text)
        self.command = (*glorieta, str(self.configuration))

    @property
    def port(self) -> int:
        return self.example.port

    def play(self) -> list[Asked]:
        """`DemoError`: something does not start."""
        self.start()
        return [self.asked(MOBILE, PLAIN), self.asked(WEB, PLAIN), self.asked(WEB, LATE)]

    def start(self) -> None:
        for name, ports in self.example.services.items():
            command = (sys.executable, str(self.folder / "services.py"), name, "--port", str(ports[0]))
            self.children.start(name, command)
        glorieta = self.children.start("glorieta-bff", self.command)

        def answers() -> bool:
            return not glorieta.running() or all(self.is_answered(host) for host in NEEDS)

        in_time = wait_until(answers, START_SECONDS, every=0.05)
        if not in_time or not glorieta.running():
            raise DemoError(f"the backends for frontends do not answer:\n{glorieta.last_lines()}")

    def is_answered(self, host: str) -> bool:
        try:
            return ask(self.port, host, PLAIN)[0] == 200
        except OSError:
            return False

    def asked(self, host: str, path: str) -> Asked:
        before = self.calls()
        began = time.monotonic()
        status, missing, body = ask(self.port, host, path)
        milliseconds = (time.monotonic() - began) * 1000
        made: dict[str, int] = {}

        def counted() -> bool:
            made.update({name: count - before.get(name, 0) for name, count in self.calls().items()})
            return sum(made.values()) >= len(NEEDS[host])

        wait_until(counted, SETTLE_SECONDS)
        calls = tuple(name for name in self.example.services if made.get(name))
        return Asked(host, path, status, round(milliseconds, 1), calls, missing, body)

    def calls(self) -> dict[str, int]:
        """How often each service was asked so far, as glorieta has counted it."""
        samples = view.parse_metrics(view.fetch(f"127.0.0.1:{self.example.admin_port}", "/metrics") or "")
        return view.total(samples, "glorieta_upstream_requests_total", "upstream")


def tell(say: Callable[[str], None], asked: list[Asked], port: int) -> None:
    """Each request with what it has become."""
    say("\nTwo frontends, the same services: each has a backend of its own (Python handlers)")
    for each in asked:
        without = f", without {each.missing.partition(';')[0]}" if each.missing else ""
        say(f"  GET http://{each.host}:{port}{each.path}  {each.status}, {each.milliseconds:.0f} ms{without}")
        say(f"    called {', '.join(each.calls)}")
        say(f"    {shortened(each.body)}")


def shortened(body: str, most: int = 100) -> str:
    text = json.dumps(json.loads(body), ensure_ascii=False) if body.startswith("{") else body
    return text if len(text) <= most else f"{text[: most - 1]}…"
