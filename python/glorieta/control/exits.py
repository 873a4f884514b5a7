"""The exit codes of every command and of the serving process, in one place; they are part of the interface."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    """Done, or ended as asked."""
    FAILED = 1
    """It could not be done: a file that cannot be written, nothing running to ask, a check of the demo."""
    REFUSED = 2
    """The configuration or the command line is wrong; every reason was said and nothing was changed."""
    INTERRUPTED = 130
    """Ctrl-C, before everything that was under way could be finished."""


SUMMARY = "Exit codes: 0 done · 1 failed · 2 refused (configuration or command line) · 130 interrupted"
