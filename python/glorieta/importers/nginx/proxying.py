"""`proxy_pass` and `grpc_pass`: which upstream, which path it sees, which Host, and how long it may take."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from ...config.errors import Wrong
from ...config.route import check_host_header
from ...config.text import check_rewrite
from ...config.words import escape
from .action import Action, Spot
from .book import Book
from .directive import Directive
from .encrypting import upstream_tls
from .headers import RequestSide, request_side
from .scope import Scope
from .unclear import Unclear
from .units import duration_text
from .upstreams import Upstreams, endpoint_address
from .variables import SEARCH, VARIABLE, WHOLE, Words, variables_of

Data = dict[str, Any]
URL = re.compile(r"(?P<scheme>\w+)://(?P<authority>unix:[^:]+:?|[^/]*)(?P<uri>/.*)?", re.DOTALL)
CLOSED_503 = {"respond": 503}
FORWARD = "the host that is asked for chooses where to: that is a forward proxy, and comes with Forward proxy"
OWN_PATH = "redirects of the service keep its own path {}, which NGINX replaces by the location's"
LED_BACK = "redirects of the service to its own address lead to the client's host nevertheless"
BY_ITSELF = "redirects of the service to its own address, or without the prefix taken off, are led back by themselves"
CLIENTS_HOST = ("", "$scheme://$http_host", "$scheme://$host:$server_port")
QUERY_KEPT = "the client's query goes along; NGINX sends what is written only"
PASSING = ("proxy_pass", "grpc_pass")
SCHEMES = {"https": True, "grpcs": True, "http": False, "grpc": False}
"""Of endpoints: whether they are spoken to by TLS."""
OTHER_GATEWAYS = {
    "fastcgi_pass": ("FastCGI", "let the application serve HTTP and write to:"),
    "uwsgi_pass": ("uwsgi", "let the application serve HTTP and write to:"),
    "scgi_pass": ("SCGI", "let the application serve HTTP and write to:"),
    "memcached_pass": ("memcached", "let a service ask it"),
}


@dataclass
class Destination:
    """Where a `proxy_pass` leads."""

    upstream: str
    authority: str
    """NGINX's `$proxy_host`: what it sends as Host unless told otherwise."""
    uri: str | None
    dynamic: bool
    """Whether the path is made of variables: then it replaces the request's as it is."""
    single: str | None
    """The endpoint, where there is only one and its address was written here."""


def destination(
    book: Book, scope: Scope, directive: Directive, words: Words, upstreams: Upstreams, wish: str
) -> Destination:
    scope = scope_of(scope, directive)
    scheme, authority, uri = url_parts(address_of(directive), words)
    by_tls = SCHEMES.get(scheme, False)
    version = "h2" if directive.name == "grpc_pass" else None
    dynamic = uri is not None and "$" in directive.first
    if uri is not None and WHOLE.fullmatch(uri):
        uri, dynamic = None, False
    is_declared = authority in upstreams.declared
    tls = upstream_tls(book, scope, directive, authority if is_declared else None) if by_tls else None
    declared = upstreams.declared_name(authority, tls, version)
    if declared is not None:
        return Destination(declared, authority, uri, dynamic, None)
    port = "443" if by_tls else "80"
    address = endpoint_address(authority, port)
    shown = "localhost" if authority.startswith("unix:") else authority.removesuffix(f":{port}")
    return Destination(upstreams.address_name(address, wish, directive, tls, version), shown, uri, dynamic, address)


def scope_of(scope: Scope, directive: Directive) -> Scope:
    """What holds for it goes by names of its own kind."""
    return replace(scope, family=directive.name.partition("_")[0])


def address_of(directive: Directive) -> str:
    """As a URL: `grpc_pass` needs no scheme."""
    bare = directive.name == "grpc_pass" and "://" not in directive.first
    return f"grpc://{directive.first}" if bare else directive.first


def url_parts(text: str, words: Words) -> tuple[str, str, str | None]:
    """Scheme, authority and path of the URL, once what is known before a request comes has been put in."""
    text = VARIABLE.sub(lambda found: words.constants.get(found[1] or found[2] or "", found[0]), text)
    found = URL.fullmatch(text)
    if found is None:
        raise Unclear(FORWARD if "$" in text else f"{text} is no URL", "http://HOST:PORT")
    scheme, authority, path = found["scheme"], found["authority"], found["uri"]
    head, dollar, tail = authority.partition("$")
    if not dollar:
        return scheme, authority, path
    if WHOLE.fullmatch(f"${tail}") and head:
        return scheme, head, None
    unknown = [name for name in variables_of(authority) if name in words.maps]
    if unknown:
        raise Unclear(f"${unknown[0]} is made by map, geo or split_clients", "a route for each value")
    raise Unclear(FORWARD, "a route for each host that may be asked for")


