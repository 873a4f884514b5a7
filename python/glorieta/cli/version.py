"""`glorieta version`: which glorieta this is."""

from __future__ import annotations

import platform

from .options import AsJson
from .output import print_json


def version(as_json: AsJson = False) -> None:
    """Print the version of glorieta and of the Python that runs it.

    Exit codes: 0 printed · 1 the engine is not built
    """
    from ..engine import version as engine_version

    facts = {"glorieta": engine_version(), "python": platform.python_version(), "platform": platform.platform()}
    if as_json:
        print_json(facts)
    else:
        print(f"glorieta {facts['glorieta']} (Python {facts['python']}, {facts['platform']})")
