"""Random Plans and random requests that meet in them: overlapping routes, odd paths, headers that lie, bad bytes.

Everything follows from a seed. Nothing here knows what should come of a request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from harness.plan import addresses, files, headers, http, max_body, proxy, redirect, respond, route

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from harness.message import Headers
    from harness.plan import Document

HOSTS = ["", "", "", "a.example", "*.example", "*.b.example", "b.example", "x.b.example"]
PATHS = [
    *("/", "/a", "/a/", "/a/b", "/A", "/a%2Fb", "/a//b", "/b/c", "/ñ", "/static/index.html"),
    *("/{x}", "/a/{x}", "/{x}/b", "/{x}/{y}", "/a/{x}/*", "/{x}/*", "/a/{x}/c/{y}"),
    *("/*", "/a/*", "/a/b/*", "/a%2Fb/*", "/b/*", "/static/*"),
    *("~/a/[0-9]+", "~/(?<year>[0-9]{4})/?", "~/.*b", "~/[a-z]+/[a-z]+"),
    *("*",),
]
METHODS = ["", "", "", "", "GET ", "POST ", "GET,POST ", "HEAD ", "BREW ", "OPTIONS "]
CONDITIONS: list[Document] = [
    {"name": "X-V", "value": {"exact": "1"}},
    {"name": "x-v", "value": "absent"},
    {"name": "x-w", "value": "present"},
    {"name": "cookie", "value": {"prefix": "sid="}},
    {"name": "X-W", "value": {"regex": "[a-c]+"}},
]
QUERIES: list[Document] = [
    {"name": "v", "value": {"exact": "1"}},
    {"name": "v", "value": "absent"},
    {"name": "w", "value": "present"},
    {"name": "v", "value": {"regex": "[0-9 ]+"}},
]
WORDS = ["${path}", "${header.x-v}", "${client.ip}", "${host}", "${query}", "${cookie.sid}", "${method}", "${route}"]
SEGMENTS = ["a", "b", "A", "c", "7", "2024", "a%2Fb", "a%2fb", "%61", "%41", ".", "..", "%2e%2E", "", "", "ñ", "%C3%B1"]
ODD_SEGMENTS = ["%00", "a\\b", "%5c", "%zz", "%", "a;x=1", "a b", "x" * 9000, "#top", "~a!$&'()*+,=:@", "\x7f", "{a}"]
REQUEST_HOSTS = ["a.example", "A.Example", "b.example.", "x.b.example", "y.x.b.example", "other", "a.example:8080"]
ODD_HOSTS = ["", "a b", "a@b", "[::1]", "[::1]:99", "a.example:", "a.example:http", "a..example", "-", "a,b"]
FIELDS: Headers = [
    *(("X-V", "1"), ("X-V", "2"), ("X-W", "abc"), ("x-w", "d"), ("Cookie", "sid=7; a=b"), ("Cookie", "a=..")),
    *(("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-For", "10.0.0.1, 127.0.0.3"), ("X-Forwarded-For", "nonsense")),
    *(("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"), ("X_Forwarded_Host", "evil.example")),
    *(("Forwarded", "for=203.0.113.9;proto=https"), ("X-Request-ID", "mine-1"), ("X-Real-IP", "203.0.113.8")),
    *(("Connection", "x-w, close"), ("Connection", "upgrade"), ("Upgrade", "websocket"), ("TE", "trailers")),
    *(("Accept", "text/html"), ("Accept", "application/json"), ("Range", "bytes=0-3"), ("If-None-Match", "*")),
    *(
        ("Max-Forwards", "3"),
        ("Max-Forwards", "0"),
        ("Max-Forwards", "x"),
        ("Via", "1.0 before"),
        ("X-Long", "y" * 3000),
    ),
    *(("User-Agent", "ñandú"), ("traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")),
]
ODD_FIELDS: Headers = [
    *(("X V", "1"), ("X-C", "a\x01b"), ("X-Big", "z" * 40000), ("Content-Length", "x"), ("Content-Length", "-1")),
    *(("Transfer-Encoding", "gzip, chunked"), ("Transfer-Encoding", "identity"), ("Host", "second.example"), ("", "1")),
    *(("Expect", "200-maybe"), ("X-Tab", "a\tb"), ("Connection", ",".join(["a"] * 70))),
]
SOURCES = ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]


def chance(random: Random, percent: int) -> bool:
    return random.randrange(100) < percent


def some_routes(random: Random, upstreams: list[str], folder: Path) -> list[Document]:
    """Routes that overlap as much as they can; some of them may collide."""
    return [some_route(random, upstreams, folder) for _ in range(random.randint(12, 40))]


def some_route(random: Random, upstreams: list[str], folder: Path) -> Document:
    path = random.choice(PATHS)
    key = f"{random.choice(METHODS)}{random.choice(HOSTS)}{path}"
    made = route(
        key,
        some_target(random, path, upstreams, folder),
        filters=some_filters(random, path),
        priority=random.randrange(1000),
        merge_slashes=chance(random, 25),
        headers=random.sample(CONDITIONS, 1) if chance(random, 20) else [],
        query=random.sample(QUERIES, 1) if chance(random, 20) else [],
    )
    # The same key with other conditions is another route, and needs another name.
    made["name"] = f"{key} {random.randrange(10**6)}"
    return made


def some_target(random: Random, path: str, upstreams: list[str], folder: Path) -> Document:
    kind = random.randrange(10)
    if kind == 0:
        return redirect(f"https://to.example{random.choice(WORDS)}", random.choice([301, 302, 303, 307, 308]))
    if kind == 1:
        return respond(
            random.choice(["", "hello", *WORDS]), random.choice([200, 204, 404, 503]), X_A=random.choice(WORDS)
        )
    if kind == 2 or path.startswith("/static"):
        strip = path[:-2] if path.endswith("/*") and chance(random, 70) else None
        return files(folder, strip_prefix=strip, fallback=random.choice([None, "/index.html"]))
    changes: dict[str, Any] = {
        "host": random.choice(["preserve", "preserve", "upstream", {"name": "inner.example:81"}])
    }
    if path.endswith("/*") and "{" not in path and path != "/*" and chance(random, 60):
        changes["strip_prefix"] = path[:-2]
    elif chance(random, 25):
        changes["rewrite"] = random.choice(
            ["/v2${path}", "/to/${header.x-v}", "/by/${client.ip}?q=1", "/c/${cookie.a}"]
        )
    return proxy(random.choice(upstreams), **changes)


def some_filters(random: Random, path: str) -> list[Document]:
    made = []
    if chance(random, 25):
        made.append(
            addresses(
                random.choice([[], ["127.0.0.0/30", "203.0.113.0/24"]]), random.choice([["127.0.0.4"], ["127.0.0.2"]])
            )
        )
    if chance(random, 25):
        made.append(max_body(random.choice([0, 5, 100])))
    if chance(random, 40):
        words = [*WORDS, "${path.x}"] if "{x}" in path else WORDS
        request: Document = {
            "set": {"X-Set": random.choice(words)},
            "add": {"X-V": "added"},
            "remove": ["X-W", "User-Agent"],
        }
        if chance(random, 20):
            request["set"]["Host"] = random.choice(["set.example", "${header.x-v}", "${cookie.sid}"])
        answer = {"set": {"X-Back": random.choice(words)}, "remove": ["X-Gone", "Server"]}
        made.append(headers(request if chance(random, 80) else None, answer if chance(random, 80) else None))
    return made


def listener(random: Random, routes: list[Document]) -> Document:
    return http(
        routes,
        trusted_proxies=random.choice([[], ["127.0.0.3"], ["127.0.0.0/8"]]),
        forwarded={name: chance(random, 60) for name in ("x_forwarded", "forwarded", "via")},
        request_id={name: chance(random, 60) for name in ("request", "response", "accept")},
    )


@dataclass
class Asked:
    """One request, in the parts of which both sides are made."""

    method: str
    authority: str
    target: str
    fields: Headers
    source: str
    body: bytes | None = None
    chunked: bool = False

    def question(self) -> Document:
        """For `Trial.ask`, which writes `Host` by itself where none is given."""
        fields = [list(pair) for pair in self.fields]
        if any(name == "Host" for name, _ in self.fields):
            fields.insert(0, ["Host", self.authority])
        return {
            "method": self.method,
            "url": f"http://{self.authority}{self.target}",
            "headers": fields,
            "from": self.source,
            "body_bytes": None if self.body is None else len(self.body),
            "listener": "web",
        }

    def data(self) -> bytes:
        """For a socket."""
        fields = [("Host", self.authority.removesuffix(":80")), *self.fields]
        body = b""
        if self.body is not None:
            body = self.body
            if self.chunked:
                body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
            elif not any(name in ("Content-Length", "Transfer-Encoding") for name, _ in self.fields):
                fields.append(("Content-Length", str(len(body))))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{self.method} {self.target} HTTP/1.1\r\n{head}\r\n".encode() + body


def some_request(random: Random) -> Asked:
    method = random.choice(["GET"] * 6 + ["POST"] * 3 + ["HEAD", "PUT", "OPTIONS", "DELETE", "BREW", "TRACE", "get"])
    target = some_target_text(random)
    if chance(random, 3):
        method, target = "OPTIONS", "*"
    odd_host = chance(random, 6)
    asked = Asked(
        method,
        random.choice(ODD_HOSTS if odd_host else REQUEST_HOSTS),
        target,
        random.sample(FIELDS, random.choice([0, 0, 1, 2, 3, 5])),
        random.choice(SOURCES),
    )
    if chance(random, 5):
        asked.fields.append(random.choice(ODD_FIELDS))
    if chance(random, 2):
        asked.fields += [(f"X-{index}", "many") for index in range(random.choice([80, 110]))]
    if method in ("POST", "PUT", "BREW") and chance(random, 70):
        asked.body = b"b" * random.choice([0, 1, 5, 6, 100, 101])
        if chance(random, 30) and not any(name.startswith(("Content-L", "Transfer")) for name, _ in asked.fields):
            asked.chunked = True
            asked.fields.append(("Transfer-Encoding", "chunked"))
    return asked


def some_target_text(random: Random) -> str:
    kinds = random.choice([SEGMENTS[:6], SEGMENTS[:6], SEGMENTS])
    segments = random.choices(kinds, k=random.randint(1, 4))
    if chance(random, 5):
        segments.append(random.choice(ODD_SEGMENTS))
    if chance(random, 10):
        segments = ["static", random.choice(["", "index.html", "nothing", "sub", "sub/", ".hidden"])]
    path = "/" + "/".join(segments)
    query = random.choice(["", "", "", "?", "?v=1", "?v=1&w", "?v=%31", "?w=/../a", "?v=1+2", "?x=a?b"])
    return path + query


@dataclass
class Seen:
    """What happened to a request."""

    record: Document = field(default_factory=dict)
    received: Any = None
    response: Any = None
