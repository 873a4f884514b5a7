"""What the models refuse, each with its place and the fix; everything at once."""

from __future__ import annotations

import pytest
from glorieta.config import ConfigError, Edge, Upstream, load_text
from harness.configuring import errors, listener, routes, top, upstream
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            routes("/a/*: {to: a, strip_prefx: true}"),
            '6:21 listeners.web.routes."/a/*": unknown key "strip_prefx"; did you mean "strip_prefix"?',
        ),
        (
            routes("/a: {proxy_pass: a, to: a}"),
            '6:12 listeners.web.routes."/a": unknown key "proxy_pass"; did you mean "to"?',
        ),
        (routes("/a: {to:a}"), '6:12 listeners.web.routes."/a": a blank is missing after the colon; write to: a'),
        (
            routes("/a: {handler: shop:router}"),
            '6:12 listeners.web.routes."/a": "handler" is not built yet in this version; it comes with Handlers',
        ),
        (
            routes("/a: {to: a, filters: {jwt: {}}}"),
            '6:29 listeners.web.routes."/a".filters: "jwt" is not built yet in this version; it comes with Gateway',
        ),
        (
            routes("/a: {to: true}"),
            '6:16 listeners.web.routes."/a".to: a text is expected here, not true; put it in quotes: "true"',
        ),
        (
            routes("n: {to: a, match: {path: {id}}}"),
            "6:32 listeners.web.routes.n.match.path: a text is expected here, not a mapping; "
            'YAML reads { } as a mapping; put it in quotes: "{id}"',
        ),
        (
            routes("n: {to: a, match: {path: [x]}}"),
            "6:32 listeners.web.routes.n.match.path: a text is expected here, not a list; "
            "YAML reads [ ] as a list; put it in quotes",
        ),
        (routes("/a: [a]"), '6:11 listeners.web.routes."/a": a mapping is expected here, not a list'),
        (routes("/a:"), '6:10 listeners.web.routes."/a": a mapping is expected here, not nothing'),
        (routes("get /x: a"), '6:7 listeners.web.routes."get /x": "get" is no method; write GET'),
        (routes('"*": a'), '6:7 listeners.web.routes."*": "*" is no path; write "/*" for every path'),
        (
            routes("shop.example/a: a"),
            '6:7 listeners.web.routes."shop.example/a": "shop.example/a": a key has no host; '
            "write a name, and match: shop.example/a",
        ),
        (
            routes("/a: {to: a, retries: 11}"),
            '6:28 listeners.web.routes."/a".retries: 11 is out of bounds; write 0 to 10',
        ),
        (
            routes("/a: {to: a, retries: few}"),
            '6:28 listeners.web.routes."/a".retries: "few" is not a whole number; write 0 to 10',
        ),
        (
            routes("/a: {to: a, retries: [1]}"),
            '6:28 listeners.web.routes."/a".retries: a whole number is expected here; write 0 to 10',
        ),
        (
            routes("/a: {to: a, merge_slashes: maybe}"),
            '6:34 listeners.web.routes."/a".merge_slashes: "maybe" is neither on nor off; write on or off',
        ),
        (
            routes("/a: {to: a, host: '*.x'}"),
            '6:25 listeners.web.routes."/a".host: "*.x" is no Host; write preserve, upstream or a name',
        ),
        (
            routes("/a: {to: a, strip_prefix: '/{x}'}"),
            '6:33 listeners.web.routes."/a".strip_prefix: "/{x}" is not one path; write true, or the path that is taken off, such as /api',
        ),
        (
            routes("/a: {redirect: {location: /x, status: 200}}"),
            '6:45 listeners.web.routes."/a".redirect.status: "200" is no status of a redirect; write 301, 302, 303, 307 or 308',
        ),
        (
            routes("/a: {respond: 99}"),
            '6:21 listeners.web.routes."/a".respond.status: 99 is out of bounds; write 200 to 599',
        ),
        (
            routes("/a: {files: {root: x, index: a/b}}"),
            '6:36 listeners.web.routes."/a".files.index: "a/b" is no file name; write a name, such as index.html',
        ),
        (
            routes("/a: {files: {root: x, fallback: '/*'}}"),
            '6:39 listeners.web.routes."/a".files.fallback: "/*" is not one file; write a path below the root, such as /index.html',
        ),
        (
            routes("/a: {to: a, filters: {headers: {request: {set: {Host: x}}}}}"),
            '6:55 listeners.web.routes."/a".filters.headers.request.set.Host: "Host" is not set by headers; '
            "use the route's host: preserve, upstream or a name",
        ),
        (
            routes("/a: {to: a, filters: {headers: {response: {remove: Connection}}}}"),
            '6:58 listeners.web.routes."/a".filters.headers.response.remove: "Connection" cannot be changed: '
            "the engine writes it for each connection",
        ),
        (
            routes("/a: {to: a, filters: {allow: []}}"),
            '6:36 listeners.web.routes."/a".filters.allow: is empty; write off for no restriction, or name the networks',
        ),
        (
            routes("n: {to: a, match: {path: /a, headers: {x: {prefix: a, exact: b}}}}"),
            "6:49 listeners.web.routes.n.match.headers.x: exactly one of exact, prefix, regex, present is expected",
        ),
        (
            listener("protocol: udp"),
            '6:15 listeners.web.protocol: "udp" is not built yet in this version; it comes with Protocols',
        ),
        (
            listener("protocol: htp"),
            '6:15 listeners.web.protocol: "htp" is not one of the words for this; did you mean "http"?',
        ),
        (
            listener("role: bff"),
            '6:11 listeners.web.role: "bff" is not built yet in this version; it comes with Handlers',
        ),
        (
            listener("role: api-gateway"),
            '6:11 listeners.web.role: "api-gateway" is not built yet in this version; it comes with Gateway',
        ),
        (
            listener("tls: {certificate: x}"),
            '6:5 listeners.web: "tls" is not built yet in this version; it comes with Protocols',
        ),
        (listener("limits: {head: 1B}"), "6:20 listeners.web.limits.head: 1B is out of bounds; write 256B to 16MiB"),
        (
            listener("timeouts: {head: 0s}"),
            '6:22 listeners.web.timeouts.head: "0s" leaves no time at all; write a longer duration, or leave it out for the default',
        ),
        (
            upstream("{endpoints: [a:1], balance: maglev}"),
            '3:44 upstreams.a.balance.algorithm: "maglev" is not built yet in this version; it comes with Balancing',
        ),
        (
            upstream("{endpoints: [a:1], balance: {maglev: x}}"),
            '3:44 upstreams.a.balance: "maglev" is not built yet in this version; it comes with Balancing',
        ),
        (
            upstream("{endpoints: [a:1], balance: hash}"),
            "3:44 upstreams.a.balance: does not say what to hash; write {hash: header.x-user} or another request word",
        ),
        (
            upstream("{endpoints: [a:1], balance: {hash: host, algorithm: random}}"),
            "3:44 upstreams.a.balance: an algorithm and a hash exclude each other; keep one of both",
        ),
        (
            upstream("{endpoints: [a:1], balance: {hash: cokie.x}}"),
            '3:51 upstreams.a.balance.hash: "cokie.x" is no request value; did you mean "cookie.x"?',
        ),
        (
            upstream("{endpoints: [a:1], health: on}"),
            "3:43 upstreams.a.health: does not say how to check; write {path: /healthz}, or tcp for connecting only",
        ),
        (
            upstream("{endpoints: [a:1], health: healthz}"),
            '3:43 upstreams.a.health: "healthz" is neither a path nor tcp; write /healthz, or tcp for connecting only',
        ),
        (
            upstream("{endpoints: [a:1], health: {path: /x, status: 399-200}}"),
            '3:62 upstreams.a.health.status: "399-200" is empty; write 200-399',
        ),
        (
            upstream("{endpoints: [a:1], health: {path: /x, every: 5}}"),
            '3:61 upstreams.a.health.every: "5" has no unit; write 5s or 5m',
        ),
        (
            upstream("{discover: {dns: 'x:80'}}"),
            '3:33 upstreams.a.discover.dns: "x:80" has a port; write {dns: x, port: 80}',
        ),
        (
            upstream("{discover: {consul: x}}"),
            '3:28 upstreams.a.discover: "consul" is not built yet in this version; it comes with Balancing',
        ),
        (upstream("x"), '3:16 upstreams.a: a mapping is expected here, not "x"'),
        (top("log: stdot"), '2:6 log.to: "stdot" is no stream; did you mean "stdout"?'),
        (top("log: logs"), '2:6 log.to: "logs" is neither a stream nor a file; write stdout, stderr, off or ./logs'),
        (top("log: {format: jsn}"), '2:15 log.format: "jsn" is no format; did you mean "json"?'),
        (top("log: {format: '${staus}'}"), '2:15 log.format: "staus" is no request value; did you mean "status"?'),
        (
            top("admin: 9900"),
            '2:8 admin.address: "9900" is only a port; write ":9900" for every address, or 127.0.0.1:9900',
        ),
        (
            top("admin: {address: 'unix:/x'}"),
            '2:18 admin.address: "unix:/x" is no TCP address; write socket: for a Unix socket',
        ),
        (
            top("server_name: a b"),
            '2:14 server_name: "a b" is no name for Via and Server; write one word, such as edge-1',
        ),
        (top("include: [x]"), '2:1 "include" is not built yet in this version; it comes with Configuration'),
        (top("upstrems: {}"), '2:1 unknown key "upstrems"; did you mean "upstreams"?'),
        (
            top("defaults: {route: {to: a}}"),
            '2:20 defaults.route: unknown key "to"; known are deadline, host, merge_slashes, retries, timeouts',
        ),
        (
            "version: 2\n" + top("")[len("version: 1\n") :],
            '1:10 version: "2" is no version that this glorieta reads; write version: 1',
        ),
        (top("")[len("version: 1\n") :], "2:1 version: is missing; write version: 1 at the top"),
        ("- a", "a mapping is expected: version, listeners, upstreams"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, expected: str) -> None:
    place = "" if expected.startswith("a ") else ":"
    assert errors(text) == [f"glorieta.yaml{place or ' '}{expected}"]


