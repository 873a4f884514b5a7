"""Addresses: where a listener listens, where an endpoint is, and networks.

The engine reads the same forms; what it would refuse is refused here, with the place and the fix.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from .base import checked_text
from .errors import Wrong

UNIX = "unix:"
SYSTEMD = "systemd:"
HTTPS = "https://"
HTTPS_PORT = 443
LONGEST_SOCKET_PATH = 107
"""What `sockaddr_un` holds, without the zero at its end."""
HOST = re.compile(r"(?=.{1,253}$)(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?")
NUMBERS = re.compile(r"[0-9.]+")


def check_bind(text: str) -> str:
    """`:8080`, `127.0.0.1:80`, `[::1]:80`, `unix:/run/a.sock` or `systemd:NAME`."""
    text = text.strip()
    if text.startswith(UNIX):
        return check_socket_path(text)
    if text.startswith(SYSTEMD):
        if text == SYSTEMD:
            raise Wrong(
                "a name or an index is missing after systemd:", "write systemd:web, as FileDescriptorName= says"
            )
        return text
    if text.startswith(("http://", "https://")):
        raise Wrong(f'"{text}" is a URL', "write an address, such as :8080")
    if re.fullmatch(r"[0-9]{1,5}", text):
        raise Wrong(f'"{text}" is only a port', f'write ":{text}" for every address, or 127.0.0.1:{text}')
    if "," in text:
        several = ", ".join(f'"{each.strip()}"' for each in text.split(","))
        raise Wrong(f'"{text}" is several addresses', f"write a list: [{several}]")
    host, port = split_host(text, f"write {text}:8080")
    check_port(port, text, least=0)
    if host not in ("", "*"):
        check_host_or_address(host, text)
    return text


def full_bind(text: str) -> str:
    """The one form of an address to listen at: `:8080` is `*:8080`."""
    return f"*{text}" if text.startswith(":") else text


def short_bind(text: str) -> str:
    """The same as most people write it."""
    return text[1:] if text.startswith("*:") else text


def check_endpoint(text: str) -> str:
    """`10.0.0.1:80`, `name:80` (all its addresses, re-resolved), `[::1]:80` or `unix:/run/a.sock`; by TLS with
    `https://` before it."""
    text = text.strip()
    refuse_request_values(text)
    if text.startswith(UNIX):
        return check_socket_path(text)
    if text.startswith("-"):
        raise Wrong("a blank is missing after the dash", f"write - {text[1:]}")
    if text.startswith(HTTPS):
        return f"{HTTPS}{check_endpoint(without_scheme(text))}"
    if "://" in text:
        fix = text.split("://", 1)[1].split("/", 1)[0] or "localhost:3000"
        raise Wrong(f'"{text}" is a URL', f"write {fix if ':' in fix else fix + ':80'}")
    if "/" in text:
        bare = text.split("/", 1)[0]
        raise Wrong(f'"{text}" has a path', f"write {bare} here, and rewrite: in the route")
    if re.fullmatch(r":?[0-9]{1,5}", text):
        raise Wrong(f'"{text}" is only a port', f"write localhost:{text.lstrip(':')}")
    host, port = split_host(text, f"write {text}:80")
    check_port(port, text, least=1)
    if host in ("*", "0.0.0.0", "[::]"):
        raise Wrong(f'"{text}" is no place to connect to', f"write 127.0.0.1:{port}, or the service's address")
    return f"{check_host_or_address(host, text)}:{port}"


def without_scheme(text: str) -> str:
    """Host and port of `https://HOST[:PORT]`."""
    rest = text.removeprefix(HTTPS).removesuffix("/")
    if rest.startswith(UNIX) or "://" in rest or not rest:
        raise Wrong(f'"{text}" names no host', "write https://HOST:PORT; for a socket write unix:PATH, and tls: on")
    if "@" in rest:
        raise Wrong("has a user in it, and endpoints know none", "write https://HOST:PORT, and set the header")
    has_port = "]:" in rest if rest.startswith("[") else ":" in rest
    return rest if has_port or "/" in rest else f"{rest}:{HTTPS_PORT}"


def refuse_request_values(text: str) -> None:
    """An address is the same for every request."""
    if "${" in text:
        message = f'"{text}": the client chooses the server: that is a forward proxy, open to outsiders'
        raise Wrong(message, "list the servers, and choose among them by routes", "reverse-as-forward")


def check_network(text: str) -> str:
    """`10.0.0.0/8`, `fd00::/8` or a single address."""
    text = text.strip()
    try:
        ipaddress.ip_network(text)
    except ValueError:
        pass
    else:
        return text
    try:
        meant = ipaddress.ip_interface(text)
    except ValueError:
        raise Wrong(f'"{text}" is neither an address nor a network', "write 10.0.0.0/8 or 192.0.2.7") from None
    fix = f"write {meant.network} or {meant.ip}"
    raise Wrong(f'"{text}" has bits right of its prefix, so it may mean one address or the whole network', fix)


def check_socket_path(text: str) -> str:
    path = text.removeprefix(UNIX)
    if not path or "\0" in path:
        raise Wrong("a path is missing after unix:", "write unix:/run/app.sock")
    if len(path.encode()) > LONGEST_SOCKET_PATH:
        raise Wrong(f"the path of a Unix socket is longer than {LONGEST_SOCKET_PATH} bytes")
    return text


def split_host(text: str, fix: str) -> tuple[str, str]:
    """Host and port; an IPv6 address needs its brackets."""
    if text.count(":") > 1 and not text.startswith("["):
        raise Wrong(f'"{text}": an IPv6 address needs brackets', bracketed(text))
    if text.startswith("[") and "]:" not in text:
        raise Wrong(f'"{text}" has no port', fix)
    host, colon, port = text.rpartition(":")
    if not colon or not port:
        raise Wrong(f'"{text}" has no port', fix.replace("::", ":"))
    return host, port


def bracketed(text: str) -> str:
    host, _, port = text.rpartition(":")
    with_port = is_version6(host) and re.fullmatch(r"[0-9]{1,5}", port)
    return f'write "[{host}]:{port}"' if with_port else f'write "[{text}]:80"'


def check_port(port: str, text: str, *, least: int) -> None:
    if not re.fullmatch(r"[0-9]{1,5}", port) or not least <= int(port) <= 65535:
        raise Wrong(f'"{text}": "{port}" is no port', f"ports are {least} to 65535")


def check_host_or_address(host: str, text: str) -> str:
    if host.startswith("["):
        if not (host.endswith("]") and is_version6(host[1:-1])):
            raise Wrong(f'"{text}": "{host}" is no IPv6 address')
        return host
    if NUMBERS.fullmatch(host):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError:
            raise Wrong(f'"{text}": "{host}" is no IPv4 address') from None
    if not HOST.fullmatch(host):
        raise Wrong(f'"{text}": "{host}" is no host name')
    return host


def is_version6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def is_literal(address: str) -> bool:
    """Whether an endpoint is one address, rather than a name that may mean several."""
    address = address.removeprefix(HTTPS)
    host = address.rpartition(":")[0]
    return address.startswith((UNIX, "[")) or host == "localhost" or NUMBERS.fullmatch(host) is not None


Bind = Annotated[str, checked_text(check_bind)]
EndpointAddress = Annotated[str, checked_text(check_endpoint)]
Network = Annotated[str, checked_text(check_network)]
