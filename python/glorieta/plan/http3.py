"""The versions of HTTP that a listener speaks: what HTTP/3 needs beside it, and how clients learn of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..config.address import SYSTEMD, UNIX
from ..config.listener import OVER_TCP, VERSIONS
from ..config.units import format_duration

if TYPE_CHECKING:
    from ..config.errors import Path
    from ..config.listener import Listener as ListenerNoun
    from ..config.listener import ListenerDefaults
    from .compiling import Compiling
    from .model import AltSvc, Listener

H3 = "h3"


def compile_versions(compiling: Compiling, noun: ListenerNoun, used: ListenerDefaults, path: Path) -> list[str]:
    if noun.protocol != "http":
        return []
    place: Path = (*(path if noun.written("versions") else ("defaults", "listener")), "versions")
    if used.written("versions") and not used.versions:
        compiling.error(place, "no version of HTTP is left to speak", "write h1, h2 or both", key=True)
    elif noun.written("versions") and H3 in used.versions:
        check_http3(compiling, noun, used, path)
    spoken = used.versions or OVER_TCP
    return [version for version in VERSIONS if version in spoken and (version != H3 or speaks_http3(noun, used))]


def speaks_http3(noun: ListenerNoun, used: ListenerDefaults) -> bool:
    """What defaults say of HTTP/3 is for listeners that can speak it."""
    return H3 in used.versions and (noun.written("versions") or (noun.tls is not None and not portless(noun)))


def portless(noun: ListenerNoun) -> list[int]:
    """Which of its addresses have no port of UDP beside them."""
    return [index for index, text in enumerate(noun.bind) if text.startswith((UNIX, SYSTEMD))]


def check_http3(compiling: Compiling, noun: ListenerNoun, used: ListenerDefaults, path: Path) -> None:
    place: Path = (*path, "versions")
    if not any(version in used.versions for version in OVER_TCP):
        message = "h3 alone: clients come by h1 or h2 first, and learn of h3 by an answer"
        compiling.error(place, message, "write versions: [h1, h2, h3]", key=True)
    if noun.tls is None and not compiling.is_touched((*path, "tls")):
        message = "h3 needs TLS, and this listener speaks in clear"
        compiling.error(place, message, "write tls: {certificate: shop.crt, key: shop.key}, or leave h3 out", key=True)
    if noun.proxy_protocol is not None and noun.proxy_protocol.required:
        message = "QUIC has no PROXY header, and without one nobody is let in here"
        compiling.error(place, message, "leave h3 out, or write required: off", also=(*path, "proxy_protocol"))
    for index in portless(noun):
        message = "h3 needs a port of UDP, and this has none of its own"
        fix = "write an address with a port, or another listener without h3 for this one"
        compiling.error((*path, "bind", index), message, fix, also=place)


def compile_alt_svc(compiling: Compiling, noun: ListenerNoun, used: ListenerDefaults, path: Path) -> AltSvc | None:
    """None: nothing is said of HTTP/3, or it is not spoken."""
    if noun.protocol != "http" or not speaks_http3(noun, used):
        if noun.written("alt_svc") and noun.alt_svc is not None and noun.protocol == "http":
            message = "there is no h3 here that clients could learn of"
            compiling.error((*path, "alt_svc"), message, "write versions: [h1, h2, h3], or leave it out", key=True)
        return None
    said = used.alt_svc
    return None if said is None else {"port": said.port, "max_age_s": int(said.max_age.total_seconds())}


def http3_text(listener: Listener) -> str:
    """Where HTTP/3 is spoken and how clients learn of it, in words."""
    ports = dict.fromkeys(bind.rpartition(":")[2] for bind in listener["bind"])
    return f"HTTP/3 at UDP {', '.join(ports)}; {alt_svc_text(listener['alt_svc'])}"


def alt_svc_text(alt_svc: AltSvc | None) -> str:
    if alt_svc is None:
        return "answers say nothing of it"
    port = "" if alt_svc["port"] is None else f"port {alt_svc['port']}, "
    return f"answers say so (Alt-Svc, {port}for {format_duration(timedelta(seconds=alt_svc['max_age_s']))})"
