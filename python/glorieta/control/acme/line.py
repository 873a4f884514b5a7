"""How the child speaks with the serving process: lines of JSON both ways, over its standard streams."""

from __future__ import annotations

import json
import threading
from typing import IO, Any

from .problems import Abandoned, OrderFailed


class Line:
    """`incoming` and `outgoing` are the child's streams. Several orders may speak at a time."""

    def __init__(self, incoming: IO[str], outgoing: IO[str]) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self._turn = threading.RLock()
        """Whoever asks is answered before another speaks."""
        self._abandoned = threading.Event()

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
            with self._turn:
                self.outgoing.write(json.dumps(document) + "\n")
                self.outgoing.flush()
        except (BrokenPipeError, ValueError):
            raise Abandoned from None

    def ask(self, document: dict[str, Any]) -> None:
        """Waits until it has been done. `OrderFailed`: it cannot be."""
        with self._turn:
            self.tell(document)
            answer = self.hear()
        if why := answer.get("error"):
            raise OrderFailed(str(why))

    def pause(self, seconds: float) -> None:
        """Waits. `Abandoned`: there is nothing to wait for any more."""
        if self._abandoned.wait(seconds):
            raise Abandoned

    def abandon(self) -> None:
        """Nothing that is under way is wanted any more."""
        self._abandoned.set()

    def say(self, event: str, text: str, **facts: Any) -> None:
        """Something for whoever runs glorieta."""
        self.tell({"do": "say", "event": event, "text": text, "facts": facts})
