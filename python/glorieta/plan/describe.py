"""Parts of a Plan in words for a person: used where a Plan is explained and where two are compared."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..config.address import short_bind
from ..config.units import format_duration, format_size
from .describe_acme import acme_text
from .describe_tls import tls_text, tls_value_text
from .http3 import alt_svc_text
from .match import written_host, written_path
from .model import mirror_of, proxies_of, words_of
from .wording import LONGEST, NOTHING, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..config.match import Condition, Match
    from .model import (
        ActiveCheck,
        Filter,
        GatherPart,
        GatherTarget,
        Handler,
        Listener,
        Mirror,
        Route,
        SplitVariant,
        Target,
        UdpTarget,
        Upstream,
        ValueMatch,
    )

EVERYTHING = "everything"
PART_WORD = re.compile(r"(?<!\$)\$\{parts\.([A-Za-z0-9_-]+)")
CONFLICTS = {
    "error": "no member twice",
    "first": "of a member given twice the first",
    "last": "of a member given twice the last",
    "deep": "members given twice are merged",
    "list": "members given twice become lists",
}
VERSIONS = {"h2": "HTTP/2", "auto": "HTTP/2 or 1.1"}
"""What upstreams are spoken to by, where it is not HTTP/1.1."""
UNITS: dict[str, Callable[[int], str]] = {
    "_ms": lambda value: format_duration(timedelta(milliseconds=value)),
    "bytes": format_size,
    "_percent": lambda value: f"{value}%",
    "percent": lambda value: f"{value}%",
    "body_rate": lambda value: f"{format_size(value)}/s" if value else "off",
    "floor_per_second": lambda value: f"{value}/s",
    "new_connections_per_client": lambda value: f"{value}/s" if value else "any number",
    "new_connections": lambda value: f"{value}/s" if value else "any number",
    "connections_per_client": lambda value: str(value) if value else "any number",
}
"""How numbers read, by the end of their field's name."""


def value_text(field: str, value: Any) -> str:
    """A value as a person would write it."""
    if field == "health":
        return health_text(value)
    if field == "outlier":
        return "off" if value is None else "on"
    if field == "alt_svc":
        return alt_svc_text(value)
    if field == "tls":
        return "off" if value is None else tls_value_text(value)
    if field == "proxy_protocol":
        return proxy_protocol_text(value)
    if field == "acme":
        return "off" if value is None else acme_text(value)
    if field == "path":
        return written_path(value)
    if field == "target":
        return target_text(value)
    if field == "mirror":
        return "off" if value is None else mirror_text(value)
    if field == "target.split.by":
        return by_text(value)
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return next((write(value) for suffix, write in UNITS.items() if field.endswith(suffix)), str(value))
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list):
        return ", ".join(item_text(field, item) for item in value) or NOTHING
    if isinstance(value, dict) and len(value) == 1:
        name, inner = next(iter(value.items()))
        if isinstance(inner, str):
            return f"{name} {shown(inner)}"
    return shortened_json(value)


def item_text(field: str, item: Any) -> str:
    """One of a list: an address, a host, a pair of name and value, a condition."""
    if field == "bind":
        return short_bind(item)
    if field == "hosts":
        return written_host(item)
    match item:
        case str():
            return shown(item)
        case [str(name), str(value)]:
            return f"{name}: {shown(value)}"
        case {"name": _, "value": _}:
            return condition_text(item)
        case {"certificate": _, "key": _, "acme": [*names]}:
            return f"ordered for {', '.join(names)}"
        case {"certificate": str(certificate), "key": _}:
            return shown(certificate)
        case {"name": name, "upstream": str(upstream)}:
            return f"{written_host(name)} → {upstream}"
    return shortened_json(item)


def shortened_json(value: Any) -> str:
    """Anything else, on one line."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST and text.isprintable() else shown(text)


def field_text(field: str) -> str:
    """A field's name without the unit that its value then carries."""
    if field == "generation":
        return "code"
    for suffix in ("_ms", "_bytes", ".bytes", "_percent"):
        field = field.removesuffix(suffix)
    return field


def layer_of(protocol: str) -> int:
    return 7 if protocol == "http" else 4


def protocol_text(listener: Listener) -> str:
    """What is spoken there: `http`, `https`, `tcp`, `tcp by tls`, or `tls` that is passed on."""
    if listener["tls"] is None:
        return listener["protocol"]
    return "https" if listener["protocol"] == "http" else f"{listener['protocol']} by tls"


def role_text(role: str, protocol: str) -> str:
    if role == "load-balancer":
        return f"load balancer (layer {layer_of(protocol)})"
    return role.replace("-", " ") if role != "bff" else role


