"""ACME of the Plan: where certificates are ordered, which ones, and what is known to stand in the way."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..config.acme import DIRECTORIES
from ..config.certificate import MOST_NAMES, check_ordered_name
from ..config.errors import Wrong
from ..config.units import milliseconds
from .certificates.names import covers, is_address
from .match import written_host

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..config.acme import Acme as AcmeNoun
    from ..config.acme import DnsCommand as DnsNoun
    from ..config.errors import Path
    from .compiling import Compiling
    from .model import Acme, CertificateFiles, Listener, Orders, Plan, Route
    from .model.acme import Challenge, DnsCommand, ExternalAccount

PLACE: Path = ("acme",)
SET_UP = "write acme: {terms_agreed: on, email: ops@shop.example}"
HTTP_PORT, HTTPS_PORT = "80", "443"
BY_OTHERS = 0o077
"""What nobody but its owner may do with the folder in which keys are."""


def compile_acme(compiling: Compiling) -> Acme | None:
    """None: no certificate is ordered, or nobody said where."""
    noun = compiling.edge.acme
    if noun is None:
        return None
    if not noun.terms_agreed and not compiling.is_touched((*PLACE, "terms_agreed")):
        message = "does not say whether you agree with the issuer's terms of service"
        compiling.error(PLACE, message, "read them, and write terms_agreed: on", key=True)
    return {
        "directory": DIRECTORIES.get(noun.directory, noun.directory),
        "email": noun.email,
        "authorities": compiling.absolute(noun.authorities, (*PLACE, "authorities")) if noun.authorities else None,
        "storage": compiling.absolute(noun.storage, (*PLACE, "storage")),
        "challenge": compile_challenge(compiling, noun),
        "profile": noun.profile,
        "renew_before_ms": None if noun.renew_before is None else milliseconds(noun.renew_before),
        "external_account": compile_external(compiling, noun),
    }


def compile_challenge(compiling: Compiling, noun: AcmeNoun) -> Challenge:
    wanted = noun.challenge or ("http-01" if noun.dns is None else "dns-01")
    if wanted != "dns-01":
        if noun.dns is not None:
            message = f"is run for dns-01, and challenge is {wanted}"
            compiling.error((*PLACE, "dns"), message, "take one of both out", also=(*PLACE, "challenge"), key=True)
        return "tls-alpn-01" if wanted == "tls-alpn-01" else "http-01"
    if noun.dns is None:
        if not compiling.is_touched((*PLACE, "dns")):
            message = "dns-01 needs a program that writes records"
            compiling.error((*PLACE, "challenge"), message, "write dns: {command: [./dns-hook]}")
        return {"dns-01": {"command": [], "timeout_ms": 0, "wait_ms": 0}}
    return {"dns-01": compile_dns(compiling, noun.dns)}


def compile_dns(compiling: Compiling, noun: DnsNoun) -> DnsCommand:
    place: Path = (*PLACE, "dns", "command")
    command = list(noun.command)
    if not command or not command[0].strip():
        if not compiling.is_touched(place):
            compiling.error((*PLACE, "dns"), "does not say what to run", "write command: [./dns-hook]", key=True)
    elif "/" in command[0]:
        command[0] = compiling.absolute(command[0], place)
    if command and command[0].strip() and compiling.surroundings.secrets and shutil.which(command[0]) is None:
        message = f"{command[0]} is no program that can be run here"
        compiling.warn(place, message, f"name one that is there, or chmod +x {command[0]}")
    return {"command": command, "timeout_ms": milliseconds(noun.timeout), "wait_ms": milliseconds(noun.wait)}


def compile_external(compiling: Compiling, noun: AcmeNoun) -> ExternalAccount | None:
    external = noun.external_account
    if external is None:
        return None
    place: Path = (*PLACE, "external_account")
    for word in ("id", "key"):
        if not getattr(external, word) and not compiling.is_touched((*place, word)):
            compiling.error(place, f"has no {word}", f"write {word}: …, as the issuer gives it", key=True)
    return {"id": external.id, "key": compiling.absolute(external.key, (*place, "key")) if external.key else ""}


def ordered_files(compiling: Compiling, names: Sequence[str], path: Path) -> CertificateFiles:
    """Where a certificate will be that is ordered for these names. `path`: where they are written."""
    noun = compiling.edge.acme
    if noun is None:
        if not compiling.is_touched(PLACE):
            compiling.error(path, "certificates are ordered, and nobody said where", SET_UP, key=True)
        return {"certificate": "", "key": "", "acme": list(names)}
    check_names(compiling, names, path)
    storage = compiling.absolute(noun.storage, (*PLACE, "storage"))
    directory = DIRECTORIES.get(noun.directory, noun.directory)
    file = os.path.join(storage, issuer_folder(directory), "certificates", f"{file_name(names[0])}.pem")
    check_same(compiling, file, names, path)
    # One file for both: it is replaced in one moment.
    return {"certificate": file, "key": file, "acme": list(names)}


def check_names(compiling: Compiling, names: Sequence[str], path: Path) -> None:
    if len(names) > MOST_NAMES:
        message = f"has {len(names)} names, and issuers put at most {MOST_NAMES} into one certificate"
        compiling.error(path, message, "write several certificates")
    twice = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if twice is not None:
        compiling.error(path, f"names {twice} twice", "take one of them out")
    noun = compiling.edge.acme
    if noun is None:
        return
    by_dns = (noun.challenge or ("dns-01" if noun.dns else "")) == "dns-01"
    address = next((name for name in names if is_address(name)), None)
    if address is not None and by_dns:
        message = f"{address} is an address, and issuers prove none by dns-01 (RFC 8738 §7)"
        fix = "write acme: {challenge: http-01} without dns, or a host's name"
        compiling.error(path, message, fix, also=(*PLACE, "challenge"))
    wildcard = next((name for name in names if name.startswith("*.")), None)
    if wildcard is not None and not by_dns:
        message = f"{wildcard} is a wildcard, and issuers prove wildcards by dns-01 alone"
        fix = "write acme: {dns: [./dns-hook]}, or every name by itself"
        compiling.error(path, message, fix, also=(*PLACE, "challenge"))


def check_same(compiling: Compiling, file: str, names: Sequence[str], path: Path) -> None:
    """A file is called like its first name, so that it stays when others are added: two of one name would collide."""
    first, place = compiling.ordered.setdefault(file, (list(names), path))
    if first != list(names):
        message = f"two different certificates begin with {names[0]}"
        compiling.error(path, message, "write the same names in both, or another one first", also=place)


def issuer_folder(directory: str) -> str:
    """Readable, and one for each directory: what one issuer has signed is not the other's."""
    host = re.sub(r"[^a-z0-9.-]", "-", urlsplit(directory).netloc.lower())
    return f"{host}-{hashlib.sha256(directory.encode()).hexdigest()[:8]}"


