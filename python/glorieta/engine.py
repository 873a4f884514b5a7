"""The one door to Rust: everything that starts, changes or asks the engine comes through here.

It imports nothing but the extension module, because the serving process lives on what this file costs.
"""

from __future__ import annotations

try:
    from glorieta._engine import Engine, PlanRefused, check, version
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "the engine is not built for this Python; run `make develop` in a checkout, or reinstall glorieta",
        name=error.name,
    ) from None

__all__ = ["Engine", "PlanRefused", "check", "version"]
