"""A confusion that was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...config.errors import Path, path_text

if TYPE_CHECKING:
    from ...config.errors import Place, Severity


@dataclass(frozen=True)
class Found:
    """Where and what. `accepted`: why somebody means it."""

    code: str
    severity: Severity
    path: Path
    sentence: str
    fix: str | None = None
    also: Path | None = None
    place: Place | None = None
    also_place: Place | None = None
    accepted: str | None = None

    @property
    def path_text(self) -> str:
        return path_text(self.path)
