"""An explained Plan, for a person or a program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import document, short, text
from .view import View

if TYPE_CHECKING:
    from ..build import Built
    from ..model import Plan


@dataclass(frozen=True)
class Explanation:
    """What a Plan does; of what it was made from only as much as is at hand."""

    view: View

    def text(self, width: int | None = None) -> str:
        """Everything, for a person; `width`: characters of a line."""
        return text.text(self.view if width is None else replace(self.view, width=width))

    def short(self) -> str:
        """Listeners, roles and the first routes."""
        return short.short(self.view)

    def as_json(self) -> document.Explained:
        """The same for a program; its form is `explain_schema()`."""
        return document.document(self.view)


def explain(plan: Plan | Built) -> Explanation:
    """What a Plan does. Given what it was built from, also groups' matches, teams, origins and confusions."""
    if isinstance(plan, dict):
        return Explanation(View(plan))
    return Explanation(View(plan.plan, plan.edge, plan.confusions))
