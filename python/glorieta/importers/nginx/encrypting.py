"""TLS: what `ssl_…` says of listeners, and `proxy_ssl_…` of upstreams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...config.listener_tls import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .book import Book
    from .directive import Directive
    from .scope import Scope

Data = dict[str, Any]
ONE_FOR_ALL = "is one for the whole listener: that of the default server, or of the one that asks for certificates"
OLDEST = "TLS 1.2 is the oldest version that is spoken"
NOT_A_FILE = "names no file that is known before a request comes"
VERIFIED = (
    "NGINX believes any certificate here; glorieta verifies it, with the system's authorities unless others are named"
)
ANYBODY = "authorities: for those who sign by themselves; verify: off believes anybody, as NGINX does"
UNVERIFIED_CLIENTS = "takes certificates that nobody has verified"
EACH_REQUEST = "is another name for each request"
CLIENTS = ("ssl_client_certificate", "ssl_verify_client", "ssl_crl", "ssl_protocols")


def listener_tls(book: Book, default: Scope, servers: Iterable[Scope]) -> Data:
    """TLS of a listener: the default server's certificate first; nothing where there is none that could be written."""
    everybody = [default, *(each for each in servers if each.block is not default.block)]
    pairs: list[Data] = []
    for scope in everybody:
        pairs += [pair for pair in pairs_of(book, scope) if pair not in pairs]
    if not pairs:
        return {}
    found: Data = pairs[0] if len(pairs) == 1 else {"certificates": pairs}
    found = {**found, **unknown_names(book, default), **profile(book, default), **clients(book, strictest(everybody))}
    for scope in everybody[1:]:
        for name in CLIENTS:
            for own in scope.block.named(name):
                if not book.knows(own):
                    book.nearly(own, ONE_FOR_ALL)
    return found


def strictest(scopes: list[Scope]) -> Scope:
    """The first that lets nobody in without a certificate, or else the default server: a door that one of them keeps
    shut is not opened by the others."""
    asking = (scope for scope in scopes if (verify := scope.last("ssl_verify_client")) and verify.first == "on")
    return next(asking, scopes[0])


def pairs_of(book: Book, scope: Scope) -> list[Data]:
    """Certificates and their keys, in the order in which they are written."""
    certificates, keys = scope.level("ssl_certificate"), scope.level("ssl_certificate_key")
    found = []
    for certificate, key in zip(certificates, keys, strict=False):
        unusable = [each for each in (certificate, key) if not is_file(each)]
        for each in unusable:
            book.missing(each, NOT_A_FILE, "certificate: and key: name files")
        if not unusable:
            book.translated(certificate, key)
            found.append({"certificate": certificate.first, "key": key.first})
    return found


def is_file(directive: Directive) -> bool:
    return "$" not in directive.first and not directive.first.startswith(("data:", "engine:", "store:"))


def unknown_names(book: Book, scope: Scope) -> Data:
    directive = scope.last("ssl_reject_handshake")
    book.translated(directive)
    return {"unknown_name": "refuse"} if directive is not None and directive.first == "on" else {}


def profile(book: Book, scope: Scope) -> Data:
    directive = scope.last("ssl_protocols")
    if directive is None:
        return {}
    versions = {each for each in directive.args if each.startswith(("TLS", "SSL"))}
    if versions - {"TLSv1.2", "TLSv1.3"}:
        book.nearly(directive, OLDEST)
    else:
        book.translated(directive)
    return (
        {"profile": next(name for name, least in PROFILES.items() if least == "1.3")} if versions == {"TLSv1.3"} else {}
    )


def clients(book: Book, scope: Scope) -> Data:
    """Mutual TLS."""
    verify, authorities, revoked = (scope.last(name) for name in ("ssl_verify_client", *CLIENTS[::2]))
    if verify is None or verify.first == "off":
        for each in (authorities, revoked):
            if each is not None:
                book.needless(each, "clients are not asked for certificates")
        book.translated(verify)
        return {}
    if verify.first not in ("on", "optional"):
        book.missing(verify, UNVERIFIED_CLIENTS, "clients: {certificate: optional} verifies those that are shown")
        return {}
    if authorities is None or not is_file(authorities):
        book.missing(verify, "names nobody whose signatures are good", "clients: {authorities: FILE}")
        return {}
    book.translated(verify, authorities)
    found: Data = {"authorities": authorities.first}
    if verify.first == "optional":
        found["certificate"] = "optional"
    if revoked is not None:
        book.translated(revoked)
        found["revoked"] = revoked.first
    return {"clients": found}


def upstream_tls(book: Book, scope: Scope, directive: Directive, named: str | None) -> Data:
    """TLS to the endpoints of a `proxy_pass`; `named`: the name that NGINX verifies where nobody writes one."""
    found: Data = verification(book, scope, directive, named)
    certificate, key = scope.last("proxy_ssl_certificate"), scope.last("proxy_ssl_certificate_key")
    if certificate is not None and key is not None and is_file(certificate) and is_file(key):
        book.translated(certificate, key)
        found |= {"certificate": certificate.first, "key": key.first}
    protocols = scope.last("proxy_ssl_protocols")
    if protocols is not None:
        versions = set(protocols.args)
        if versions == {"TLSv1.3"}:
            found["minimum"] = "1.3"
        if versions - {"TLSv1.2", "TLSv1.3"}:
            book.nearly(protocols, OLDEST)
        book.translated(protocols)
    return found


def verification(book: Book, scope: Scope, directive: Directive, named: str | None) -> Data:
    found: Data = {}
    verify, authorities = scope.last("proxy_ssl_verify"), scope.last("proxy_ssl_trusted_certificate")
    name = scope.last("proxy_ssl_name")
    if verify is not None and verify.first == "off":
        book.translated(verify)
        found["verify"] = "off"
        if authorities is not None:
            book.needless(authorities, "nothing is verified")
    else:
        if verify is None:
            book.nearly(directive, VERIFIED, ANYBODY)
        book.translated(verify, authorities)
        if authorities is not None:
            found["authorities"] = authorities.first
    if name is not None and "$" in name.first and name.first != "$proxy_host":
        book.missing(name, EACH_REQUEST, "tls: {name: NAME}, on an upstream of its own")
    elif name is not None and "$" not in name.first:
        book.translated(name)
        found["name"] = name.first.partition(":")[0]
    else:
        book.translated(name)
        if named is not None and verify is not None and verify.first == "on":
            found["name"] = named.partition(":")[0]
    return found
