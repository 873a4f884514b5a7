"""What a person may write: one file per noun, YAML with places, and every error at once."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .admin import Admin
from .balancing import Balance
from .compression import Compress, CompressLevels, Decompress
from .edge import Defaults, Edge
from .errors import ConfigError, Place, Problem, format_problems
from .filter import Filters, Headers, RequestHeaders, ResponseHeaders
from .gather import Fallback, Gather, Part
from .group import Group
from .health import Health, Outlier
from .listener import Forwarded, Listener, RequestId
from .loading import Loaded, load, load_any, load_object, load_text
from .log import Log
from .match import Condition, Match
from .mirror import Mirror
from .objects import is_object
from .places import Places, Source
from .route import Route
from .split import Split
from .target import Files, Redirect, Respond
from .tests import Case
from .timeouts import ListenerLimits, ListenerTimeouts, RouteTimeouts
from .upstream import Discover, Endpoint, Pool, Queue, RetryBudget, Upstream

if TYPE_CHECKING:
    from .editor import schema
    from .reference import reference_markdown
    from .shortcuts import balance, reverse

_ASKED_FOR = {"balance": "shortcuts", "reference_markdown": "reference", "reverse": "shortcuts", "schema": "editor"}
"""What only some commands need, and where it is: imported when they ask."""

__all__ = [
    "Admin",
    "Balance",
    "Case",
    "Compress",
    "CompressLevels",
    "Condition",
    "ConfigError",
    "Decompress",
    "Defaults",
    "Discover",
    "Edge",
    "Endpoint",
    "Fallback",
    "Files",
    "Filters",
    "Forwarded",
    "Gather",
    "Group",
    "Headers",
    "Health",
    "Listener",
    "ListenerLimits",
    "ListenerTimeouts",
    "Loaded",
    "Log",
    "Match",
    "Mirror",
    "Outlier",
    "Part",
    "Place",
    "Places",
    "Pool",
    "Problem",
    "Queue",
    "Redirect",
    "RequestHeaders",
    "RequestId",
    "Respond",
    "ResponseHeaders",
    "RetryBudget",
    "Route",
    "RouteTimeouts",
    "Source",
    "Split",
    "Upstream",
    "balance",
    "format_problems",
    "is_object",
    "load",
    "load_any",
    "load_object",
    "load_text",
    "reference_markdown",
    "reverse",
    "schema",
]


def __getattr__(name: str) -> Any:
    if name in _ASKED_FOR:
        return getattr(import_module(f".{_ASKED_FOR[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
