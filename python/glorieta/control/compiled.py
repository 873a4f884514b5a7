"""What comes out of loading and compiling, as one document that passes between processes.

One line of JSON, then the Plan's own text. The serving process never parses the Plan: at ten thousand
routes that would cost more memory than everything else it holds.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

Signature = list[int] | None
"""What tells one state of a file from another; None: it is not there."""


@dataclass
class Compiled:
    """A Plan, or why there is none."""

    plan: str | None = None
    version: str = ""
    files: dict[str, Signature] = field(default_factory=dict)
    """Everything the result depends on, as it was when it was read."""
    watch: bool = True
    """What the configuration says about watching its files."""
    short: str = ""
    """Listeners, roles and routes in a few lines."""
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
        """The document. The Plan is text without line breaks of its own, but may be any text."""
        header = {key: value for key, value in asdict(self).items() if key != "plan"}
        header["refused"] = self.refused
        return json.dumps(header).encode() + b"\n" + (self.plan or "").encode()

    @staticmethod
    def decode(document: bytes) -> Compiled:
        """What `encode` wrote. `ValueError`: it is not whole."""
        line, newline, plan = document.partition(b"\n")
        if not newline:
            raise ValueError("the document has no end of its first line")
        header = json.loads(line)
        refused = header.pop("refused")
        return Compiled(plan=None if refused else plan.decode(), **header)


def refusal(message: str) -> Compiled:
    """A refusal for a reason outside of any file."""
    problem = {"severity": "error", "file": None, "line": None, "column": None, "path": "", "message": message}
    return Compiled(problems=[{**problem, "fix": None, "also": None}], problems_text=message)