def file_name(name: str) -> str:
    return name.replace("*", "_", 1)


def ordered_by_routes(compiling: Compiling, listener: Listener, routes: Iterable[Route]) -> None:
    """`acme: on`: a certificate for each host of the listener's routes."""
    noun = compiling.edge.listeners[listener["id"]].tls
    if noun is None or noun.acme != [] or listener["tls"] is None:
        return
    path: Path = ("listeners", listener["id"], "tls", "acme")
    hosts = sorted({host for route in routes for host in map(written_host, route["hosts"])} - {"*"})
    fitting = [host for host in hosts if is_orderable(host)]
    if not fitting:
        if not (compiling.missing or compiling.incomplete):
            message = "no route says a host, so nobody knows what to order certificates for"
            compiling.error(path, message, "write the names: acme: [shop.example]")
        return
    wide = [host for host in fitting if host.startswith("*.")]
    for host in fitting:
        if host not in wide and any(covers(each, host) for each in wide):
            continue
        listener["tls"]["certificates"].append(ordered_files(compiling, [host], path))


def is_orderable(host: str) -> bool:
    """Whether a certificate is ordered for a host without anybody having named it there. Few issuers sign for
    addresses, so those are named."""
    try:
        return not is_address(check_ordered_name(host))
    except Wrong:
        return False


