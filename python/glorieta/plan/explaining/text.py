"""An explanation as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ...config.address import is_literal
from ...config.units import format_duration
from ..describe import value_text
from ..describe_acme import acme_text
from ..describe_filters import filter_text
from ..describe_handlers import handler_text
from ..describe_listeners import listener_text, proxy_protocol_text, role_text, roles_text, udp_text
from ..describe_matches import match_noun_text
from ..describe_tls import server_tls_texts
from ..describe_upstreams import upstream_text
from ..http3 import H3, http3_text
from ..match import written_host
from ..model import layer4_of
from ..precedence import in_order
from .evidence import evidence
from .inherited import group_filters, origin
from .layout import in_columns, wrapped
from .rows import ORDER, Row, aligned, listed, route_row
from .shares import legend, shares
from .shown import shown_by
from .told import confusion_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Filter, Group, Handler, HostMatch, Listener, Upstream
    from .view import View

VERSIONS = {"h1": "HTTP/1.1", "h2": "HTTP/2", "h3": "HTTP/3"}
LIMITS: tuple[Literal["allow", "deny"], ...] = ("allow", "deny")


def text(view: View) -> str:
    sections = [list(listener_lines(view, listener)) for listener in view.plan["listeners"]]
    if any(len(listener["routes"]) > 1 for listener in view.plan["listeners"]):
        sections.append(wrapped(ORDER, "", view.width, ""))
    if view.plan["upstreams"]:
        sections.append(["upstreams", *upstream_lines(view)])
        sections.append(list(legend(view.plan["upstreams"])))
    if handlers := view.plan.get("handlers"):
        each_of_them = (line for each in handlers for line in handler_lines(view, each))
        sections.append(["handlers", *process_lines(view), *each_of_them])
    if acme := view.plan.get("acme"):
        sections.append(["certificates", *wrapped(acme_text(acme), "  ", view.width)])
    if view.confusions:
        sections.append(["confusions", *confusion_lines(view)])
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def listener_lines(view: View, listener: Listener) -> Iterator[str]:
    yield head(listener)
    groups = view.groups(listener)
    yield from about_listener(view, listener)
    if layer4_of(listener) is not None:
        yield from layer4_lines(view, listener)
        return
    for group in groups:
        alone = len(groups) == 1 and view.is_own(group)
        hosts: list[HostMatch] = ["any"] if view.is_own(group) else view.common_hosts(group)
        if not alone:
            yield group_head(view, group, hosts)
        indent = "  " if alone else "    "
        common = group_filters(view, group)
        yield from about_group(view, group, indent, common)
        ordered = in_order(view.routes.get(group["id"], []))
        yield from aligned([route_row(view, group, route, common, hosts) for route in ordered], indent, view.width)


def head(listener: Listener) -> str:
    what = f"{listener['id']}  {listener_text(listener)}"
    return in_columns(what, roles_text(listener["roles"], listener["protocol"]))


def group_head(view: View, group: Group, hosts: list[HostMatch]) -> str:
    noun = view.noun(group)
    if noun is not None and noun.match is not None:
        match = f"  {match_noun_text(noun.match)}"
    else:
        match = "".join(f"  {written_host(host)}" for host in hosts if host != "any")
    what = "own routes" if view.is_own(group) else f"group {group['id']}{match}"
    declared = ", declared" if view.declares(group) else ""
    return in_columns(f"  {what}", f"{roles_text(group['roles'], 'http')}{declared}")


def about_group(view: View, group: Group, indent: str, common: list[Filter]) -> Iterator[str]:
    """Who answers for it, why it has its roles, and the filters that all its routes have."""
    people = [("owner", group["owner"]), ("client", group["client"]), ("team", view.team(group))]
    said = [f"{word} {value}" for word, value in people if value]
    if said:
        yield indent + ", ".join(said)
    if not view.declares(group):
        for role, because in evidence(view, group).items():
            yield from wrapped(f"{role_text(role, 'http')}: {because}", indent, view.width)
    if common:
        layers = view.filters_of(group)
        texts = [(filter_text(each), origin(layers, next(iter(each)))) for each in common]
        yield from wrapped(listed(texts), indent, view.width)


def about_listener(view: View, listener: Listener) -> Iterator[str]:
    """Who has asked for it, and what clients meet before any request: certificates by their names."""
    asker = view.asked_by(listener)
    if asker is not None:
        yield f"  asked for by https_only of {asker}"
    if (proxies := listener["proxy_protocol"]) is not None:
        yield from wrapped(proxy_protocol_text(proxies), "  ", view.width)
    if len(listener["versions"]) == 1:
        yield f"  speaks {VERSIONS[listener['versions'][0]]} only"
    if H3 in listener["versions"]:
        yield from wrapped(http3_text(listener), "  ", view.width)
    tls = listener["tls"]
    if tls is None:
        return
    yield from wrapped(", ".join(server_tls_texts(tls)), "  ", view.width)
    for files, (names, ends) in zip(tls["certificates"], shown_by(tls), strict=True):
        until = f", until {ends[:10]}" if ends else ""
        if ordered := files.get("acme"):
            text = f"certificate ordered for {', '.join(ordered)}{until or ', not there yet'}"
        else:
            what = ", ".join(names) or "names not at hand"
            text = f"certificate {view.short_path(files['certificate'])}: {what}{until}"
        yield from wrapped(text, "  ", view.width)


def layer4_lines(view: View, listener: Listener) -> list[str]:
    """One row for each way that connections take."""
    layer4 = layer4_of(listener)
    assert layer4 is not None
    tcp, passthrough, udp = listener["tcp"], listener["passthrough"], listener["udp"]
    ways = [("every connection", tcp["upstream"])] if tcp is not None else []
    ways += [(udp_text(udp), udp["upstream"])] if udp is not None else []
    ways += [(name_text(each["name"]), each["upstream"]) for each in passthrough["names"]] if passthrough else []
    limits = [f"{word} {', '.join(layer4[word])}" for word in LIMITS if layer4[word]]
    rows = []
    for what, name in ways:
        upstream = view.upstreams.get(name)
        rows.append(Row(what, name, ", ".join([*([upstream_text(upstream)] if upstream else []), *limits])))
    return aligned(rows, width=view.width)


def name_text(name: HostMatch) -> str:
    return "every other name, and none" if name == "any" else written_host(name)


def upstream_lines(view: View) -> Iterator[str]:
    """One endpoint stands on the line of its upstream; several each have their own."""
    for upstream in view.plan["upstreams"]:
        yield from wrapped(f"{upstream['id']}  {about_upstream(upstream)}", "  ", view.width)
        endpoints = upstream["endpoints"]
        if len(endpoints) == 1:
            continue
        width = max((len(endpoint["address"]) for endpoint in endpoints), default=0)
        for endpoint, share in zip(endpoints, shares(upstream), strict=True):
            yield f"    {endpoint['address']:<{width}}  {share}"


def handler_lines(view: View, handler: Handler) -> Iterator[str]:
    requests, wait = handler["queue"], value_text("queue_timeout_ms", handler["queue_timeout_ms"])
    bounds = f"{requests} requests per process, which wait at most {wait} for one"
    background = f"background: {value_text('background_ms', handler['background_ms'])} for calls after an answer"
    yield from wrapped(f"{handler['id']}  {handler_text(handler)}; {bounds}; {background}", "  ", view.width)


def process_lines(view: View) -> list[str]:
    """What all handlers have in common: the processes in which each of them runs."""
    if (nouns := view.processes) is None:
        return []
    processes = "1 process" if nouns.processes == 1 else f"{nouns.processes} processes"
    threads = "1 thread" if nouns.threads == 1 else f"{nouns.threads} threads"
    leave = f"leave: {format_duration(nouns.leave)} for what goes on in replaced code"
    return wrapped(f"{processes}, each with {threads} for plain functions; {leave}", "  ", view.width)


def about_upstream(upstream: Upstream) -> str:
    text = upstream_text(upstream)
    if len(upstream["endpoints"]) == 1:
        address = upstream["endpoints"][0]["address"]
        share = "takes all" if is_literal(address) else f"({shares(upstream)[0]})"
        text = text.replace(address, f"{address} {share}", 1)
    return text if upstream["health"] else f"{text}, no active check"
