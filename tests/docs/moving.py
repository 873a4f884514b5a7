"""Ports: a document names 8080, and its test must not depend on 8080 being free."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from harness import unused_port

NAMED = re.compile(r"(?<=[:=])[1-9]\d{3,4}\b|(?<=--port )\d+")
ADMIN = 9900
"""The port of the admin address where nobody says otherwise."""


@dataclass
class Moved:
    """Ports as they are written, and where they are for one test."""

    ports: dict[int, int] = field(default_factory=dict)

    def notice(self, text: str) -> None:
        """Finds a place for every port that the text names."""
        for number in NAMED.findall(text):
            self.port(int(number))

    def port(self, written: int) -> int:
        while written not in self.ports:
            if (found := unused_port()) not in self.ports.values():
                self.ports[written] = found
        return self.ports[written]

    def there(self, text: str) -> str:
        """The text with ports moved."""
        return exchange(text, self.ports)

    def back(self, text: str) -> str:
        """The text with ports as they are written."""
        return exchange(text, {there: here for here, there in self.ports.items()})


def exchange(text: str, ports: dict[int, int]) -> str:
    """In one pass, so that no port moves twice."""
    if not ports:
        return text
    numbers = "|".join(map(str, ports))
    return re.sub(rf"(?<![\w.])({numbers})(?!\w)", lambda found: str(ports[int(found[1])]), text)
