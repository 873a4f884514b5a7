"""TLS of the Plan: files by their absolute paths, each looked into unless it need not be at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config.address import HTTPS, UNIX
from ..config.listener_tls import PROFILES
from ..config.upstream_tls import UpstreamTls
from .acme import ordered_files
from .certificates.names import Ordered
from .match import written_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..config.certificate import Certificate
    from ..config.errors import Path
    from ..config.listener_tls import ClientCertificates as ClientsNoun
    from ..config.listener_tls import ListenerTls
    from ..config.upstream import Upstream, UpstreamDefaults
    from .certificates.checks import Finding
    from .certificates.facts import Facts
    from .certificates.names import Covering
    from .compiling import Compiling
    from .model import CertificateFiles, ClientCertificates, ClientTls, Plan, Route, ServerTls

MAKE_ONE = "write {certificate: shop.crt, key: shop.key}, or {acme: on}; glorieta cert make localhost makes one to try"
TWIN = {"certificate": "key", "key": "certificate"}


def compile_server_tls(compiling: Compiling, noun: ListenerTls, path: Path) -> ServerTls:
    """`path` is that of `tls`."""
    pairs = list(pairs_of(compiling, noun, path))
    certificates: list[CertificateFiles] = []
    known: list[tuple[Path, Covering]] = []
    for pair, place in pairs:
        if pair.acme == [] and pair is noun:
            # For the hosts of the routes, which are not known yet.
            continue
        files, covering = compile_shown(compiling, pair, place)
        certificates.append(files)
        known += [(place, covering)] if covering is not None else []
    check_never_chosen(compiling, known)
    compiling.covered[str(path[1])] = [facts for _, facts in known] if len(known) == len(pairs) else []
    return {
        "certificates": certificates,
        "unknown_name": noun.unknown_name,
        "minimum": PROFILES[noun.profile],
        "clients": compile_clients(compiling, noun.clients, (*path, "clients")) if noun.clients is not None else None,
    }


def compile_shown(
    compiling: Compiling, pair: ListenerTls | Certificate, path: Path
) -> tuple[CertificateFiles, Covering | None]:
    """A certificate that clients are shown, and what it covers, where that is known."""
    if pair.acme:
        if pair.certificate or pair.key:
            message = "is ordered, and so it has no files of its own"
            compiling.error((*path, "acme"), message, "take acme: out, or certificate: and key:", key=True)
        return ordered_files(compiling, pair.acme, (*path, "acme")), Ordered(tuple(pair.acme))
    files = compile_pair(compiling, pair, path)
    return files, check_pair(compiling, files, path, "servers")


def pairs_of(compiling: Compiling, noun: ListenerTls, path: Path) -> Iterator[tuple[ListenerTls | Certificate, Path]]:
    """The certificates with their keys, and where each is written."""
    is_ordered = noun.acme is not None
    is_alone = noun.certificate is not None or noun.key is not None
    if is_alone + is_ordered + bool(noun.certificates) > 1:
        message = "certificate, certificates and acme exclude each other"
        fix = "put all of them into certificates, as {certificate: …, key: …} and {acme: […]}"
        compiling.error((*path, "certificates" if noun.certificates else "acme"), message, fix, key=True)
    elif not (is_alone or is_ordered or noun.certificates):
        if not compiling.has_touched(path, ("certificate", "key", "certificates", "acme")):
            compiling.error(path, "shows no certificate", MAKE_ONE, key=True)
    elif is_alone or is_ordered:
        yield noun, path
    for index, each in enumerate(noun.certificates):
        yield each, (*path, "certificates", index)


def compile_pair(compiling: Compiling, pair: ListenerTls | Certificate | UpstreamTls, path: Path) -> CertificateFiles:
    for word, other in TWIN.items():
        if not getattr(pair, word) and not compiling.is_touched((*path, word)):
            compiling.error(path, f"has a {other} and no {word}", f"write {word}: FILE, too", key=True)
    return {
        "certificate": absolute(compiling, pair.certificate, (*path, "certificate")) or "",
        "key": absolute(compiling, pair.key, (*path, "key")) or "",
    }


def absolute(compiling: Compiling, text: str | None, path: Path) -> str | None:
    return compiling.absolute(text, path) if text else None


def compile_clients(compiling: Compiling, noun: ClientsNoun, path: Path) -> ClientCertificates:
    if not noun.authorities and not compiling.is_touched((*path, "authorities")):
        compiling.error(path, "does not say whose certificates are good", "write authorities: clients-ca.pem", key=True)
    authorities = absolute(compiling, noun.authorities, (*path, "authorities")) or ""
    revoked = absolute(compiling, noun.revoked, (*path, "revoked"))
    check_believed(compiling, authorities, revoked, path)
    return {"authorities": authorities, "certificate": noun.certificate, "revoked": revoked}


def compile_client_tls(
    compiling: Compiling, used: UpstreamDefaults, upstream: Upstream, path: Path
) -> ClientTls | None:
    """`used`: what holds after defaults; `path`: the upstream's. `https://` switches TLS on with all defaults."""
    places: list[tuple[str, Path]] = [
        (each.address, (*path, "endpoints", index)) for index, each in enumerate(upstream.endpoints)
    ]
    noun = used.tls
    by_tls = [place for address, place in places if address.startswith(HTTPS)]
    if by_tls and noun is None:
        check_alike(compiling, used, places, by_tls[0], path)
        noun = UpstreamTls()
    return compile_client(compiling, noun, places, (*path, "tls")) if noun is not None else None