def proxied(
    book: Book,
    scope: Scope,
    directive: Directive,
    words: Words,
    spot: Spot,
    upstreams: Upstreams,
    wish: str,
    rewritten: str | None,
) -> Action:
    """The route of a `proxy_pass`; `rewritten` is the path that `rewrite` has made before."""
    scope = scope_of(scope, directive)
    where = destination(book, scope, directive, words, upstreams, wish)
    action = Action({"to": where.upstream}, directive)
    book.translated(directive)
    if rewritten is not None and not where.dynamic:
        action.options["rewrite"] = checked_rewrite(rewritten)
    elif where.uri is not None:
        action.options |= path_options(book, directive, where, words, spot)
    side = request_side(book, scope, words)
    if action.options.get("strip_prefix") is True:
        # It is told to the upstream by itself.
        side.set = {
            name: value
            for name, value in side.set.items()
            if name.lower() != "x-forwarded-prefix" or value != spot.base.rstrip("/")
        }
    add_host(action, where, side)
    if "host" in action.options:
        name_redirects(book, scope, directive, where, action)
    lead_redirects(book, scope, where, side, spot.base if "strip_prefix" in action.options else "/")
    if side.data():
        action.filters.setdefault("headers", {})["request"] = side.data()
    add_times(book, scope, action)
    return action


def path_options(book: Book, directive: Directive, where: Destination, words: Words, spot: Spot) -> Data:
    """What the upstream sees instead of the location's own text."""
    uri = where.uri or ""
    if where.dynamic:
        if not re.search(r"\$\{?(?:is_)?args|\$\{?query_string", uri):
            book.nearly(directive, QUERY_KEPT)
        plain = re.sub(r"\$is_args\$(?:args|query_string)$", "", uri)
        return {"rewrite": checked_rewrite(words.template(plain))}
    if not spot.base:
        return {}
    if uri == spot.base:
        return {}
    text = escape(uri)
    # NGINX puts the client's query behind all of it, with its ? even behind another one.
    query = SEARCH if "?" in uri else ""
    if spot.exact:
        return {"rewrite": checked_rewrite(text + query)}
    if uri == "/" and spot.base.endswith("/") and spot.rest == "${path.*}":
        return {"strip_prefix": True}
    return {"rewrite": checked_rewrite(text + (spot.rest or "") + query)}


def checked_rewrite(text: str) -> str:
    try:
        return check_rewrite(text)
    except Wrong as wrong:
        raise Unclear(wrong.message, wrong.fix) from None


def add_host(action: Action, where: Destination, side: RequestSide) -> None:
    if side.preserved:
        return
    host = side.host or where.authority
    if side.host is None and where.single is not None and where.authority in (where.single, "localhost"):
        host = "upstream"
    try:
        action.options["host"] = check_host_header(host)
    except Wrong:
        action.options["host"] = "upstream"


def name_redirects(book: Book, scope: Scope, directive: Directive, where: Destination, action: Action) -> None:
    """A service that does not see the client's host names itself in redirects. Both lead them back to the client's
    host; NGINX also puts the location's path for that of `proxy_pass`, where no variable is in it."""
    own = scope.last("proxy_redirect")
    if own is not None and own.first == "off":
        book.nearly(own, LED_BACK)
    elif (own is None or own.first == "default") and "rewrite" in action.options and where.uri and not where.dynamic:
        book.nearly(directive, OWN_PATH.format(where.uri), "let the service know its public address")


def lead_redirects(book: Book, scope: Scope, where: Destination, side: RequestSide, prefix: str) -> None:
    """`proxy_redirect` that says what glorieta does anyway: it puts the client's host for the one that the service was
    told, and the prefix back that was taken off."""
    known = {("/", prefix)}
    if not side.preserved:
        known |= {(f"http://{side.host or where.authority}/", f"{host}{prefix}") for host in CLIENTS_HOST}
    for own in scope.level("proxy_redirect"):
        if own.args in known:
            book.needless(own, BY_ITSELF)


def add_times(book: Book, scope: Scope, action: Action) -> None:
    """Timeouts and retries that are written; NGINX's own defaults stand in `defaults:`."""
    timeouts: Data = {}
    read, send = scope.last("proxy_read_timeout"), scope.last("proxy_send_timeout")
    connect = scope.last("proxy_connect_timeout")
    if connect is not None:
        timeouts["connect"] = duration_text(connect.first)
    if read is not None:
        timeouts |= {"first_byte": duration_text(read.first), "idle": duration_text(read.first)}
        if upgrades(scope):
            timeouts["tunnel"] = duration_text(read.first)
    elif send is not None:
        timeouts["idle"] = duration_text(send.first)
    if read is not None and send is not None and send.first != read.first:
        book.nearly(send, "idle: is one bound for both directions; that of proxy_read_timeout is written")
    book.translated(connect, read, send)
    if timeouts:
        action.options["timeouts"] = timeouts
    add_retries(book, scope, action)


def upgrades(scope: Scope) -> bool:
    return any(each.first.lower() == "upgrade" for each in scope.level("proxy_set_header"))


def add_retries(book: Book, scope: Scope, action: Action) -> None:
    conditions, tries = scope.last("proxy_next_upstream"), scope.last("proxy_next_upstream_tries")
    if conditions is not None:
        if "off" in conditions.args:
            action.options["retries"] = "off"
            book.translated(conditions)
        elif any(each.startswith("http_") or each == "non_idempotent" for each in conditions.args):
            book.nearly(
                conditions, "an answer is an answer: only requests that got none are sent again, if they are idempotent"
            )
        else:
            book.translated(conditions)
    if tries is not None and tries.first.isdigit() and "retries" not in action.options:
        book.translated(tries)
        if tries.first != "0":
            action.options["retries"] = min(int(tries.first) - 1, 10) or "off"
    limit = scope.last("proxy_next_upstream_timeout")
    if limit is not None:
        book.nearly(limit, "retries end with deadline: and with the retry budget")
