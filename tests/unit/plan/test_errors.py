"""What only compiling can tell: names that lead nowhere, routes that collide, contracts that are broken."""

from __future__ import annotations

import pytest
from harness.configuring import errors, listener, routes, top, upstream, warnings

L4 = "layer 4 sees addresses and ports only"
TCP = 'version: 1\nlisteners: {{web: {{bind: ":8080", protocol: tcp, to: a, {}}}}}\nupstreams: {{a: {{endpoints: [x:1, y:1]}}}}\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            routes("/x: {to: aa}\n/y: a"),
            ['6:16 listeners.web.routes."/x".to: there is no upstream "aa"; did you mean "a"?'],
        ),
        (routes("/x: zzz\n/y: a"), ['6:11 listeners.web.routes."/x".to: there is no upstream "zzz"; known are a']),
        (
            "version: 1\nlisteners: {web: {bind: ':80', to: localhost:3000}}",
            [
                '2:36 listeners.web.to: there is no upstream "localhost:3000"; '
                "name an upstream, and write upstreams: NAME: {endpoints: [localhost:3000]}"
            ],
        ),
        (
            "version: 1\nlisteners: {web: {bind: ':80', to: shop}}",
            [
                '2:36 listeners.web.to: there is no upstream "shop"; write it below upstreams: shop: {endpoints: [host:port]}'
            ],
        ),
        (
            routes("/x: {to: a, redirect: /y}"),
            ['6:7 listeners.web.routes."/x": to and redirect exclude each other; keep one target'],
        ),
        (
            routes("/x: {retries: 1}"),
            ['6:7 listeners.web.routes."/x": has no target; write to: UPSTREAM, redirect:, respond: or files:'],
        ),
        (
            routes("/x: {respond: ok, retries: 2}"),
            [
                '6:25 listeners.web.routes."/x".retries: "retries" means nothing without an upstream; leave it out, or use to: instead of respond:'
            ],
        ),
        (
            routes("/x: {respond: ok, strip_prefix: true}"),
            [
                '6:25 listeners.web.routes."/x".strip_prefix: "strip_prefix" means nothing where nothing is forwarded; leave it out'
            ],
        ),
        (
            routes("/x: {respond: {status: 204, body: x}}"),
            ['6:41 listeners.web.routes."/x".respond.body: an answer with 204 has no body; leave the body out'],
        ),
        (
            routes("/x: {redirect: {status: 301}}"),
            ['6:22 listeners.web.routes."/x".redirect: has no location; write location: https://shop.example${path}'],
        ),
        (routes("/x: {files: {}}"), ['6:19 listeners.web.routes."/x".files: has no root; write root: ./public']),
        (
            routes("/x: {to: a, strip_prefix: true}"),
            [
                '6:33 listeners.web.routes."/x".strip_prefix: the path /x has no prefix that could be taken off; end the path in /*: "/x/*"'
            ],
        ),
        (
            routes("/x/{id}/*: {to: a, strip_prefix: true}"),
            [
                '6:40 listeners.web.routes."/x/{id}/*".strip_prefix: the path /x/{id}/* has no prefix that could be taken off; use rewrite: instead'
            ],
        ),
        (
            routes("/*: {to: a, strip_prefix: true}"),
            [
                '6:33 listeners.web.routes."/*".strip_prefix: the path /* has no prefix that could be taken off; leave strip_prefix out'
            ],
        ),
        (
            routes("/b/*: {to: a, strip_prefix: /bc}"),
            ['6:35 listeners.web.routes."/b/*".strip_prefix: "/bc" is not what the path /b/* begins with; write true'],
        ),
        (
            routes("/b/*: {to: a, strip_prefix: true, rewrite: /x}"),
            [
                '6:35 listeners.web.routes."/b/*".strip_prefix: strip_prefix and rewrite exclude each other; keep one; rewrite: "/${path.*}" strips, too'
            ],
        ),
        (
            routes('/u/{id}: {to: a, rewrite: "/${path.ide}"}'),
            [
                '6:33 listeners.web.routes."/u/{id}".rewrite: the route\'s path has no parameter "ide"; did you mean "id"?'
            ],
        ),
        (
            routes('/u: {to: a, filters: {headers: {request: {add: {x: [y, "${path.id}"]}}}}}'),
            [
                '6:62 listeners.web.routes."/u".filters.headers.request.add.x.1: the route\'s path has no parameter "id"; put {id} into the route\'s path'
            ],
        ),
        (
            routes("/x: {to: a, priority: 1}"),
            [
                '6:19 listeners.web.routes."/x".priority: priority is for regular expressions only; other paths have an order of their own; leave it out'
            ],
        ),
        (
            routes("/x//y: {to: a, merge_slashes: on}"),
            [
                '6:7 listeners.web.routes."/x//y": // is merged before this route is matched, so it never matches; write one slash'
            ],
        ),
        (
            routes("x: {to: a}"),
            [
                '6:7 listeners.web.routes.x: "x" is a name, and nothing says what it matches; write match: HOST/PATH, or a path as the key'
            ],
        ),
        (
            routes("GET /x: {to: a, match: {method: GET, path: /x}}"),
            [
                '6:39 listeners.web.routes."GET /x".match.method: the key already says the method; leave it out',
                '6:50 listeners.web.routes."GET /x".match.path: the key already says the path; leave it out, or give the route a name',
            ],
        ),
        (
            routes("/a/{x}: a\n/a/{y}: a"),
            [
                '7:7 listeners.web.routes."/a/{y}": matches the same requests as another route (the other: glorieta.yaml:6:7 listeners.web.routes."/a/{x}"); keep one of both'
            ],
        ),
        (
            routes("GET /a: a\nn: {match: {path: /a, method: GET}, to: a}"),
            [
                '7:7 listeners.web.routes.n: matches the same requests as another route (the other: glorieta.yaml:6:7 listeners.web.routes."GET /a"); keep one of both'
            ],
        ),
        (
            routes('"~/a.*": a\nPOST ~/b.*: a'),
            [
                '7:7 listeners.web.routes."POST ~/b.*": two regular expressions have the same priority, so neither comes first '
                '(the other: glorieta.yaml:6:7 listeners.web.routes."~/a.*"); write priority: 1 on the one that comes first'
            ],
        ),
        (
            listener("timeouts: {connect: 1s}"),
            [
                '6:16 listeners.web.timeouts.connect: "connect" of a listener is for tcp; write it in the timeouts of routes, or in defaults.route.timeouts'
            ],
        ),
        (
            top("groups: {g: {at: wb, to: a}}"),
            ['2:18 groups.g.at: there is no listener "wb"; did you mean "web"?'],
        ),
        (
            top("groups: {g: {match: /g/*, to: a, client: mobile}}"),
            [
                '2:34 groups.g.client: "client" is for role: bff, which is not built yet in this version; it comes with Handlers'
            ],
        ),
        (
            top("groups: {web: {match: /g/*, to: a}}"),
            [
                "2:10 groups.web: has the name of its listener, whose own routes are the group of that name "
                "(the other: glorieta.yaml:3:13 listeners.web); choose another name"
            ],
        ),
        (
            top("groups: {g: {match: s.example/g/*, routes: {/h: a, n: {match: t.example/g/x, to: a}}}}"),
            [
                '2:45 groups.g.routes."/h": /h lies outside of what its group matches, /g/* '
                "(the other: glorieta.yaml:2:14 groups.g.match); a route's path is the whole path",
                "2:56 groups.g.routes.n.match.host.0: t.example lies outside of what its group matches, s.example "
                "(the other: glorieta.yaml:2:14 groups.g.match)",
            ],
        ),
        (
            top("groups: {g: {match: {method: GET}, routes: {POST /g: a}}}"),
            [
                '2:45 groups.g.routes."POST /g": POST lies outside of what its group matches, GET (the other: glorieta.yaml:2:14 groups.g.match)'
            ],
        ),
        (
            "version: 1\nlisteners: {a: {bind: ':1', to: u}, b: {bind: ':2', to: u}}\ngroups: {g: {to: u}}\nupstreams: {u: {endpoints: [x:1]}}",
            ["3:10 groups.g: does not say at which listener; write at: a or b"],
        ),
        (upstream("{}"), ["3:13 upstreams.a: has no endpoints; write endpoints: [host:port]"]),
        (
            upstream("{endpoints: [{weight: 2}]}"),
            ["3:29 upstreams.a.endpoints.0: has no address; write {address: host:port}"],
        ),
        (
            upstream("{endpoints: [x:1, y:1, x:1]}"),
            [
                '3:39 upstreams.a.endpoints.2: "x:1" stands here twice (the other: glorieta.yaml:3:30 upstreams.a.endpoints.0); give it a weight instead'
            ],
        ),
        (
            upstream("{discover: {}}"),
            ["3:27 upstreams.a.discover: has no name to look up; write {dns: orders.internal, port: 80}"],
        ),
        (
            upstream("{discover: {dns: x}, endpoints: [y:1]}"),
            [
                "3:17 upstreams.a.discover: stands beside endpoints (the other: glorieta.yaml:3:38 upstreams.a.endpoints); keep one of both"
            ],
        ),
        (
            upstream("{endpoints: [x:1], health: {}}"),
            ["3:43 upstreams.a.health: does not say how to check; write path: /healthz, or tcp: on"],
        ),
        (
            upstream("{endpoints: [x:1], health: {path: /x, tcp: on}}"),
            ["3:43 upstreams.a.health: path and tcp exclude each other; keep one of both"],
        ),
        (
            "version: 1\nlisteners: {a: {bind: ':80', to: u}, b: {bind: ['localhost:80', ':81'], to: u}}\nupstreams: {u: {endpoints: [x:1]}}",
            [
                "2:49 listeners.b.bind.0: localhost:80 is listened to already (the other: glorieta.yaml:2:23 listeners.a.bind); one listener for each address"
            ],
        ),
        (
            "version: 1\nlisteners: {a: {to: u}}\nupstreams: {u: {endpoints: [x:1]}}",
            ['2:13 listeners.a: does not say where to listen; write bind: ":8080"'],
        ),
        ("version: 1", ['1:1 has no listeners: nothing would be served; write listeners: {web: {bind: ":8080", …}}']),
        (
            TCP.format("routes: {/a: a}"),
            [f'2:56 listeners.web.routes: "routes" on a tcp listener: {L4}; use protocol: http'],
        ),
        (
            TCP.format("filters: {headers: off}"),
            [f'2:66 listeners.web.filters.headers: "headers" on a tcp listener: {L4}; use protocol: http'],
        ),
        (
            TCP.format("timeouts: {head: 1s}"),
            [f'2:67 listeners.web.timeouts.head: "head" on a tcp listener: {L4}; use protocol: http'],
        ),
        (
            TCP.format("limits: {target: 1KiB}"),
            [f'2:65 listeners.web.limits.target: "target" on a tcp listener: {L4}; use protocol: http'],
        ),
        (
            TCP.format("role: reverse-proxy"),
            [
                f"2:62 listeners.web.role: a tcp listener is a load balancer (layer 4), not reverse-proxy: {L4}; leave the role out, or use protocol: http"
            ],
        ),
        (TCP.format("").replace("to: a,", ""), ["2:13 listeners.web: has no upstream; write to: UPSTREAM"]),
        (
            TCP.format("").replace("y:1]", "y:1], balance: {hash: path}"),
            [
                f'3:40 upstreams.a.balance: hash of "path" for a tcp listener: {L4} (the other: glorieta.yaml:2:13 listeners.web); write {{hash: client.ip}}, or use protocol: http'
            ],
        ),
        (
            TCP.format("") + "groups: {g: {at: web, to: a}}",
            [
                f'4:14 groups.g.at: listener "web" is tcp, and groups are routes: {L4} (the other: glorieta.yaml:2:13 listeners.web); use protocol: http'
            ],
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, expected: list[str]) -> None:
    assert errors(text) == [f"glorieta.yaml:{line}" for line in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            routes("/x: {respond: ok}"),
            "7:13 upstreams.a: warning: is used by nothing; name it in a route's to:, or remove it",
        ),
        (
            "version: 1\nlisteners: {a: {bind: ':80'}}",
            "2:13 listeners.a: warning: has neither routes nor a target: every request is answered with 404; write to: or routes:",
        ),
        (
            upstream("{endpoints: [x:1, y:1], balance: {hash: path.id}}"),
            '2:34 listeners.web.to: warning: leads to "a", which hashes path.id; this path has no such parameter; '
            "put {id} into the path, or hash another word",
        ),
        (
            listener('filters: {headers: {request: {set: {x: "${path.id}"}}}}\nroutes: {"/y/{id}": a, /z: a, /zz: a}'),
            '7:28 listeners.web.routes."/z": warning: ${path.id} in inherited filters is empty here: '
            "the route's path has no such parameter; set it on the routes that have it",
        ),
    ],
)
def test_what_is_suspicious_is_a_warning(text: str, expected: str) -> None:
    assert errors(text) == []
    assert warnings(text) == [f"glorieta.yaml:{expected}"]


@pytest.mark.parametrize(
    "text",
    [
        routes("/a/{x}: a\nGET /a/{y}: a\n/a/{x}/*: a\n/a/*: a\n/a/x: a"),
        routes("n: {match: {path: /a, host: a.example}, to: a}\nm: {match: {path: /a, host: b.example}, to: a}\n/a: a"),
        routes("n: {match: {path: /a, headers: {x: a}}, to: a}\nm: {match: {path: /a, headers: {x: b}}, to: a}"),
        routes("n: {match: {path: /a, query: {x: present}}, to: a}\n/a: a"),
        routes('"~/a.*": {to: a, priority: 1}\n"~/b.*": a'),
        routes("GET ~/a.*: a\nPOST ~/b.*: a"),
        routes("n: {match: {host: a.example, path: ~/a.*}, to: a}\nm: {match: {host: b.example, path: ~/b.*}, to: a}"),
        "version: 1\nlisteners: {a: {bind: [':0', ':0', '127.0.0.1:80', '[::1]:80'], to: u}, b: {bind: '10.0.0.1:80', to: u}}\n"
        "upstreams: {u: {endpoints: [x:1]}}",
    ],
)
def test_the_nearest_innocent_ones_are_right(text: str) -> None:
    assert errors(text) == []
