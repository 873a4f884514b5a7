"""Listeners for TCP: one upstream, no HTTP; what reads requests is refused with the sentence why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.target import TARGETS
from ..config.units import milliseconds
from ..config.words import FAMILIES
from .filters import Merged
from .groups import LAYER4, READS_HTTP
from .roles import BALANCER
from .targets import known_upstream

if TYPE_CHECKING:
    from ..config.errors import Path
    from ..config.listener import Listener as ListenerNoun
    from ..config.listener import ListenerDefaults
    from .compiling import Compiling
    from .model import TcpTarget, Upstream

HTTP_ONLY = (
    "routes",
    *(word for word in TARGETS if word != "to"),
    "trusted_proxies",
    "forwarded",
    "request_id",
    "admit",
)
HTTP_FILTERS = ("max_body", "headers")
HTTP_TIMEOUTS = ("head", "body", "write", "keep_alive")
HTTP_LIMITS = ("head", "headers", "target", "requests_per_connection", "body_rate")
WORDS = ("client.ip", "client.port", "listener", "route")
"""The request words that layer 4 knows."""


def check_layer4(compiling: Compiling, name: str, noun: ListenerNoun, upstreams: dict[str, Upstream]) -> None:
    path: Path = ("listeners", name)
    beyond = [((*path, key), key) for key in HTTP_ONLY if noun.written(key)]
    beyond += [((*path, "filters", key), key) for key in HTTP_FILTERS if noun.filters.written(key)]
    beyond += [((*path, "timeouts", key), key) for key in HTTP_TIMEOUTS if noun.timeouts.written(key)]
    beyond += [((*path, "limits", key), key) for key in HTTP_LIMITS if noun.limits.written(key)]
    for place, key in beyond:
        message = f'"{key}" on a tcp listener: {LAYER4}'
        compiling.confuse("error", place, message, "use protocol: http", key=True, code=READS_HTTP)
    if noun.role not in (None, BALANCER):
        message = f"a tcp listener is a load balancer (layer 4), not {noun.role}: {LAYER4}"
        fix = "leave the role out, or use protocol: http"
        compiling.error((*path, "role"), message, fix, also=(*path, "protocol"))
    upstream = upstreams.get(noun.to or "")
    if upstream is not None and isinstance(upstream["balance"], dict):
        check_hash(compiling, upstream["balance"]["hash"], ("upstreams", upstream["id"], "balance"), path)


def check_hash(compiling: Compiling, word: str, path: Path, listener: Path) -> None:
    if word.partition(".")[0] in FAMILIES or word not in WORDS:
        message = f'hash of "{word}" for a tcp listener: {LAYER4}'
        fix = "write {hash: client.ip}, or use protocol: http"
        compiling.confuse("error", path, message, fix, also=listener, key=True, code=READS_HTTP)


def compile_tcp(compiling: Compiling, name: str, noun: ListenerNoun, used: ListenerDefaults) -> TcpTarget:
    path: Path = ("listeners", name)
    if noun.to is None and not compiling.is_touched((*path, "to")):
        compiling.error(path, "has no upstream", "write to: UPSTREAM", key=True)
    merged = Merged().over(noun.filters)
    return {
        "route": name,
        "upstream": known_upstream(compiling, noun.to, (*path, "to")) if noun.to else "",
        "idle_ms": milliseconds(used.timeouts.idle),
        "connect_ms": milliseconds(used.timeouts.connect),
        "allow": list(merged.allow),
        "deny": list(merged.deny),
    }
