"""Listeners of the Plan: what is spoken where, within which bounds, and the routes of all its groups."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import TYPE_CHECKING

from ..config.address import UNIX, full_bind, short_bind
from ..config.base import layered
from ..config.listener import Listener as ListenerNoun
from ..config.listener import ListenerDefaults
from ..config.units import milliseconds
from .acme import ordered_by_routes
from .admission import check_admission
from .datagrams import compile_udp
from .groups import LAYER4, READS_HTTP, group_scope, own_scope, plan_group
from .http3 import H3, compile_alt_svc, compile_versions
from .layer4 import check_layer4, compile_passthrough, compile_tcp
from .matched_words import check_words
from .precedence import check_collisions
from .proxy_protocol import compile_proxy_protocol
from .roles import BALANCER, check_client, check_declared, client_of, in_order, inferred
from .routes import Scope, compile_scope
from .tls import check_covered, compile_server_tls
from .unreachable import check_unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..config.errors import Path
    from .compiling import Compiling
    from .model import Group, Listener, Route, ServerTls, Upstream

LAYER4_TIMEOUTS = ("connect", "idle", "session")
BOTH_FAMILIES = ("*", "[::]")


def compile_listener(
    compiling: Compiling, name: str, noun: ListenerNoun, groups: list[str], upstreams: dict[str, Upstream]
) -> tuple[Listener, list[Group]]:
    path: Path = ("listeners", name)
    used = layered(ListenerDefaults, compiling.edge.defaults.listener, noun)
    listener: Listener = {
        "id": name,
        "bind": compile_bind(compiling, noun, path),
        "protocol": noun.protocol,
        "versions": compile_versions(compiling, noun, used, path),
        "alt_svc": compile_alt_svc(compiling, noun, used, path),
        "tls": compile_tls(compiling, noun, path),
        "proxy_protocol": compile_proxy_protocol(compiling, noun, path),
        "roles": [],
        "limits": {
            "head_bytes": int(used.limits.head),
            "header_count": used.limits.headers,
            "target_bytes": int(used.limits.target),
            "connections": used.limits.connections,
            "connections_per_client": used.limits.connections_per_client,
            "new_connections": used.limits.new_connections,
            "new_connections_per_client": used.limits.new_connections_per_client,
            "streams": used.limits.streams,
            "requests_per_connection": used.limits.requests_per_connection,
            "body_rate": int(used.limits.body_rate),
        },
        "timeouts": {
            "handshake_ms": milliseconds(used.timeouts.handshake),
            "head_ms": milliseconds(used.timeouts.head),
            "body_ms": milliseconds(used.timeouts.body),
            "write_ms": milliseconds(used.timeouts.write),
            "keep_alive_ms": milliseconds(used.timeouts.keep_alive),
        },
        "trusted_proxies": list(used.trusted_proxies),
        "forwarded": {
            "x_forwarded": used.forwarded.x_forwarded,
            "forwarded": used.forwarded.forwarded,
            "via": used.forwarded.via,
        },
        "request_id": {
            "request": used.request_id.request,
            "response": used.request_id.response,
            "accept": used.request_id.accept,
        },
        "routes": [],
        "tcp": None,
        "passthrough": None,
        "udp": None,
    }
    if noun.protocol != "http":
        return compile_layer4(compiling, listener, noun, used, upstreams)
    for step in LAYER4_TIMEOUTS:
        if noun.timeouts.written(step):
            message = f'"{step}" of a listener is for {"udp" if step == "session" else "tcp and tls"}'
            fix = "write it in the timeouts of routes, or in defaults.route.timeouts"
            compiling.error((*path, "timeouts", step), message, fix, key=True)
    if noun.names:
        compiling.error((*path, "names"), "names are for protocol: tls", "choose by routes, with match: HOST", key=True)
    refuse_datagrams(compiling, noun, path)
    compiled = compile_groups(compiling, listener, noun, groups, upstreams)
    ordered_by_routes(compiling, listener, listener["routes"])
    return listener, compiled


def refuse_datagrams(compiling: Compiling, noun: ListenerNoun, path: Path) -> None:
    """What only sessions of datagrams have."""
    beyond: list[tuple[Path, str]] = [((*path, "responses"), "responses")] if noun.written("responses") else []
    if noun.limits.written("amplification"):
        beyond.append(((*path, "limits", "amplification"), "amplification"))
    for place, key in beyond:
        compiling.error(place, f'"{key}" is for protocol: udp', "leave it out", key=True)


def compile_tls(compiling: Compiling, noun: ListenerNoun, path: Path) -> ServerTls | None:
    if noun.tls is None:
        return None
    place = (*path, "tls")
    if noun.protocol == "tls":
        message = "protocol: tls passes TLS on and decrypts nothing, so it shows no certificates"
        compiling.error(place, message, "use protocol: http or tcp, or leave tls: out", also=(*path, "protocol"))
        return None
    if noun.protocol == "udp":
        message = "TLS needs connections, and datagrams have none"
        compiling.error(place, message, "use protocol: tcp, or leave tls: out", also=(*path, "protocol"))
        return None
    if noun.protocol == "tcp" and noun.tls.https_only is not None:
        message = f'"https_only" on a tcp listener: {LAYER4}'
        compiling.confuse("error", (*place, "https_only"), message, "use protocol: http", key=True, code=READS_HTTP)
    if noun.protocol == "tcp" and noun.tls.acme == []:
        message = f'"acme: on" takes the hosts of routes: {LAYER4}'
        compiling.error((*place, "acme"), message, "write the names: acme: [shop.example]")
    return compile_server_tls(compiling, noun.tls, place)


def compile_layer4(
    compiling: Compiling, listener: Listener, noun: ListenerNoun, used: ListenerDefaults, upstreams: dict[str, Upstream]
) -> tuple[Listener, list[Group]]:
    name = listener["id"]
    check_layer4(compiling, name, noun, upstreams)
    if noun.protocol != "udp":
        refuse_datagrams(compiling, noun, ("listeners", name))
    if noun.protocol == "tls":
        listener["passthrough"] = compile_passthrough(compiling, name, noun, used)
    elif noun.protocol == "udp":
        listener["udp"] = compile_udp(compiling, name, noun, used, upstreams)
    else:
        listener["tcp"] = compile_tcp(compiling, name, noun, used)
    listener["roles"] = [BALANCER]
    group: Group = {"id": name, "listener": name, "roles": [BALANCER], "owner": None, "client": None}
    return listener, [group]


def compile_groups(
    compiling: Compiling, listener: Listener, noun: ListenerNoun, names: list[str], upstreams: dict[str, Upstream]
) -> list[Group]:
    """The routes of a listener's own and of its groups, into the listener; and the groups."""
    name = listener["id"]
    check_admission(compiling, name, noun, names)
    own = own_scope(compiling, name, noun)
    others = [group_scope(compiling, each, compiling.edge.groups[each], own) for each in names]
    scopes = [own, *(scope for scope in others if scope is not None)]
    groups: list[Group] = []
    everything: list[tuple[Route, Path]] = []
    for scope in scopes:
        compiled = compile_scope(compiling, scope)
        if not compiled and scope is own:
            continue
        everything += compiled
        client = client_of(compiling, scope, compiled)
        check_client(compiling, scope, client)
        roles = roles_of(compiling, scope, own, compiled, upstreams, client)
        groups.append(plan_group(scope, name, roles, client))
        if not compiled:
            say_empty(compiling, scope)
    if not everything and not names:
        say_empty(compiling, own)
    if own.filters:
        listener["filters"] = own.filters
    listener["routes"] = [route for route, _ in everything]
    listener["roles"] = in_order(role for group in groups for role in group["roles"])
    compiling.routes += everything
    sure = [(route, path) for route, path in everything if path not in compiling.unsure]
    check_collisions(compiling, sure)
    check_unreachable(compiling, sure)
    for scope in scopes:
        check_words(compiling, name, noun, scope)
    check_covered(compiling, name, sure)
    return groups


