"""`https_only`: a listener that nobody wrote, which redirects, and a header that keeps browsers from coming back to it.

Both are ordinary parts of the Plan, so that `explain` shows what the one switch does.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from ..config.address import HTTPS_PORT, SYSTEMD, UNIX
from ..config.filter import Filters
from ..config.listener import Listener, ListenerDefaults
from ..config.units import milliseconds
from .http3 import H3

if TYPE_CHECKING:
    from ..config.errors import Path
    from ..config.listener_tls import Hsts, HttpsOnly
    from .compiling import Compiling

HTTP_PORT = 80
PERMANENT = 308
"""Unlike 301 it keeps the method and the body of what is redirected (RFC 9110 §15.4.9)."""
HSTS = "strict-transport-security"
LEAST_PRELOAD = timedelta(days=365)
EVERYWHERE = ("", "*", "[::]", "0.0.0.0")
SUFFIX = "-redirect"
LONGEST_NAME = 64


def add_redirects(compiling: Compiling) -> None:
    """The listeners that redirect, beside those that somebody wrote. Groups without `at` are never at one of them."""
    listeners = dict(compiling.edge.listeners)
    for name, noun in compiling.edge.listeners.items():
        switch = switch_of(noun)
        if switch is None:
            continue
        place: Path = ("listeners", name, "tls", "https_only")
        check_hsts(compiling, switch.hsts, place)
        made = redirect_listener(compiling, noun, switch, place)
        if made is None:
            continue
        called = redirecting_name(name)
        if called in listeners or called in compiling.edge.groups:
            message = f'the listener that redirects is called "{called}", and so is another one, or a group'
            compiling.error(place, message, "give that one another name", key=True)
            continue
        listeners[called] = made
        compiling.switches[called] = place
    if compiling.switches:
        compiling.edge = compiling.edge.model_copy(update={"listeners": listeners})


def redirecting_name(name: str) -> str:
    """The name of the listener that redirects to another."""
    return f"{name[: LONGEST_NAME - len(SUFFIX)]}{SUFFIX}"


def switch_of(noun: Listener) -> HttpsOnly | None:
    return noun.tls.https_only if noun.tls is not None and noun.protocol == "http" else None


def check_hsts(compiling: Compiling, hsts: Hsts | None, path: Path) -> None:
    if hsts is not None and hsts.preload and not (hsts.subdomains and hsts.max_age >= LEAST_PRELOAD):
        message = "preload asks for all names below, and for at least a year"
        compiling.error((*path, "hsts", "preload"), message, "write {max_age: 365d, subdomains: on, preload: on}")


def redirect_listener(compiling: Compiling, noun: Listener, switch: HttpsOnly, path: Path) -> Listener | None:
    """With the bounds of the listener to which it leads; none: nothing is redirected."""
    if switch.redirect is None:
        return None
    binds = switch.redirect or beside(noun)
    port = switch.port or port_of(noun)
    if not binds:
        if noun.bind:
            message = "nobody knows where plain HTTP comes in: the listener has no address with a port"
            compiling.error(path, message, "write https_only: {redirect: ADDRESS}, or {redirect: off}", key=True)
        return None
    if port == 0:
        message = "nobody knows the port of HTTPS: the listener takes any"
        compiling.error(path, message, "write https_only: {port: 443}", key=True)
        return None
    shown = "" if port == HTTPS_PORT else f":{port}"
    location = f"https://${{host}}{shown}${{target}}"
    made = Listener.model_validate({"bind": binds, "redirect": {"location": location, "status": PERMANENT}})
    bounds = {each: getattr(noun, each) for each in ListenerDefaults.model_fields if noun.written(each)}
    # In clear there is no HTTP/3.
    bounds.pop("alt_svc", None)
    if "versions" in bounds:
        bounds["versions"] = [version for version in bounds["versions"] if version != H3]
    made = made.model_copy(update=bounds)
    made.model_fields_set.update(bounds)
    return made


def beside(noun: Listener) -> list[str]:
    """Port 80 of a listener's own addresses."""
    hosts = dict.fromkeys(text.rpartition(":")[0] for text in noun.bind if not text.startswith((UNIX, SYSTEMD)))
    # One of every address takes what the others would.
    everywhere = [host for host in hosts if host in EVERYWHERE]
    return [f"{host}:{HTTP_PORT}" for host in everywhere[:1] or hosts]


def port_of(noun: Listener) -> int:
    """The port of a listener's first address that has one."""
    ports = [text.rpartition(":")[2] for text in noun.bind if not text.startswith((UNIX, SYSTEMD))]
    return int(ports[0]) if ports else HTTPS_PORT


def hsts_filters(noun: Listener) -> Filters:
    """What the switch adds to answers, beneath the listener's own filters."""
    switch = switch_of(noun)
    if switch is None or switch.hsts is None:
        return Filters()
    return Filters.model_validate({"headers": {"response": {"set": {HSTS: hsts_value(switch.hsts)}}}})


def hsts_value(hsts: Hsts) -> str:
    """RFC 6797 §6.1; `preload` is what the browsers' list asks for."""
    seconds = milliseconds(hsts.max_age) // 1000
    more = [word for word, is_on in (("includeSubDomains", hsts.subdomains), ("preload", hsts.preload)) if is_on]
    return "; ".join([f"max-age={seconds}", *more])
