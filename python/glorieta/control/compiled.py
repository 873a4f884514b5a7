"""What comes out of loading and compiling, as one document that passes between processes.

One line of JSON, the Plan's own text, and one more line of JSON. The serving process never parses the Plan: at ten
thousand routes that would cost more memory than everything else it holds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

Signature = list[int] | list[str] | None
"""What tells one state of a file from another; None: it is not there. Of a pattern: what matches it."""
FIRST = ("plan", "version", "secrets", "launch", "orders", "stays")
"""What applying needs, and whoever waits for the rest."""


@dataclass
class Compiled:
    """A Plan, or why there is none."""

    plan: str | None = None
    version: str = ""
    files: dict[str, Signature] = field(default_factory=dict)
    """Everything the result depends on, as it was when it was read."""
    globs: dict[str, Signature] = field(default_factory=dict)
    """Patterns by which files were found, and what matched them."""
    secrets: dict[str, Signature] = field(default_factory=dict)
    """Files that the Plan refers to without holding their content: the engine reads them each time it is applied."""
    launch: dict[str, Any] | None = None
    """What handler processes are started with; None: there are no handlers."""
    orders: dict[str, Any] | None = None
    """Which certificates are ordered, and where; None: none are."""
    stays: bool = False
    """Whether the child that says this waits for another question."""
    watch: bool = True
    """What the configuration says about watching its files."""
    summary: str = ""
    """What it is, or what has changed, in a few words."""
    short: str = ""
    """Listeners, roles and routes in a few lines, where that was asked for."""
    problems: list[dict[str, Any]] = field(default_factory=list)
    problems_text: str = ""
    warnings: list[dict[str, Any]] = field(default_factory=list)
    warnings_text: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)
    """Against the Plan that was running."""
    changes_text: str = ""

    @property
    def refused(self) -> bool:
        return self.plan is None

    def encode(self) -> bytes:
        """The whole document."""
        return self.encode_plan() + self.encode_rest()

    def encode_plan(self) -> bytes:
        """The first part: all that applying needs, so that it may begin while the rest is still being made."""
        plan = None if self.plan is None else self.plan.encode()
        head = {name: getattr(self, name) for name in FIRST[1:]} | {"bytes": None if plan is None else len(plan)}
        return json.dumps(head).encode() + b"\n" + (plan or b"")

    def encode_rest(self) -> bytes:
        rest = {name: value for name, value in vars(self).items() if name not in FIRST}
        return json.dumps(rest).encode() + b"\n"

    @staticmethod
    def decode(document: bytes | bytearray) -> Compiled:
        """What `encode` wrote. `ValueError`: it is not whole."""
        first = Compiled.decode_plan(document)
        if first is None:
            raise ValueError("the document ends before its Plan does")
        compiled, end = first
        return compiled.completed(document[end:])

    def completed(self, rest: bytes | bytearray) -> Compiled:
        """This first part with the rest of its document."""
        return replace(self, **json.loads(rest))

    @staticmethod
    def decode_plan(document: bytes | bytearray) -> tuple[Compiled, int] | None:
        """The first part, and where it ends; none: it is not there yet."""
        begin = document.find(b"\n") + 1
        if not begin:
            return None
        head = json.loads(document[:begin])
        end = begin + (head["bytes"] or 0)
        if len(document) < end:
            return None
        plan = None if head["bytes"] is None else document[begin:end].decode()
        return Compiled(plan=plan, **{name: head[name] for name in FIRST[1:]}), end


def refusal(message: str) -> Compiled:
    """A refusal for a reason outside of any file."""
    problem = {"severity": "error", "file": None, "line": None, "column": None, "path": "", "message": message}
    return Compiled(problems=[{**problem, "fix": None, "also": None}], problems_text=message)
