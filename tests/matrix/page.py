"""The matrix as a page of the documents: `python -m matrix.page` (with `tests` and `python` importable) writes it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from .cells import why_empty
from .features import FEATURES
from .world import CLIENTS, UPSTREAMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "protocols.md"
WIDTH = 120
HEAD = """\
# What works through which protocols

Every feature is tried with every protocol that a client may speak and every protocol that an upstream may speak; the
tests in `tests/matrix` do that, and print this page. A cell names the upstream's protocols with which the feature
works for such a client: **1** HTTP/1.1, **1s** HTTP/1.1 by TLS, **2** HTTP/2 in clear, **2s** HTTP/2 by TLS.
"""
SHORT = {"HTTP/1.1": "1", "HTTP/1.1 by TLS": "1s", "HTTP/2 in clear": "2", "HTTP/2 by TLS": "2s"}


def page() -> str:
    reasons: dict[str, int] = {}
    lines = [f"| a client that speaks | {' | '.join(CLIENTS)} |", f"|---|{'---|' * len(CLIENTS)}"]
    for name in FEATURES:
        cells = [cell(name, client, reasons) for client in CLIENTS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    notes = [wrapped(number, reason) for reason, number in reasons.items()]
    why = ["", "What is missing, and why:", "", *notes] if notes else []
    return "\n".join([HEAD, *lines, *why]) + "\n"


def wrapped(number: int, reason: str) -> str:
    return textwrap.fill(f"{number}. {reason}", WIDTH, subsequent_indent="   ", break_long_words=False)


def cell(name: str, client: str, reasons: dict[str, int]) -> str:
    works, lacks = [], []
    for upstream in UPSTREAMS:
        if reason := why_empty(name, client, upstream):
            lacks.append(reasons.setdefault(reason, len(reasons) + 1))
        else:
            works.append(SHORT[upstream])
    marks = "".join(f" ({number})" for number in dict.fromkeys(lacks))
    return f"{' '.join(works)}{marks}".strip()


if __name__ == "__main__":
    PAGE.write_text(page())
