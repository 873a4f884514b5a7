"""How the child speaks with the serving process: lines of JSON both ways, over its standard streams."""

from __future__ import annotations

import json
from typing import IO, Any

from .problems import Abandoned, OrderFailed


class Line:
    """`incoming` and `outgoing` are the child's streams."""

    def __init__(self, incoming: IO[str], outgoing: IO[str]) -> None:
        self.incoming = incoming
        self.outgoing = outgoing

    def hear(self) -> dict[str, Any]:
        """`Abandoned`: nobody speaks any more."""
        text = self.incoming.readline()
        if not text:
            raise Abandoned
        document: dict[str, Any] = json.loads(text)
        return document

    def tell(self, document: dict[str, Any]) -> None:
        """Nobody answers that."""
        try:
            self.outgoing.write(json.dumps(document) + "\n")
            self.outgoing.flush()
        except (BrokenPipeError, ValueError):
            raise Abandoned from None

    def ask(self, document: dict[str, Any]) -> None:
        """Waits until it has been done. `OrderFailed`: it cannot be."""
        self.tell(document)
        answer = self.hear()
        if why := answer.get("error"):
            raise OrderFailed(str(why))

    def say(self, event: str, text: str, **facts: Any) -> None:
        """Something for whoever runs glorieta."""
        self.tell({"do": "say", "event": event, "text": text, "facts": facts})
