"""glorieta: forward proxy, reverse proxy, load balancer, gateway and mesh: one engine, one vocabulary.

The public names are found when they are asked for: the serving process imports this package, and must
not pay for pydantic and YAML, which only loading a configuration needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import (
        Admin,
        Case,
        ConfigError,
        Edge,
        Endpoint,
        Files,
        Filters,
        Group,
        Headers,
        Health,
        Listener,
        Log,
        Match,
        Problem,
        Redirect,
        Respond,
        Route,
        Upstream,
    )
    from .handlers import Router, gather
    from .plan import Plan, compile, diff, explain

_HOMES = {
    "config": (
        "Admin",
        "Case",
        "ConfigError",
        "Edge",
        "Endpoint",
        "Files",
        "Filters",
        "Group",
        "Headers",
        "Health",
        "Listener",
        "Log",
        "Match",
        "Problem",
        "Redirect",
        "Respond",
        "Route",
        "Upstream",
    ),
    "handlers": ("Router", "gather"),
    "plan": ("Plan", "compile", "diff", "explain"),
}

__all__ = [
    "Admin",
    "Case",
    "ConfigError",
    "Edge",
    "Endpoint",
    "Files",
    "Filters",
    "Group",
    "Headers",
    "Health",
    "Listener",
    "Log",
    "Match",
    "Plan",
    "Problem",
    "Redirect",
    "Respond",
    "Route",
    "Router",
    "Upstream",
    "compile",
    "diff",
    "explain",
    "gather",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
