"""One value with its origin, for a person and for a program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...config.errors import path_text
from ...config.formatting.quotes import ORDINARY
from ..wording import LONGEST, NOTHING, safe, shortened

if TYPE_CHECKING:
    from ...config.errors import Path, Place


@dataclass(frozen=True)
class Value:
    """What holds at a path."""

    path: Path
    value: Any
    """As a person would write it; what comes from outside (`${env:…}`) as the reference."""
    place: Place | None = None
    file: str | None = None
    """Where it was said, if no line is known: Python. Neither place nor file: nobody said it."""
    via: str | None = None
    """What says it for this one, too: `defaults.route`, `listener web`."""
    overlay: bool = False
    """Whether a file says it that was laid over others."""

    @property
    def is_default(self) -> bool:
        return self.place is None and self.file is None

    @property
    def says_nothing(self) -> bool:
        """Whether nobody wrote it and there is nothing to show."""
        return self.is_default and self.value in (None, "", [], {})

    def text(self) -> str:
        return value_text(self.value)

    def origin(self) -> str:
        """`glorieta.yaml:12:7`, `prod.yaml:3:5 (overlay)`, `glorieta.yaml:4:3 (defaults.route)` or `default`."""
        if self.is_default:
            return "default"
        about = ", ".join([*(["overlay"] if self.overlay else []), *([self.via] if self.via else [])])
        return f"{self.place or self.file}{f' ({about})' if about else ''}"

    def as_json(self) -> dict[str, Any]:
        place = self.place
        return {
            "path": path_text(self.path),
            "keys": list(self.path),
            "value": self.value,
            "default": self.is_default,
            "file": place.file if place else self.file,
            "line": place.line if place else None,
            "column": place.column if place else None,
            "via": self.via,
            "overlay": self.overlay,
        }


def value_text(value: Any) -> str:
    """A value on one line, as YAML."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "on" if value else "off"
        case str():
            return quoted(value)
        case list():
            return f"[{', '.join(map(value_text, value))}]"
        case dict():
            return f"{{{', '.join(f'{quoted(key)}: {value_text(item)}' for key, item in value.items())}}}"
    return json.dumps(value)


def quoted(text: str) -> str:
    """Without quotes, where YAML needs none and nothing has to be cut."""
    if ORDINARY.fullmatch(text.removesuffix("%")) and len(text) <= LONGEST and all(map(safe, text)):
        return text
    return f'"{shortened(text)}"'
