"""What the serving process says to its operator: sentences, or one JSON object per event.

It goes to standard error; standard output belongs to the access log.
"""

from __future__ import annotations

import contextlib
import json
import sys
from typing import Any


class Speaker:
    """Says things without ever failing: a terminal that has gone away must not end the service."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def event(self, event: str, text: str, **facts: Any) -> None:
        """One event, as the text for a person or as the facts for a program."""
        if self.as_json:
            self.write(json.dumps({"event": event, **facts}))
        elif text:
            self.write("\n".join(f"glorieta: {line}" if line else "" for line in text.splitlines()))

    def plain(self, text: str) -> None:
        """Lines that a person reads as they are; a program gets the same from an event."""
        if text and not self.as_json:
            self.write(text)

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text + "\n")
            sys.stderr.flush()