def udp_text(udp: UdpTarget) -> str:
    """`every datagram, in sessions that end with 1 answer each or 1m of silence`."""
    silence = f"{value_text('session_ms', udp['session_ms'])} of silence"
    if udp["responses"] is None:
        ends = silence
    elif udp["responses"] == 0:
        ends = "each datagram"
    else:
        ends = f"{udp['responses']} answer{'' if udp['responses'] == 1 else 's'} to each or {silence}"
    most = f", answered with at most {udp['amplification']} times its bytes" if udp["amplification"] else ""
    return f"every datagram, in sessions that end with {ends}{most}"


def roles_text(roles: list[str], protocol: str) -> str:
    if not roles:
        return "no role"
    word = "role" if len(roles) == 1 else "roles"
    return f"{word}: {', '.join(role_text(role, protocol) for role in roles)}"


def listener_text(listener: Listener) -> str:
    return f"{', '.join(map(short_bind, listener['bind']))}  {protocol_text(listener)}"


def match_text(route: Route) -> str:
    """What a route matches: `GET,HEAD shop.example/orders/* header x-beta present`."""
    hosts = "|".join(written_host(host) for host in route["hosts"] if host != "any")
    path = written_path(route["path"])
    place = f"{hosts} {path}" if hosts and not path.startswith("/") else f"{hosts}{path}"
    parts = [*([",".join(route["methods"])] if route["methods"] else []), place]
    parts += [f"header {condition_text(each)}" for each in route["headers"]]
    parts += [f"query {condition_text(each)}" for each in route["query"]]
    parts += [f"word {condition_text(each)}" for each in words_of(route)]
    return " ".join(parts)


def condition_text(match: ValueMatch) -> str:
    return f"{match['name']} {value_text('value', match['value'])}"


def target_text(target: Target) -> str:
    if "proxy" in target:
        return target["proxy"]["upstream"]
    if "split" in target:
        return f"split {variants_text(target['split']['variants'])}"
    if "gather" in target:
        return f"gather {', '.join(part['name'] for part in target['gather']['parts'])}"
    if "handler" in target:
        return f"{target['handler']['name']} in {target['handler']['handler']}"
    if "redirect" in target:
        return f"redirect {target['redirect']['status']} {target['redirect']['location']}"
    if "respond" in target:
        return f"respond {target['respond']['status']}"
    return f"files {target['files']['root']}"


def handler_text(handler: Handler) -> str:
    """What a handler may call: `calls users, orders`."""
    called = ", ".join(call["upstream"] for call in handler["calls"])
    return f"calls {called}" if called else "calls nothing"


def options_text(route: Route, *, filters: bool = True) -> list[str]:
    """What happens on the way, as far as it is not what always happens."""
    parts = []
    target = route["target"]
    for proxy in proxies_of(route)[:1]:
        if proxy["strip_prefix"] is not None:
            parts.append(f"without {proxy['strip_prefix']}")
        if proxy["rewrite"] is not None:
            parts.append(f"as {proxy['rewrite']}")
        if proxy["host"] != "preserve":
            host = proxy["host"]
            parts.append(f"host {host if isinstance(host, str) else host['name']}")
    if "gather" in target:
        parts += gather_texts(target["gather"])
    if "split" in target:
        parts.append(by_text(target["split"]["by"]))
    if (mirror := mirror_of(route)) is not None:
        parts.append(mirror_text(mirror))
    if route["deadline_ms"] is not None:
        parts.append(f"deadline {value_text('deadline_ms', route['deadline_ms'])}")
    if route["priority"]:
        parts.append(f"priority {route['priority']}")
    return parts + [filter_text(each) for each in route["filters"] if filters]


def variants_text(variants: list[SplitVariant]) -> str:
    """`stable 95%, canary 5%`."""
    whole = sum(each["weight"] for each in variants) or 1
    return ", ".join(f"{each['upstream']} {each['weight'] * 100 / whole:.3g}%" for each in variants)


def by_text(by: str | dict[str, str]) -> str:
    """What decides which variant a request meets."""
    if isinstance(by, str):
        return "by chance"
    return f"by cookie.{by['cookie']}, which glorieta gives" if "cookie" in by else f"by {by['word']}"


def mirror_text(mirror: Mirror) -> str:
    """`copies of 10% of GET, HEAD to shadow`."""
    share = "" if mirror["share_percent"] == 100 else f"{mirror['share_percent']}% of "
    return f"copies of {share}{', '.join(mirror['methods'])} to {mirror['upstream']}"


def gather_texts(gather: GatherTarget) -> list[str]:
    """What holds for all parts of one answer."""
    texts = []
    if gather["deadline_ms"] is not None:
        texts.append(f"all within {value_text('deadline_ms', gather['deadline_ms'])}")
    if len(gather["parts"]) > 1:
        texts.append(CONFLICTS[gather["conflict"]])
    return texts


