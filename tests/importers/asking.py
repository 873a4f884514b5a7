"""The requests for one configuration, made of the configuration: every location with variations of its path, every
host and a strange one, several methods, some headers, and answers of services that a proxy may change.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import crossplane

from .samples import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .corpus import Case
    from .layout import Layout

MOST_REQUESTS = 800
STRANGE_HOST = "strange.example"
METHODS = ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
ANSWERS = ("redirect-here", "redirect-below", "redirect-path", "redirect-away", "cookie", "404", "500", "headers")
ADDED_HEADERS = (
    ("X-Custom", "kept"),
    ("X-Real-IP", "10.1.2.3"),
    ("Cookie", "session=abc; theme=dark"),
    ("Authorization", "Basic dTpw"),
    ("Accept-Encoding", "gzip, br"),
    ("Referer", "https://elsewhere.example/page"),
    ("Range", "bytes=0-3"),
)
UPGRADE = (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Asked:
    """One request, to a port by its name in the configuration."""

    port: str
    host: str
    path: str
    method: str = "GET"
    headers: Headers = ()
    body: int | None = None

    @property
    def sent(self) -> int | None:
        return self.body if self.body is not None else (5 if self.method in ("POST", "PUT", "PATCH") else None)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def __str__(self) -> str:
        headers = "".join(f" -H '{name}: {value}'" for name, value in self.headers)
        body = f" ({self.sent} bytes)" if self.sent else ""
        return f"{self.method} {self.host}:{self.port}{self.path}{headers}{body}"


@dataclass
class Server:
    """One `server` block, as far as requests are made of it."""

    ports: list[str]
    hosts: list[str]
    paths: list[str] = field(default_factory=list)
    """The most typical path of each location."""
    varied: list[str] = field(default_factory=list)
    tls: bool = False
    stream: bool = False


def requests_for(case: Case, layout: Layout, entry: Path) -> list[Asked]:
    """All of them, each once, in an order that never changes."""
    numbers = {str(port): name for name, port in layout.ports.items()}
    servers = list(servers_of(case, entry, numbers))
    found: dict[Asked, None] = {}
    for data in case.requests:
        found[explicit(data, servers)] = None
    for server in servers:
        found |= dict.fromkeys(asked_of(server, case))
    for each in unknown_hosts(servers):
        found[each] = None
    return list(found)[:MOST_REQUESTS]


def explicit(data: dict[str, Any], servers: list[Server]) -> Asked:
    headers = tuple((name, str(value)) for name, value in data.get("headers", {}).items())
    host = data.get("host") or servers[0].hosts[0]
    port = str(data["port"]) if "port" in data else servers[0].ports[0]
    return Asked(port, host, data["path"], data.get("method", "GET"), headers, data.get("body"))


def asked_of(server: Server, case: Case) -> Iterator[Asked]:
    """Of one server: typical paths for all hosts and methods, variations for the first host."""
    if server.stream:
        for path in ("/", "/two", "/three?x=1"):
            yield Asked(server.ports[0], "any.example", path)
        return
    port, host = server.ports[0], server.hosts[0]
    typical = list(dict.fromkeys(server.paths))
    for path in typical:
        yield Asked(port, host, path)
    for path in typical:
        for method in METHODS:
            yield Asked(port, host, path, method)
        for answer in ANSWERS:
            yield Asked(port, host, path, headers=(("X-Answer", answer),))
    for path in dict.fromkeys(server.varied):
        yield Asked(port, host, path)
    for path in typical[:2]:
        for header in ADDED_HEADERS:
            yield Asked(port, host, path, headers=(header,))
        yield Asked(port, host, path, headers=(("X-Answer", "upgrade"), *UPGRADE))
        yield Asked(port, f"{host}:81", path)
    for each in server.hosts[1:]:
        for path in (typical[0], typical[-1], f"{typical[0]}?a=1&b=%20"):
            yield Asked(port, each, path)
    for other in server.ports[1:]:
        for path in typical:
            yield Asked(other, host, path)


def unknown_hosts(servers: list[Server]) -> Iterator[Asked]:
    for server in servers:
        if not server.stream:
            for path in dict.fromkeys(server.paths[:3]):
                yield Asked(server.ports[0], STRANGE_HOST, path)
                yield Asked(server.ports[0], server.hosts[0].upper(), path)
            yield Asked(server.ports[0], "10.0.0.1", "/")


def servers_of(case: Case, entry: Path, numbers: dict[str, str]) -> Iterator[Server]:
    parsed = crossplane.parse(str(entry), combine=True, check_ctx=False)
    assert parsed["status"] == "ok", parsed["errors"]
    top = parsed["config"][0]["parsed"]
    for where in ("http", "stream"):
        blocks = [each["block"] for each in top if each["directive"] == where] or ([top] if where == "http" else [])
        for block in blocks:
            for directive in block:
                if directive["directive"] == "server":
                    made = server_of(case, directive["block"], numbers, where == "stream")
                    if made is not None:
                        yield made


def server_of(case: Case, block: list[dict[str, Any]], numbers: dict[str, str], stream: bool) -> Server | None:
    ports, tls = [], False
    for each in named(block, "listen"):
        name = numbers.get(each["args"][0].rpartition(":")[2])
        if name is not None and "udp" not in each["args"] and "[::" not in each["args"][0]:
            ports.append(name)
            tls = tls or "ssl" in each["args"]
    if not ports:
        return None
    hosts = [sample_host(name) for each in named(block, "server_name") for name in each["args"]]
    server = Server(ports, [each for each in hosts if each] or [STRANGE_HOST], tls=tls, stream=stream)
    gather(case, block, server)
    server.paths = [*server.paths, "/", "/nothing/here"]
    server.varied += [*dict.fromkeys(path for path in site_paths(case))]
    return server


def gather(case: Case, block: list[dict[str, Any]], server: Server) -> None:
    """The paths of the locations and rewrites of a block, and of what is inside them."""
    for each in block:
        args = each["args"]
        if each["directive"] == "rewrite" or (each["directive"] == "if" and any("uri" in word for word in args)):
            expression = args[0] if each["directive"] == "rewrite" else args[-1].strip("()")
            add_expression(case, expression, False, server)
        elif each["directive"] == "location":
            modifier, text = args if len(args) == 2 else ("", args[0])
            if modifier in ("~", "~*"):
                add_expression(case, text, modifier == "~*", server)
            elif modifier == "=":
                server.paths.append(text)
                server.varied += [f"{text}/", f"{text}x", f"{text}?q=1", f"{text}/more", text.upper()]
            elif not text.startswith("@"):
                server.paths.append(text.replace(" ", "%20"))
                server.varied += variations(text)
        if each.get("block"):
            gather(case, each["block"], server)


def add_expression(case: Case, expression: str, ignore_case: bool, server: Server) -> None:
    made = [*case.samples.get(expression, []), *samples(expression, ignore_case)]
    for path in made:
        server.paths.append(path)
        server.varied += [f"{path}x", f"{path}/", f"{path}?q=1&q=2", f"/before{path}", path.upper()]


def variations(text: str) -> list[str]:
    """A location's own text, longer, shorter, without a boundary of segments, written otherwise."""
    written = text.replace(" ", "%20")
    bare = written.rstrip("/")
    below = f"{bare}/"
    start = bare or "/"
    return [
        *(start, below, f"{start}x", f"{start}-more/x", bare[:-1] or "/", start.upper()),
        *(f"{below}one/two", f"{below}one.html", f"{below}one/?a=1&b=two%20three", f"{start}?only", f"{below}?"),
        *(f"{below}a%20b", f"{below}%7Euser", f"{below}caf%C3%A9", f"{below}a%2Fb", f"{below}a+b;c=d,e"),
        *(f"{below}/two", f"/{below}", f"{below}./one", f"{below}x/../one", f"{below}x/../../", f"{start}%2e", f"{below}.hidden"),
    ]  # fmt: skip


def site_paths(case: Case) -> Iterator[str]:
    """What might be asked for where these files are served: the ends of their paths."""
    for path in case.site:
        parts = path.strip("/").split("/")
        for start in range(1, len(parts)):
            yield "/" + "/".join(parts[start:])
        if len(parts) > 2:
            yield "/" + parts[-2]


def sample_host(name: str) -> str:
    if name in ("_", "", "''"):
        return ""
    if name.startswith("~"):
        found = samples(name[1:])
        return found[0].strip("/").lower() if found else ""
    if name.startswith("."):
        return name[1:]
    return re.sub(r"^\*\.", "any.", name.replace(".*", ".example"))


def named(block: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [each for each in block if each["directive"] == name]
