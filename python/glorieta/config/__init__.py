"""What a person may write: one file per noun, YAML with places, and every error at once."""

from .admin import Admin
from .balancing import Balance
from .edge import Defaults, Edge
from .editor import schema
from .errors import ConfigError, Place, Problem, format_problems
from .filter import Filters, Headers, RequestHeaders, ResponseHeaders
from .group import Group
from .health import Health, Outlier
from .listener import Forwarded, Listener, RequestId
from .loading import Loaded, load, load_any, load_object, load_text
from .log import Log
from .match import Condition, Match
from .objects import is_object
from .places import Places, Source
from .reference import reference_markdown
from .route import Route
from .shortcuts import balance, reverse
from .target import Files, Redirect, Respond
from .tests import Case
from .timeouts import ListenerLimits, ListenerTimeouts, RouteTimeouts
from .upstream import Discover, Endpoint, Pool, Queue, RetryBudget, Upstream

__all__ = [
    "Admin",
    "Balance",
    "Case",
    "Condition",
    "ConfigError",
    "Defaults",
    "Discover",
    "Edge",
    "Endpoint",
    "Files",
    "Filters",
    "Forwarded",
    "Group",
    "Headers",
    "Health",
    "Listener",
    "ListenerLimits",
    "ListenerTimeouts",
    "Loaded",
    "Log",
    "Match",
    "Outlier",
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
