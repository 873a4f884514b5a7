"""What holds for a listener or for all: limits, timeouts, trusted proxies, workers, the access log."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from ...config.timeouts import ListenerTimeouts
from ...config.units import format_size
from .unclear import Unclear
from .units import duration, duration_text, size
from .variables import VARIABLE, WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .book import Book
    from .directive import Directive
    from .scope import Scope

Data = dict[str, Any]
TIMES = {
    "client_header_timeout": "head",
    "client_body_timeout": "body",
    "send_timeout": "write",
    "keepalive_timeout": "keep_alive",
}
NUMBERS = {"keepalive_requests": "requests_per_connection", "http2_max_concurrent_streams": "streams"}
OTHER_SERVER = "is one for the whole listener; that of the default server is written"
LOG_WORDS = {
    "status": "status",
    "body_bytes_sent": "bytes.out",
    "bytes_sent": "bytes.out",
    "request_length": "bytes.in",
    "request_time": "duration",
    "upstream_addr": "endpoint",
    "time_local": "time",
    "time_iso8601": "time",
    "msec": "time",
    "request_uri": "target",
    "gzip_ratio": "compression.ratio",
}
REQUEST_LINE = "${method} ${target} ${protocol}"
ONE_LOG = "there is one access log for everything; it is written with the first path"


def listener_settings(book: Book, default: Scope, servers: Iterable[Scope]) -> Data:
    """Limits and timeouts towards clients: those of the default server."""
    found: Data = {}
    timeouts = {}
    for name, key in TIMES.items():
        directive = default.last(name)
        if directive is None:
            continue
        try:
            if duration(directive.first):
                if duration(directive.first) != ListenerTimeouts.model_fields[key].default:
                    timeouts[key] = duration_text(directive.first)
                book.translated(directive)
            else:
                book.nearly(directive, "a timeout of nothing at all is not possible; the default stays")
        except Unclear as unclear:
            book.missing(directive, unclear.what)
    found |= versions(book, default)
    limits = client_limits(book, default)
    found |= {"limits": limits} if limits else {}
    found |= {"timeouts": timeouts} if timeouts else {}
    found |= trusted(book, default)
    for scope in servers:
        for name in (*TIMES, "http2", *NUMBERS, "large_client_header_buffers", "set_real_ip_from"):
            for own in scope.block.named(name):
                if not book.knows(own):
                    book.nearly(own, OTHER_SERVER)
    return found


def versions(book: Book, scope: Scope) -> Data:
    """`http2 on` needs no word, and neither does `listen … http2`: listeners speak both unless they say otherwise."""
    http2 = scope.last("http2")
    if http2 is None:
        return {}
    book.translated(http2)
    return {} if http2.first == "on" else {"versions": "h1"}


def with_http3(book: Book, scope: Scope, data: Data) -> Data:
    """`listen … quic` speaks HTTP/3 unless `http3 off` says otherwise."""
    http3 = scope.last("http3")
    if http3 is not None:
        book.translated(http3)
        if http3.first == "off":
            return {}
    return {"versions": [*(["h1"] if data.get("versions") == "h1" else ["h1", "h2"]), "h3"]}


def client_limits(book: Book, scope: Scope) -> Data:
    limits: Data = {}
    for name, key in NUMBERS.items():
        directive = scope.last(name)
        if directive is not None:
            limits[key] = int(directive.first)
            book.translated(directive)
    buffers = scope.last("large_client_header_buffers")
    if buffers is not None and len(buffers.args) == 2:
        count, each = int(buffers.args[0]), size(buffers.args[1])
        limits["head"] = format_size(max(1024, min(count * each, 16 * 1024**2)))
        limits["target"] = format_size(min(each, count * each))
        book.translated(buffers)
    return limits


def trusted(book: Book, scope: Scope) -> Data:
    """`set_real_ip_from`: proxies in front whose word counts."""
    header = scope.last("real_ip_header")
    if header is not None and header.first == "proxy_protocol":
        # What is said in front of the connection, not in a header of the request.
        return {}
    networks = []
    for directive in scope.level("set_real_ip_from"):
        try:
            networks.append(str(ipaddress.ip_network(directive.first, strict=False)))
            book.translated(directive)
        except ValueError:
            book.missing(directive, f"{directive.first} is no network", "networks in trusted_proxies:")
    if header is not None and header.first.lower() in ("x-forwarded-for", "forwarded"):
        book.translated(header)
    elif header is not None:
        book.nearly(
            header, "addresses come from X-Forwarded-For or Forwarded", "let what stands in front send X-Forwarded-For"
        )
    elif networks:
        pass
    return {"trusted_proxies": networks} if networks else {}


def main_settings(book: Book, root: Directive) -> Data:
    """What stands outside of all blocks."""
    found: Data = {}
    workers = root.last("worker_processes")
    if workers is not None:
        if workers.first.isdigit() and int(workers.first) > 0:
            found["workers"] = int(workers.first)
            book.translated(workers)
        else:
            book.needless(workers, "one worker per CPU that affinity and cgroup allow is the default")
    return found


def access_log(book: Book, http: Directive) -> tuple[Data, Directive | None]:
    """The first access log that is written anywhere, and where; there is one."""
    formats = {each.first: each for each in http.named("log_format")}
    logs = [each for each in http.all() if each.name == "access_log"]
    chosen = next((each for each in http.named("access_log")), None) or next(
        (each for each in logs if each.first != "off"), None
    )
    found: Data = {}
    for directive in logs:
        if directive is chosen:
            found = chosen_log(book, directive, formats)
        elif directive.first == "off":
            book.nearly(directive, "the one access log has every request; this part of it cannot be left out")
        elif chosen is not None and directive.args == chosen.args:
            book.translated(directive)
        else:
            book.nearly(directive, ONE_LOG)
    return found, chosen


def chosen_log(book: Book, directive: Directive, formats: dict[str, Directive]) -> Data:
    book.translated(directive)
    if directive.first == "off":
        return {"log": "off"}
    if directive.first.startswith("syslog:"):
        book.nearly(directive, "the log goes to standard output, which the service unit hands on")
        return {"log": {"to": "stdout", "format": "combined"}}
    to = {"/dev/stdout": "stdout", "/dev/stderr": "stderr"}.get(directive.first, directive.first)
    if not to.startswith("/") and to not in ("stdout", "stderr"):
        to = f"/var/log/nginx/{to.rpartition('/')[2]}"
    if any(each.startswith(("if=", "buffer=", "gzip", "flush=")) for each in directive.args[1:]):
        book.nearly(directive, "all requests are written, without waiting for a buffer to fill")
    name = directive.args[1] if len(directive.args) > 1 and "=" not in directive.args[1] else "combined"
    form = formats.get(name)
    return {"log": {"to": to, "format": log_format(book, form) if form is not None else "combined"}}


def log_format(book: Book, directive: Directive) -> str:
    """A template of the words that the log has."""
    text = "".join(each for each in directive.args[1:] if not each.startswith("escape="))
    unknown: list[str] = []
    template = VARIABLE.sub(lambda found: log_word(found[1] or found[2] or "", unknown), text)
    if unknown:
        book.nearly(
            directive,
            f"{', '.join(f'${each}' for each in dict.fromkeys(unknown))} has no word in the log; - stands for it",
        )
    elif re.search(r"\$(?:time_local|msec|request_time)\b", text):
        book.nearly(directive, "times are written as RFC 3339, durations in milliseconds")
    else:
        book.translated(directive)
    return template if "$" in template else "combined"


def log_word(name: str, unknown: list[str]) -> str:
    if name == "request":
        return REQUEST_LINE
    if name in LOG_WORDS:
        return f"${{{LOG_WORDS[name]}}}"
    if name in WORDS:
        return f"${{{WORDS[name]}}}"
    if name.startswith("http_"):
        return f"${{header.{name.removeprefix('http_').replace('_', '-')}}}"
    if name.startswith("cookie_"):
        return f"${{cookie.{name.removeprefix('cookie_')}}}"
    if name.startswith("arg_"):
        return f"${{query.{name.removeprefix('arg_')}}}"
    unknown.append(name)
    return "-"
