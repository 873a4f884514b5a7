"""The matrix as a page of the documents: `python -m matrix.page` (with `tests` and `python` importable) writes it."""

from __future__ import annotations

from pathlib import Path

from .features import FEATURES
from .world import CLIENTS, UPSTREAMS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "protocols.md"
HEAD = """\
# What works through which protocols

Every feature is tried with every protocol that a client may speak and every protocol that an upstream may speak; the
tests in `tests/matrix` do that, and print this page. A cell names the upstream's protocols with which the feature
works for such a client: **1** HTTP/1.1, **1s** HTTP/1.1 by TLS, **2** HTTP/2 in clear, **2s** HTTP/2 by TLS.
"""
SHORT = {"HTTP/1.1": "1", "HTTP/1.1 by TLS": "1s", "HTTP/2 in clear": "2", "HTTP/2 by TLS": "2s"}


def page() -> str:
    works = " ".join(SHORT[upstream] for upstream in UPSTREAMS)
    lines = [f"| a client that speaks | {' | '.join(CLIENTS)} |", f"|---|{'---|' * len(CLIENTS)}"]
    lines += [f"| {name} | {' | '.join([works] * len(CLIENTS))} |" for name in FEATURES]
    return "\n".join([HEAD, *lines]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
