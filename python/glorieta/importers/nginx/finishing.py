"""The last word on directives that no translator asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .content import OWN_HANDLERS
from .knowledge import MISSING, NEEDLESS, TUNNELS, lacking, later
from .maps import Map
from .proxying import OTHER_GATEWAYS
from .variables import variables_of

if TYPE_CHECKING:
    from .book import Book
    from .directive import Directive
    from .reading import Source

UNUSED = "nothing here uses it"
HANDLED = {
    "server", "location", "upstream", "listen", "server_name", "root", "alias", "index", "try_files", "return",
    "rewrite", "set", "break", "proxy_pass", "proxy_set_header", "add_header", "proxy_hide_header",
    "proxy_read_timeout",
    "proxy_send_timeout", "proxy_connect_timeout", "proxy_next_upstream", "proxy_next_upstream_tries",
    "proxy_next_upstream_timeout", "client_max_body_size", "client_header_timeout", "client_body_timeout",
    "send_timeout", "keepalive_timeout", "keepalive_requests", "large_client_header_buffers", "default_type",
    "http2", "http2_max_concurrent_streams",
    "allow", "deny", "internal", "limit_except", "access_log", "log_format", "worker_processes", "set_real_ip_from",
    "real_ip_header", "proxy_timeout", "proxy_responses", "proxy_requests", "proxy_protocol",
    "map", "geo", "split_clients", "error_page", "expires", "satisfy",
    "ssl_certificate", "ssl_certificate_key", "ssl_protocols", "ssl_client_certificate", "ssl_verify_client", "ssl_crl",
    "ssl_reject_handshake", "proxy_ssl", "proxy_ssl_verify", "proxy_ssl_trusted_certificate", "proxy_ssl_name",
    "proxy_ssl_certificate", "proxy_ssl_certificate_key", "proxy_ssl_protocols",
    "grpc_pass", "grpc_set_header", "grpc_hide_header", "grpc_read_timeout", "grpc_send_timeout",
    "grpc_connect_timeout", "grpc_next_upstream", "grpc_next_upstream_tries", "grpc_next_upstream_timeout",
    "grpc_ssl_verify", "grpc_ssl_trusted_certificate", "grpc_ssl_name", "grpc_ssl_certificate",
    "grpc_ssl_certificate_key", "grpc_ssl_protocols",
}  # fmt: skip
"""What the translators ask for: left over, it is overridden everywhere, or stands where nothing comes."""
OPEN_BLOCKS = ("types", "events", "map", "geo", "split_clients", "match")
"""Blocks whose lines are no directives of their own."""
INHERITED_GATEWAYS = ("fastcgi_", "uwsgi_", "scgi_", "memcached_")
FILE_ABSENT = "the file is not here ({}): what it says is not imported"
UPGRADES = ("connection_upgrade", "upgrade")
BLOCKED_MAP = "gives ${} by ${}"
EACH_ROUTE = "a route for each value: match: {host: …, headers: …, query: …}"


def finish(book: Book, source: Source, maps: dict[str, Map]) -> None:
    """Every directive ends in one class."""
    texts = " ".join(argument for each in source.directives() for argument in each.args[: argument_end(each)])
    used = set(variables_of(texts))
    for directive in source.directives():
        if book.knows(directive):
            continue
        if directive.name == "include":
            finish_include(book, directive, source)
        elif directive.parent is not None and directive.parent.name in OPEN_BLOCKS and book.knows(directive.parent):
            follow(book, directive, directive.parent)
        elif directive.name in ("map", "geo", "split_clients"):
            finish_map(book, directive, used)
        else:
            finish_plain(book, directive)


def argument_end(directive: Directive) -> int:
    """How many arguments may use a variable: the last one of a map is the one that it makes."""
    return len(directive.args) - (directive.name in ("map", "geo", "split_clients"))


def finish_include(book: Book, directive: Directive, source: Source) -> None:
    reason = source.absent.get(id(directive))
    if reason is None:
        book.translated(directive)
    elif directive.first.endswith("mime.types"):
        book.needless(directive, NEEDLESS["types"])
    else:
        book.missing(directive, FILE_ABSENT.format(reason), "import it where the file is")


def follow(book: Book, directive: Directive, parent: Directive) -> None:
    kind, text, nearest = book.entries[id(parent)]
    book.enter(directive, kind, text, nearest)


def finish_map(book: Book, directive: Directive, used: set[str]) -> None:
    name = directive.args[-1].lstrip("$") if directive.args else ""
    source = directive.first.lstrip("$")
    if source == "http_upgrade" or name in UPGRADES:
        book.needless(directive, TUNNELS)
    elif name not in used:
        book.needless(directive, f"nothing uses ${name}")
    else:
        what, nearest = MISSING.get(directive.name, (BLOCKED_MAP.format(name, source), EACH_ROUTE))
        book.missing(directive, what, nearest)


def finish_plain(book: Book, directive: Directive) -> None:
    name = directive.name
    coming = later(name)
    if name in NEEDLESS:
        book.needless(directive, NEEDLESS[name] or "glorieta needs no block for it")
    elif name == "proxy_redirect" and directive.first == "default":
        book.needless(directive, "redirects of the service to its own address lead to the client's host")
    elif directive.first == "off" and (coming is not None or lacking(name) is not None):
        book.needless(directive, "it is off anyway")
    elif coming is not None:
        issue, what, nearest = coming
        book.missing(directive, f"{what}: comes with {issue}, not yet", nearest)
    elif name in OWN_HANDLERS or name in OTHER_GATEWAYS:
        book.missing(directive, *(OWN_HANDLERS.get(name) or OTHER_GATEWAYS[name]))
    elif lacking(name) is not None:
        book.missing(directive, *(lacking(name) or ("", None)))
    elif name.startswith(INHERITED_GATEWAYS):
        book.missing(directive, "sets up a protocol that glorieta does not speak", "let the application serve HTTP")
    elif name in HANDLED:
        book.needless(directive, UNUSED)