def test_everything_is_told_at_once() -> None:
    text = routes(
        "/a/*: {to: b, strip_prefx: true}\n/b: {to: a, timeouts: {idle: 5}}\n/c: {to: a, redirect: /x}\nGET /c: c\n"
    )
    text += "  c: {endpoints: [localhost, a:1, a:1], health: {path: /x, every: 5}}\n"
    text = text.replace(
        "upstreams: {a: {endpoints: [localhost:3000]}}\n", "upstreams:\n  a: {endpoints: localhost:3000}\n"
    )
    assert [line.split(" ", 2)[:2] for line in errors(text)] == [
        ["glorieta.yaml:6:18", 'listeners.web.routes."/a/*".to:'],
        ["glorieta.yaml:6:21", 'listeners.web.routes."/a/*":'],
        ["glorieta.yaml:7:35", 'listeners.web.routes."/b".timeouts.idle:'],
        ["glorieta.yaml:8:7", 'listeners.web.routes."/c":'],
        ["glorieta.yaml:12:19", "upstreams.c.endpoints.0.address:"],
        ["glorieta.yaml:12:69", "upstreams.c.health.every:"],
    ]


def test_what_was_wrong_has_no_consequences() -> None:
    """One mistake, one error: nothing is said of what it makes impossible to know."""
    for text in (
        routes("n: {match: {host: 'a:80', path: /x}, to: a}\nm: {match: {path: /x}, to: a}"),
        routes('/x: {redirect: "${no.word}"}'),
        "version: 1\nlisteners: {web: {bind: 80, to: a}}\nupstreams: {a: {endpoints: [a:1]}}",
        "version: 1\nlisteners: {web: {bind: ':80', to: a}}\nupstreams: {a: x}",
        "version: 1\nlisteners: []\nupstreams: {a: {endpoints: [a:1]}}\ngroups: {g: {at: web, to: a}}",
    ):
        assert len(errors(text)) == 1, text


