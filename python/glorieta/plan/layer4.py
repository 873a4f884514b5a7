"""Listeners of layer 4: TCP or UDP with one upstream, or TLS by the names that clients ask for; no HTTP. What reads
requests is refused with the sentence why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.target import TARGETS
from ..config.units import milliseconds
from ..config.words import FAMILIES, REQUEST_WORDS
from .filters import Merged
from .groups import LAYER4, READS_HTTP
from .match import host_match
from .roles import BALANCER
from .targets import known_upstream

if TYPE_CHECKING:
    from ..config.errors import Path
    from ..config.listener import Listener as ListenerNoun
    from ..config.listener import ListenerDefaults
    from .compiling import Compiling
    from .model import NameTarget, TcpTarget, TlsTarget, Upstream

HTTP_ONLY = (
    "routes",
    *(word for word in TARGETS if word != "to"),
    "trusted_proxies",
    "forwarded",
    "request_id",
    "admit",
    "versions",
    "alt_svc",
)
HTTP_FILTERS = ("compress", "max_body", "decompress", "grpc_web", "headers")
HTTP_TIMEOUTS = ("head", "body", "write", "keep_alive")
HTTP_LIMITS = ("head", "headers", "target", "streams", "requests_per_connection", "body_rate")
WORDS = ("client.ip", "client.port", "listener", "route")
"""The request words that layer 4 knows; with TLS, also these."""
PASSED_ON = ("sni",)
DECRYPTED = tuple(word for word in REQUEST_WORDS if word.partition(".")[0] in ("sni", "tls") or "certificate" in word)


def check_layer4(compiling: Compiling, name: str, noun: ListenerNoun, upstreams: dict[str, Upstream]) -> None:
    path: Path = ("listeners", name)
    beyond = [((*path, key), key) for key in HTTP_ONLY if noun.written(key)]
    beyond += [((*path, "filters", key), key) for key in HTTP_FILTERS if noun.filters.written(key)]
    beyond += [((*path, "timeouts", key), key) for key in HTTP_TIMEOUTS if noun.timeouts.written(key)]
    beyond += [((*path, "limits", key), key) for key in HTTP_LIMITS if noun.limits.written(key)]
    if noun.protocol != "udp" and noun.timeouts.written("session"):
        message = f'"session" on a {noun.protocol} listener: sessions are of datagrams'
        compiling.error((*path, "timeouts", "session"), message, "write idle: for connections", key=True)
    for place, key in beyond:
        message = f'"{key}" on a {noun.protocol} listener: {LAYER4}'
        compiling.confuse("error", place, message, "use protocol: http", key=True, code=READS_HTTP)
    if noun.role not in (None, BALANCER):
        message = f"a {noun.protocol} listener is a load balancer (layer 4), not {noun.role}: {LAYER4}"
        fix = "leave the role out, or use protocol: http"
        compiling.error((*path, "role"), message, fix, also=(*path, "protocol"))
    for leads_to in dict.fromkeys((noun.to, *noun.names.values())):
        upstream = upstreams.get(leads_to or "")
        if upstream is None:
            continue
        if isinstance(upstream["balance"], dict):
            word = upstream["balance"]["hash"]
            check_hash(compiling, noun, word, ("upstreams", upstream["id"], "balance"), path)
        if upstream["version"] == "auto" and upstream["tls"] is not None:
            message = f'version: auto of upstream "{upstream["id"]}" leaves open what these bytes are to be: {LAYER4}'
            fix = "write version: h1 or version: h2 there, as clients speak"
            compiling.error(path, message, fix, also=("upstreams", upstream["id"], "version"))
        if noun.protocol == "tls" and upstream["tls"] is not None:
            message = f'passes TLS on as it is, and upstream "{upstream["id"]}" puts it into TLS once more'
            fix = "write tls: off there, or decrypt it here: protocol: tcp with tls:"
            compiling.warn(path, message, fix, also=("upstreams", upstream["id"]))


def check_hash(compiling: Compiling, noun: ListenerNoun, word: str, path: Path, listener: Path) -> None:
    if word.partition(".")[0] in FAMILIES or word not in known_words(noun):
        message = f'hash of "{word}" for a {noun.protocol} listener: {LAYER4}'
        fix = "write {hash: client.ip}, or use protocol: http"
        compiling.confuse("error", path, message, fix, also=listener, key=True, code=READS_HTTP)


def known_words(noun: ListenerNoun) -> tuple[str, ...]:
    """The request words that a listener of layer 4 knows."""
    if noun.protocol == "tls":
        return (*WORDS, *PASSED_ON)
    return (*WORDS, *DECRYPTED) if noun.tls is not None else WORDS


def compile_tcp(compiling: Compiling, name: str, noun: ListenerNoun, used: ListenerDefaults) -> TcpTarget:
    path: Path = ("listeners", name)
    if noun.names:
        message = "names are for protocol: tls, which passes TLS on undecrypted"
        compiling.error((*path, "names"), message, "use protocol: tls, or one upstream: to:", key=True)
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


def compile_passthrough(compiling: Compiling, name: str, noun: ListenerNoun, used: ListenerDefaults) -> TlsTarget:
    """Names in the order in which they are written; the listener's name stands for all others in metrics and logs."""
    path: Path = ("listeners", name)
    if noun.to is None and not noun.names and not compiling.has_touched(path, ("to", "names")):
        compiling.error(path, "has no upstream", "write names: {shop.example: UPSTREAM}, or to: UPSTREAM", key=True)
    if noun.to is not None and "*" in noun.names:
        message = '"*" and to: both take all other names'
        compiling.error((*path, "to"), message, "keep one of both", also=(*path, "names", "*"))
    named: list[NameTarget] = [
        {"name": host_match(host), "route": host, "upstream": known_upstream(compiling, to, (*path, "names", host))}
        for host, to in noun.names.items()
    ]
    if noun.to is not None:
        named.append({"name": "any", "route": name, "upstream": known_upstream(compiling, noun.to, (*path, "to"))})
    merged = Merged().over(noun.filters)
    return {
        "names": named,
        "idle_ms": milliseconds(used.timeouts.idle),
        "connect_ms": milliseconds(used.timeouts.connect),
        "allow": list(merged.allow),
        "deny": list(merged.deny),
    }