def check_acme(compiling: Compiling, plan: Plan) -> None:
    """What only the whole shows: whether an issuer can reach what proves the names, and the folder."""
    acme = plan.get("acme")
    if acme is None:
        return
    orders = orders_of(plan)
    if orders is None:
        if not (compiling.missing or compiling.incomplete):
            fix = "write tls: {acme: on} at a listener, or take acme: out"
            compiling.warn(PLACE, "no listener asks for a certificate that is ordered", fix)
        return
    if acme["challenge"] == "http-01":
        check_http(compiling, plan["listeners"])
    elif acme["challenge"] == "tls-alpn-01":
        check_tls_alpn(compiling, plan["listeners"])
    if compiling.surroundings.secrets:
        check_storage(compiling, acme["storage"])


def check_http(compiling: Compiling, listeners: Sequence[Listener]) -> None:
    plain = [each for each in listeners if each["protocol"] == "http" and each["tls"] is None]
    other = "write https_only: on at the listener with tls, or acme: {challenge: tls-alpn-01}"
    if not plain:
        if not compiling.lost_listener:
            message = "http-01 is asked for by plain HTTP at port 80, and no listener speaks plain HTTP"
            compiling.error(PLACE, message, other, key=True)
    elif not any(has_port(each, HTTP_PORT) for each in plain):
        message = "http-01 is asked for at port 80, and no listener of plain HTTP has it"
        compiling.warn(PLACE, message, f"see that port 80 leads to {plain[0]['id']}, or {other}")


def check_tls_alpn(compiling: Compiling, listeners: Sequence[Listener]) -> None:
    if not any(has_port(each, HTTPS_PORT) for each in listeners if each["tls"] is not None):
        message = "tls-alpn-01 is asked for at port 443, and no listener with tls has it"
        compiling.warn(PLACE, message, "see that port 443 leads to one, without anything that ends TLS before")


def has_port(listener: Listener, port: str) -> bool:
    """Whether it may have this port: what systemd hands over may be anything."""
    return any(each.startswith("systemd:") or each.rpartition(":")[2] == port for each in listener["bind"])


def check_storage(compiling: Compiling, storage: str) -> None:
    """A folder that others may look into gives keys away."""
    place: Path = (*PLACE, "storage")
    try:
        state = os.stat(storage)
    except OSError:
        nearest = storage
        while not os.path.exists(nearest):
            nearest = os.path.dirname(nearest)
        if not os.access(nearest, os.W_OK | os.X_OK):
            message = f"{storage} cannot be made by this user"
            compiling.warn(place, message, f"make it for who runs glorieta: install -d -m 0700 -o USER {storage}")
        return
    if not stat.S_ISDIR(state.st_mode):
        compiling.error(place, f"{storage} is no folder", "name a folder")
    elif state.st_mode & BY_OTHERS:
        message = f"{storage} holds private keys, and others may look into it (mode {stat.S_IMODE(state.st_mode):04o})"
        compiling.error(place, message, f"chmod 700 {storage}")


def orders_of(plan: Plan) -> Orders | None:
    """What is to be ordered; none: nothing."""
    acme = plan.get("acme")
    files = {each["certificate"]: each["acme"] for each in all_ordered(plan)}
    if acme is None or not files:
        return None
    return {"acme": acme, "certificates": [{"names": names, "file": file} for file, names in files.items()]}


def all_ordered(plan: Plan) -> Iterator[CertificateFiles]:
    for listener in plan["listeners"]:
        for each in listener["tls"]["certificates"] if listener["tls"] is not None else ():
            if each.get("acme"):
                yield each