def test_free_keys_are_nobodys_business_but_headers_are() -> None:
    text = routes("/a: {to: a, x-note: [1], filters: {headers: {request: {set: {x-a: b}}}}}\nx-later: {whatever: 1}")
    edge = load_text(text + "x-anchors: {a: &a 1}\n").edge
    assert list(edge.listeners["web"].routes) == ["/a"]
    headers = edge.listeners["web"].routes["/a"].filters.headers
    assert headers is not None
    assert headers.request is not None
    assert headers.request.set == {"x-a": "b"}


def test_off_and_on_mean_the_same_quoted_or_not() -> None:
    for off in ("off", '"off"', "false"):
        edge = load_text(top(f"admin: {off}\nlog: {off}\nwatch: {off}")).edge
        assert (edge.admin, edge.log.to, edge.watch) == (None, "off", False)
    for on in ("on", '"on"', "true"):
        assert load_text(top(f"watch: {on}")).edge.watch is True


def test_an_empty_key_is_one_that_nobody_wrote() -> None:
    edge = load_text(top("groups:\nlog:\n  to:\n")).edge
    assert (edge.groups, edge.log.to) == ({}, "stdout")


def test_errors_of_python_objects_are_pydantics() -> None:
    with pytest.raises(ValidationError, match="has no port; write a:80"):
        Upstream(endpoints=["a"])
    with pytest.raises(ConfigError) as caught:
        Edge.load("/nowhere/glorieta.yaml")
    assert str(caught.value).startswith("/nowhere/glorieta.yaml cannot be read: No such file or directory")