def part_text(part: GatherPart) -> str:
    """`orders: GET /orders of orders, after user, else []`."""
    texts = [f"{part['name']}: {part['method']} {part['path']} of {part['upstream']}"]
    if needs := needs_of(part):
        texts.append(f"after {' and '.join(needs)}")
    if part["timeout_ms"] is not None:
        texts.append(f"within {value_text('timeout_ms', part['timeout_ms'])}")
    match part["need"]:
        case "shadow":
            texts.append("nobody waits for it")
        case "optional":
            texts.append("optional")
        case {"default": default}:
            texts.append(f"else {shortened_json(default)}")
    return ", ".join(texts)


def needs_of(part: GatherPart) -> list[str]:
    """The parts that come before a part."""
    written = json.dumps([part["path"], part["query"], part["headers"], part["body"]])
    return list(dict.fromkeys([*part["after"], *PART_WORD.findall(written)]))


def filter_text(each: Filter) -> str:
    kind, value = next(iter(each.items()))
    if kind == "addresses":
        words = [f"{word} {', '.join(value[word])}" for word in ("allow", "deny") if value[word]]
        return "; ".join(words)
    if kind == "max_body":
        return f"max_body {format_size(value['bytes'])}"
    if kind == "grpc_web":
        return "grpc_web"
    if kind == "compress":
        cautious = "" if value["credentials"] else ", not with credentials"
        return f"compress ({', '.join(value['algorithms'])} from {format_size(value['min_bytes'])}{cautious})"
    if kind == "decompress":
        bounds = f"up to {format_size(value['max_bytes'])}, {value['ratio']} times the length"
        return f"decompress ({', '.join(value['algorithms'])}; {bounds})"
    changed = [f"{direction} {', '.join(header_names(changes))}" for direction, changes in value.items()]
    return f"headers ({'; '.join(text for text in changed if not text.endswith(' '))})"


def header_names(changes: dict[str, list[Any]]) -> list[str]:
    """The headers that are changed, each once."""
    names = [*changes["remove"], *(name for kind in ("set", "add") for name, _ in changes[kind])]
    return list(dict.fromkeys(names))


def endpoints_text(upstream: Upstream) -> str:
    endpoints = upstream["endpoints"]
    if len(endpoints) == 1:
        return endpoints[0]["address"]
    return f"{len(endpoints)} endpoints"


def balance_text(upstream: Upstream) -> str:
    balance = upstream["balance"]
    return balance if isinstance(balance, str) else f"hash of {balance['hash']}"


def health_text(check: ActiveCheck | None) -> str:
    if check is None:
        return "none"
    kind = check["kind"]
    match kind:
        case {"http": {"path": path}}:
            how = f"GET {path}"
        case {"grpc": {"service": service}}:
            how = f"gRPC's health of {service}" if service else "gRPC's health"
        case _:
            how = "connecting"
    return f"{how} every {value_text('every_ms', check['every_ms'])}"


def proxy_protocol_text(value: Any) -> str:
    """Whose PROXY headers a listener believes, or which version an upstream is sent."""
    if value is None or isinstance(value, str):
        return value or "off"
    others = "all others are refused" if value["required"] else "all others are served as they come"
    return f"PROXY headers from {', '.join(value['trusted'])}; {others}"


def spoken_texts(upstream: Upstream) -> list[str]:
    """How endpoints are spoken to, as far as it is not HTTP/1.1 in clear."""
    tls, version = upstream["tls"], upstream["version"]
    by_tls = [] if tls is None else [tls_text(tls)]
    return by_tls + ([VERSIONS[version]] if version == "h2" or (version == "auto" and tls is not None) else [])


def upstream_text(upstream: Upstream) -> str:
    parts = [endpoints_text(upstream)]
    if len(upstream["endpoints"]) > 1 or not isinstance(upstream["balance"], str):
        parts.append(balance_text(upstream))
    parts += spoken_texts(upstream)
    if upstream["proxy_protocol"] is not None:
        parts.append(f"told of clients by PROXY {upstream['proxy_protocol']}")
    if upstream["health"] is not None:
        parts.append(f"health {health_text(upstream['health'])}")
    return ", ".join(parts)


def match_noun_text(match: Match) -> str:
    """What a group matches, as a person writes it."""
    place = "|".join(match.host) + (match.path or "")
    parts = [*([",".join(match.method)] if match.method else []), *([place] if place else [])]
    conditions = [
        *(("header", *each) for each in match.headers.items()),
        *(("query", *each) for each in match.query.items()),
        *(("word", *each) for each in match.words.items()),
    ]
    parts += [f"{kind} {name} {condition_noun_text(condition)}" for kind, name, condition in conditions]
    return " ".join(parts) or EVERYTHING


def condition_noun_text(condition: Condition) -> str:
    if condition.present is not None:
        return "present" if condition.present else "absent"
    return next(shown(value) for value in (condition.exact, condition.prefix, condition.regex) if value is not None)