def check_alike(
    compiling: Compiling, used: UpstreamDefaults, places: list[tuple[str, Path]], by_tls: Path, path: Path
) -> None:
    """All endpoints of an upstream are spoken to alike, and as it says itself."""
    if used.written("tls"):
        message = "begins with https://, and tls is off"
        compiling.error(by_tls, message, "write tls: on, or leave https:// out", also=(*path, "tls"))
    plain = next((place for address, place in places if address and not address.startswith(HTTPS)), None)
    if plain is not None:
        message = "is in clear beside one that begins with https://, and endpoints are spoken to alike"
        compiling.error(plain, message, "write https:// here, too, or tls: on; or two upstreams", also=by_tls)


def compile_client(compiling: Compiling, noun: UpstreamTls, addresses: list[tuple[str, Path]], path: Path) -> ClientTls:
    pair = compile_pair(compiling, noun, path) if noun.certificate or noun.key else None
    if pair is not None:
        check_pair(compiling, pair, path, "clients")
    authorities = absolute(compiling, noun.authorities, (*path, "authorities"))
    check_verification(compiling, noun, path)
    if authorities is not None:
        check_believed(compiling, authorities, None, path)
    socket = next((place for address, place in addresses if address.startswith(UNIX)), None)
    if socket is not None and noun.name is None and not compiling.is_touched((*path, "name")):
        message = "a socket has no name that its certificate could cover"
        compiling.error(socket, message, "write tls: {name: users.internal}")
    return {
        "authorities": authorities,
        "name": noun.name,
        "certificate": pair,
        "minimum": noun.minimum,
        "verify": noun.verify,
    }


def check_verification(compiling: Compiling, noun: UpstreamTls, path: Path) -> None:
    if noun.verify:
        return
    if noun.authorities is not None:
        message = "is looked at by nobody: verify is off"
        compiling.error((*path, "authorities"), message, "take verify: off out", also=(*path, "verify"))
    message = "any certificate is believed: whoever is on the way can read and change everything"
    compiling.warn((*path, "verify"), message, "name who signed it instead: tls: {authorities: internal-ca.pem}")


def check_pair(compiling: Compiling, files: CertificateFiles, path: Path, purpose: str) -> Facts | None:
    """Looks into both files; what the certificate says, where that is known."""
    if not files["certificate"] or not files["key"]:
        return None
    from .certificates.checks import check_pair as findings_of

    findings, facts = findings_of(compiling.pem_files, files["certificate"], files["key"], purpose)
    note(compiling, findings, path, {"certificate": files["certificate"], "key": files["key"]})
    return facts


def check_believed(compiling: Compiling, authorities: str, revoked: str | None, path: Path) -> None:
    """Looks into the file of authorities, and into that of revocations."""
    if not authorities:
        return
    from .certificates.checks import check_authorities, check_revoked

    findings, found = check_authorities(compiling.pem_files, authorities)
    note(compiling, findings, path, {"authorities": authorities})
    if revoked is not None:
        findings = check_revoked(compiling.pem_files, revoked, found)
        note(compiling, findings, path, {"revoked": revoked})


def note(compiling: Compiling, findings: list[Finding], path: Path, files: dict[str, str]) -> None:
    """Tells what was found where the file is named. A file that is wrong is watched until it is right; of the others
    the engine sees by itself when they change."""
    from pathlib import Path as FilePath

    for each in findings:
        severity, message, file = each.severity, each.message, files[each.which]
        if severity == "error" and file in compiling.files_in_use:
            # What cannot be used must not stand in the way of a change of something else.
            severity, message = "warning", f"{message} (what was read before stays in use)"
        compiling.note(severity, (*path, each.which), message, each.fix, None, False)
        if severity == "error":
            compiling.files.add(FilePath(file))


def files_of(plan: Plan) -> set[str]:
    """All files that a Plan names for TLS."""
    found: set[str | None] = set()
    for listener in plan["listeners"]:
        if (tls := listener.get("tls")) is not None:
            found |= {file for pair in tls["certificates"] for file in (pair["certificate"], pair["key"])}
            found |= {tls["clients"]["authorities"], tls["clients"]["revoked"]} if tls["clients"] is not None else set()
    for upstream in plan["upstreams"]:
        if (own := upstream.get("tls")) is not None:
            pair = own["certificate"]
            found |= {own["authorities"], *((pair["certificate"], pair["key"]) if pair is not None else ())}
    return {file for file in found if file is not None}


def check_never_chosen(compiling: Compiling, known: list[tuple[Path, Covering]]) -> None:
    """A certificate whose names all stand in earlier ones."""
    for index, (path, facts) in enumerate(known[1:], 1):
        earlier = {name for _, each in known[:index] for name in each.names}
        if facts.names and earlier.issuperset(facts.names):
            message = f"is never chosen: earlier ones cover all its names ({', '.join(facts.names)})"
            compiling.warn(path, message, "take it out, or put it before them")


def check_covered(compiling: Compiling, listener: str, routes: Iterable[tuple[Route, Path]]) -> None:
    """Hosts that routes ask for and that no certificate covers: no client gets there."""
    certificates = compiling.covered.get(listener)
    if not certificates:
        return
    told: set[str] = set()
    for route, path in routes:
        for host in map(written_host, route["hosts"]):
            if host == "*" or host in told or any(each.covers(host) for each in certificates):
                continue
            if host.startswith("*.") and any(name.endswith(host[1:]) for each in certificates for name in each.names):
                continue
            told.add(host)
            message = f"no certificate covers {host}: clients refuse it, and requests for it are answered with 421"
            compiling.warn(path, message, "add its certificate", also=("listeners", listener, "tls"))