def roles_of(
    compiling: Compiling,
    scope: Scope,
    own: Scope,
    compiled: list[tuple[Route, Path]],
    upstreams: dict[str, Upstream],
    client: str | None,
) -> list[str]:
    if scope.noun.role is None:
        return inferred((route for route, _ in compiled), upstreams, client)
    check_declared(compiling, scope.noun.role, compiled, scope, own)
    return [scope.noun.role]


def say_empty(compiling: Compiling, scope: Scope) -> None:
    """Nothing is served here, unless what was written is wrong and said to be so already."""
    if not scope.noun.routes and not compiling.is_touched(scope.path):
        message = "has neither routes nor a target: every request is answered with 404"
        compiling.warn(scope.path, message, "write to: or routes:")


def compile_bind(compiling: Compiling, noun: ListenerNoun, path: Path) -> list[str]:
    if not noun.bind and not compiling.is_touched((*path, "bind")):
        compiling.error(path, "does not say where to listen", 'write bind: ":8080"', key=True)
    return [bound_address(compiling, text, (*path, "bind", index)) for index, text in enumerate(noun.bind)]


def bound_address(compiling: Compiling, text: str, path: Path) -> str:
    if text.startswith(UNIX):
        return f"{UNIX}{compiling.absolute(text.removeprefix(UNIX), path)}"
    return full_bind(text)


