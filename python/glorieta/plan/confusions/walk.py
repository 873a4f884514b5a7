"""Looks for all confusions in one configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .scene import Scene
from .table import TABLE

if TYPE_CHECKING:
    from ..compiling import Compiling
    from ..model import Plan
    from .found import Found


def look_for_all(compiling: Compiling, plan: Plan) -> list[Found]:
    """All that are there, in the order of the table; none, where too much is missing to be sure."""
    if not is_sure(compiling):
        return []
    applications = {each.id: each for each in compiling.applications.found}
    scene = Scene(compiling.edge, plan, compiling.routes, applications)
    return [found for row in TABLE if row.check is not None for found in row.check(scene)]


def is_sure(compiling: Compiling) -> bool:
    """Whether all of the configuration is known: without a secret, or with errors, parts of it are not."""
    lost = compiling.missing or compiling.incomplete
    return not lost and all(each.severity != "error" for each in compiling.problems)
