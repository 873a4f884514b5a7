"""What is asked of a Plan more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .layer4 import TcpTarget, TlsTarget, UdpTarget
    from .listener import Listener
    from .route import Route, ValueMatch
    from .target import Mirror, ProxyTarget
    from .whole import Plan


def layer4_of(listener: Listener) -> TcpTarget | TlsTarget | UdpTarget | None:
    """What a listener of layer 4 does with connections or datagrams; none: it is one of layer 7."""
    return whole_of(listener) or listener["passthrough"]


def whole_of(listener: Listener) -> TcpTarget | UdpTarget | None:
    """What takes everything that comes to a listener, whatever it is."""
    return listener["tcp"] or listener["udp"]


def layer4_upstreams(listener: Listener) -> list[str]:
    """The upstreams to which a listener of layer 4 leads, each once."""
    if (whole := whole_of(listener)) is not None:
        return [whole["upstream"]]
    named = listener["passthrough"]["names"] if listener["passthrough"] is not None else []
    return list(dict.fromkeys(each["upstream"] for each in named))


def proxies_of(route: Route) -> list[ProxyTarget]:
    """The ways in which a route passes requests on: of a split one for each variant that gets some."""
    target = route["target"]
    if "proxy" in target:
        return [target["proxy"]]
    if "split" not in target:
        return []
    split = target["split"]
    return [
        {
            "upstream": variant["upstream"],
            "strip_prefix": split["strip_prefix"],
            "rewrite": split["rewrite"],
            "host": split["host"],
            "timeouts": split["timeouts"],
            "retries": split["retries"],
        }
        for variant in split["variants"]
        if variant["weight"]
    ]


def words_of(route: Route) -> list[ValueMatch]:
    """The request words that a route asks for."""
    return route.get("words", [])


def mirror_of(route: Route) -> Mirror | None:
    """Who gets copies of a route's requests."""
    return route.get("mirror")


def reached(plan: Plan, routes: Iterable[Route]) -> list[str]:
    """The upstreams to which routes lead, through handlers and mirrors as well, each once."""
    calls = {each["id"]: [call["upstream"] for call in each["calls"]] for each in plan.get("handlers", ())}
    found: dict[str, None] = {}
    for route in routes:
        target = route["target"]
        names = calls.get(target["handler"]["handler"], []) if "handler" in target else upstreams_of(route)
        found |= dict.fromkeys(names)
        if (mirror := mirror_of(route)) is not None:
            found[mirror["upstream"]] = None
    return list(found)


def upstreams_of(route: Route) -> list[str]:
    """The upstreams whose answers go into a route's, each once."""
    target = route["target"]
    if "gather" in target:
        return list(dict.fromkeys(part["upstream"] for part in target["gather"]["parts"]))
    return [proxy["upstream"] for proxy in proxies_of(route)]


def upstream_of(route: Route) -> str | None:
    """The one upstream whose answer a route passes on; none: there are several, or it is answered here."""
    target = route["target"]
    return target["proxy"]["upstream"] if "proxy" in target else None