def check_addresses(compiling: Compiling, listeners: list[Listener]) -> None:
    """No two that cannot both be bound: the engine would start with neither. The admin address counts where it is
    written; left out, it gives way."""
    taken: list[tuple[bool, str, Path]] = []
    for udp, address, path in bound_addresses(compiling, listeners):
        clash = next((first for kind, other, first in taken if kind == udp and collide(address, other)), None)
        if clash is not None:
            message = f"{short_bind(address)} is listened to already"
            compiling.error(path, message, "one listener for each address", also=clash)
        taken.append((udp, address, path))


def bound_addresses(compiling: Compiling, listeners: list[Listener]) -> Iterator[tuple[bool, str, Path]]:
    """Whether it is by UDP, which has ports of its own; the address, and where it is written."""
    for listener in listeners:
        for index, address in enumerate(listener["bind"]):
            switch = compiling.switches.get(listener["id"])
            path = switch or ("listeners", listener["id"], "bind", index)
            yield listener["protocol"] == "udp", address, path
            if H3 in listener["versions"]:
                yield True, address, path
    admin = compiling.edge.admin
    if admin is not None and admin.address is not None and admin.written("address"):
        yield False, full_bind(admin.address), ("admin", "address")


def collide(one: str, other: str) -> bool:
    """Whether the second of them cannot be bound while the first is, as the engine binds (`net::listen`): `*` and
    `[::]` take both families, `0.0.0.0` takes every IPv4 address. A name counts as an IPv4 address."""
    if one == other:
        return not one.endswith(":0")
    if one.startswith((UNIX, "systemd:")) or other.startswith((UNIX, "systemd:")):
        return False
    host, _, port = one.rpartition(":")
    other_host, _, other_port = other.rpartition(":")
    if int(port) != int(other_port) or int(port) == 0:
        return False
    hosts = {plain_host(host), plain_host(other_host)}
    version6 = any(each.startswith("[") for each in hosts)
    return len(hosts) == 1 or not hosts.isdisjoint(BOTH_FAMILIES) or ("0.0.0.0" in hosts and not version6)


def plain_host(host: str) -> str:
    """One text for one address."""
    if host.startswith("["):
        return f"[{IPv6Address(host[1:-1])}]"
    return "127.0.0.1" if host == "localhost" else host
