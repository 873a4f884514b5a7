"""A configuration that is asked instead of served, for `glorieta try` and `glorieta test`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine import Trial
    from ..plan import Built


def trial_of(built: Built) -> Trial:
    """Its Plan as the engine has it. `ConfigError`: a Plan that the engine refuses is a configuration that is wrong."""
    from ..config import ConfigError
    from ..engine import PlanRefused, Trial
    from ..plan import located

    try:
        return Trial(built.text)
    except PlanRefused as error:
        raise ConfigError(located(built.edge, error.problems), files=built.files) from None
