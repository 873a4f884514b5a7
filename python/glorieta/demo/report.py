"""How the demo speaks: live progress, then the figures, as text for a person or JSON for a program."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from .checks import Check
from .frontends import Asked
from .ledger import Ledger, Outcome

NAMED_AT_MOST = 20


@dataclass
class Result:
    """Everything that one run found out."""

    ledger: Ledger
    cut: list[Outcome]
    reasons: dict[str, str]
    """glorieta's reason for each path it answered by itself, from the access log."""
    killed: str
    retries: dict[str, int]
    """By reason, from glorieta's metrics; empty when the admin address did not answer."""
    outcomes: dict[str, int]
    """Tries of service1 by outcome, from the same place."""
    checks: list[Check]
    start_seconds: float
    addresses: Mapping[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    """The requests of the second act."""

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "start_seconds": round(self.start_seconds, 3),
            "requests": len(self.ledger.outcomes),
            "methods": dict(self.ledger.by_method()),
            "answers": dict(sorted(self.ledger.by_service().items())),
            "killed": self.killed,
            "killed_at_seconds": round(self.ledger.killed_at or 0.0, 3),
            "retries": self.retries,
            "upstream_outcomes": self.outcomes,
            "idempotent_failures": [describe(outcome, self.reasons) for outcome in self.ledger.idempotent_failures()],
            "cut": [describe(outcome, self.reasons) for outcome in self.cut],
            "latency_ms": {
                name: round(self.ledger.quantile(share) * 1000, 1) for name, share in (("p50", 0.5), ("p99", 0.99))
            },
            "frontends": [asked.as_json() for asked in self.asked],
            "checks": [check.as_json() for check in self.checks],
            "addresses": dict(self.addresses),
        }


def describe(outcome: Outcome, reasons: Mapping[str, str]) -> dict[str, Any]:
    return {
        "number": outcome.number,
        "method": outcome.method,
        "path": outcome.path,
        "status": outcome.status,
        "reason": reasons.get(outcome.path) or outcome.error or "not in the access log",
        "at_seconds": round(outcome.finished, 3),
    }


class Speaker:
    """Writes lines as they become true. With `--json` they go to standard error, the document to output."""

    def __init__(self, to: TextIO | None = None) -> None:
        self.to = to or sys.stdout

    def say(self, line: str = "") -> None:
        print(line, file=self.to, flush=True)

    def progress(self, seconds: float, sent: int, ledger: Ledger) -> None:
        counts = " · ".join(f"{name} {count}" for name, count in sorted(ledger.by_service().items()))
        self.say(f"  {seconds:4.1f} s  {sent:5d} sent   {counts}   failed {len(ledger.failures())}")

    def result(self, result: Result) -> None:
        ledger = result.ledger
        self.say("\nAnswers by instance")
        for name, count in sorted(ledger.by_service().items()):
            self.say(f"  {name:<12} {count:6d}{'   (killed)' if name == result.killed else ''}")
        self.say(
            f"  p50 {ledger.quantile(0.5) * 1000:.1f} ms, p99 {ledger.quantile(0.99) * 1000:.1f} ms, from when due"
        )
        self.say("Counted by glorieta")
        self.say(f"  retries           {counted(result.retries)}")
        self.say(f"  tries of service1 {counted(result.outcomes)}")
        self.named("POSTs cut after sending", result.cut, result.reasons)
        unanswered = [outcome for outcome in ledger.failures() if outcome not in result.cut]
        self.named("Other failures", unanswered, result.reasons)
        self.checks(result.checks)

    def checks(self, checks: Iterable[Check]) -> None:
        self.say("\nChecks")
        for check in checks:
            self.say(f"  {'ok    ' if check.passed else 'FAILED'} {check.claim}: {check.figures}")

    def named(self, title: str, outcomes: list[Outcome], reasons: Mapping[str, str]) -> None:
        self.say(f"{title}: {len(outcomes)}")
        for outcome in outcomes[:NAMED_AT_MOST]:
            fact = describe(outcome, reasons)
            self.say(f"  {fact['method']} {fact['path']}  {fact['status'] or 'no answer'}  {fact['reason']}")
        if len(outcomes) > NAMED_AT_MOST:
            self.say(f"  … and {len(outcomes) - NAMED_AT_MOST} more")


def counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{word} {count}" for word, count in sorted(counts.items())) or "none"


def ways_on(port: int, admin: str, killed: Iterable[str], bff: int, folder: str) -> list[str]:
    """What to try while everything is running."""
    return [
        "",
        "Everything is still running. Try:",
        f"  curl -i http://localhost:{port}/service1/hello",
        f'  curl -i -d \'{{"item": "tea"}}\' http://localhost:{port}/service2/orders',
        f"  curl http://{admin}/metrics          (also /livez, /readyz and the JSON view)",
        f"  curl -i http://m.localhost:{bff}/home/7    and http://www.localhost:{bff}/home/8",
        "Start the killed instance again, in another terminal, and watch it come back:",
        f"  {' '.join(killed)}",
        f"Edit {folder}/glorieta.yaml or {folder}/bff/web.py: glorieta reloads it.",
        f"Logs: {folder}/*.log",
        "Ctrl-C ends it all.",
    ]
