"""Values from outside are shown by nobody, in whichever field they stand.

A sample says every field of every noun; one field after the other is taken from `${env:…}`. Whatever is then wrong is
told without the value; and where text is sent or compared, nothing that shows the configuration has it.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from glorieta.config.base import Noun
from glorieta.config.edge import Edge
from glorieta.config.nouns import nouns
from glorieta.config.shapes import Shape, field_shape
from glorieta.control.child import compile_reference
from glorieta.plan import build, explain
from glorieta.plan.drawing import draw
from glorieta.plan.junit import junit_xml
from glorieta.plan.origin import origins
from glorieta.plan.testing import run_tests
from harness.certificates import put_certificates

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from glorieta.config.errors import Path as KeyPath

VARIABLE = "GLORIETA_OUTSIDE"
VALUES = (
    "hunter2-Zx9-secret",
    "/hunter2/Zx9 secret",
    "hunter2.Zx9-secret:70000",
    "9182736455",
    "GET http://hunter2/Zx9",
)
TRACES = ("hunter2", "zx9", "9182736455", "70000")
ALONE = "${env:GLORIETA_OUTSIDE}"
WRITTEN = [(ALONE, value) for value in VALUES] + [("a" + ALONE, VALUES[0]), ("/" + ALONE, VALUES[0])]
"""How the reference is written, and what it says."""
NAMES = {("Edge", "team"), ("Include", "team")}
"""Fields that are not in question: a team's name is in the path of everything that is its own."""

SAMPLE = r"""
version: 1
include: [{files: more.yaml, team: more}]
workers: 2
drain: 45s
server_name: edge
watch: on
accept: {unequal-endpoints: known}
admin: {address: "127.0.0.1:9900", socket: auto, hosts: [admin.example]}
log: {to: stderr, format: "${client.ip} ${status}", queue: 100}
handlers: {processes: 1, requests: 100, wait: 1s, background: 1m, leave: 1h, threads: 10}
acme:
  terms_agreed: on
  email: ops@shop.example
  directory: "https://issuer.example/dir"
  challenge: dns-01
  dns: {command: [/bin/true, zone], timeout: 60s, wait: 30s}
  storage: storage
  authorities: ca.pem
  profile: shortlived
  renew_before: 10d
  external_account: {id: one, key: eab.key}
defaults:
  listener:
    versions: [h1, h2]
    alt_svc: {port: 443, max_age: 1d}
    limits: &limits {head: 32KiB, headers: 100, target: 8KiB, connections: 100, connections_per_client: 10, new_connections: 100/s, new_connections_per_client: 10/s, amplification: 10, streams: 100, requests_per_connection: 0, body_rate: 240B/s}
    timeouts: {head: 10s, body: 60s, write: 60s, keep_alive: 75s, connect: 3s, idle: 1h, session: 60s}
    trusted_proxies: [10.0.0.0/8]
    forwarded: &forwarded {x_forwarded: on, forwarded: on, via: on}
    request_id: &request_id {request: on, response: on, accept: on}
  route: &route {timeouts: {connect: 3s, first_byte: 30s, idle: 60s, tunnel: 1h}, deadline: 1h, retries: 1, host: preserve, merge_slashes: off, mirror: {to: copied, share: 10%, methods: [GET], max_body: 64KiB, in_flight: 100, timeout: 10s}}
  upstream: &upstream
    balance: {algorithm: random}
    health: {path: /healthz, host: health.example, status: 200-299, every: 2s, timeout: 1s, fall: 2, rise: 1}
    outlier: {consecutive: 5, success: 80%, window: 10s, minimum_requests: 20, ejection: 30s, max_ejection: 5m, max_ejected: 50%}
    panic: 50%
    pool: {max_connections: 100, idle: 60s, max_age: 1h, max_streams: 100}
    version: h1
    queue: {max: 100, timeout: 3s}
    retry_budget: {share: 20%, window: 10s, floor: 10/s, backoff: 25ms}
    limits: {head: 32KiB, headers: 100}
listeners:
  web:
    bind: ["127.0.0.1:8080"]
    protocol: http
    role: reverse-proxy
    admit: {more: [more.example/*]}
    accept: {unequal-endpoints: known}
    limits: {head: 32KiB, headers: 100, target: 8KiB, connections: 100, requests_per_connection: 0, body_rate: 240B/s}
    timeouts: {head: 10s, body: 60s, write: 60s, keep_alive: 75s}
    versions: [h1, h2]
    trusted_proxies: 10.0.0.0/8
    proxy_protocol: {trusted: [10.0.0.0/8], required: on}
    forwarded: *forwarded
    request_id: *request_id
    filters:
      allow: [0.0.0.0/0]
      deny: [192.0.2.7]
      max_body: 10MiB
      compress: {algorithms: [gzip], types: [text/*], min_size: 1KiB, levels: {zstd: 1, br: 1, gzip: 3}, credentials: off}
      decompress: {algorithms: [gzip], max_size: 1MiB, ratio: 100}
    to: shop
    routes:
      /a/*:
        <<: *route
        match: {headers: {x-key: {exact: k}, x-more: {prefix: k}, x-other: {regex: "k[0-9]+"}, x-short: k}, query: {key: {exact: k}, other: {present: on}}, words: {cookie.key: {exact: k}, cookie.other: {regex: "k[0-9]+"}}}
        to: shop
        strip_prefix: on
        accept: {unequal-endpoints: known}
        filters:
          allow: 0.0.0.0/0
          headers:
            request: {set: {x-a: a}, add: {x-b: [b]}, remove: [x-c]}
            response: {set: {x-a: a}, add: {x-b: b}, remove: x-c}
      /b/*: {to: shop, rewrite: "/c/${path.*}"}
      short: {match: "short.example/short", to: shop}
      long: {match: {host: [long.example], path: /long/*, method: [GET]}, to: shop, host: other.example}
      pattern: {match: {path: "~/pattern/[0-9]+"}, to: shop, priority: 1}
      /r: {redirect: {location: "https://r.example${path}", status: 301}}
      /s: {respond: {status: 200, headers: {x-a: a}, body: text}}
      /t: {respond: text}
      /f/*: {files: {root: ., index: index.html, fallback: /index.html, hidden: off, precompressed: [br]}}
      /u: shop
      /v: {split: {to: {shop: 95, short: 5}, by: cookie, cookie: version}, mirror: copied}
  h: {bind: ":8087", handler: "shop.py:router"}
  m: {bind: ":8088", asgi: "shop.py:application"}
  hm:
    bind: ":8089"
    routes:
      /h/*: {handler: "shop.py:router"}
      /m/*: {asgi: {application: "shop.py:application", calls: [shop], forward_headers: [x-key]}}
  sp: {bind: ":8090", split: {to: {shop: 95, short: 5}, by: client.ip}}
  r: {bind: ":8081", redirect: "https://r.example"}
  s: {bind: ":8082", respond: 404}
  f: {bind: ":8083", files: .}
  own:
    bind: ":8084"
    routes: {/x: {gather: &gather {parts: {a: {to: shop, path: /a}}}}}
    gather:
      deadline: 1s
      conflict: deep
      forward: [x-a]
      report: missing
      max_size: 1MiB
      head: one
      select: [a.b, missing]
      drop: [c.d]
      rename: {a.b: e}
      flatten: [a]
      parts:
        one:
          to: shop
          method: PUT
          path: /one
          query: {q: v}
          headers: {x-a: v}
          forward: [x-b]
          body: {key: v}
          timeout: 1s
          reads: json
          pick: a.b
          select: [a.b]
          drop: [c.d]
          rename: {a.b: e}
          flatten: [a]
          nest: one
        two: {to: shop, path: /two, after: [one], optional: {default: {key: v}}}
        three: {to: shop, path: /three, shadow: on}
  secure:
    bind: ":8443"
    to: shop
    versions: [h1, h2, h3]
    alt_svc: {port: 443, max_age: 1d}
    timeouts: {handshake: 10s}
    tls:
      certificates: [{certificate: a.crt, key: a.key}, {acme: [o.example]}]
      unknown_name: refuse
      profile: modern
      clients: {authorities: ca.pem, certificate: optional, revoked: revoked.pem}
      https_only: {redirect: ":8070", port: 8443, hsts: {max_age: 365d, subdomains: on, preload: on}}
  secured: {bind: ":8444", tls: {certificate: a.crt, key: a.key}, to: shop}
  ordered: {bind: ":8446", tls: {acme: [a.example, b.example]}, to: shop}
  passed: {bind: ":8445", protocol: tls, names: {a.example: tcp, "*.b.example": tcp}}
  mail: {bind: ":1025", protocol: tcp, to: shop, timeouts: {connect: 3s, idle: 1h}}
  dns: {bind: ":1053", protocol: udp, to: short, responses: 1, timeouts: {session: 5s}, limits: {amplification: 10}}
groups:
  g:
    at: web
    match: g.example/g/*
    role: reverse-proxy
    owner: us
    accept: {unequal-endpoints: known}
    filters: {max_body: 10MiB, grpc_web: off}
    routes: {/g/*: shop}
    defaults: {route: *route}
  to: {at: web, match: to.example, to: shop}
  gsp: {at: web, match: sp.example, split: {to: {shop: 1, short: 1}, by: random}}
  gh: {at: web, match: {host: h.example, path: /h/*}, handler: "shop.py:router", client: mobile}
  gm: {at: web, match: m.example, asgi: "shop.py:application"}
  gr: {at: web, match: r.example, redirect: "https://r.example"}
  gs: {at: web, match: s.example, respond: 404}
  gf: {at: web, match: f.example, files: .}
  gg: {at: web, match: gg.example, gather: {pick: a.b, parts: {a: {to: shop, path: /a}}}}
upstreams:
  shop: {<<: *upstream, endpoints: [{address: "localhost:3000", weight: 1}, "localhost:3001"], accept: {unequal-endpoints: known}}
  tcp: {endpoints: localhost:3002, health: {tcp: on}, proxy_protocol: v2}
  called: {endpoints: localhost:3004, version: h2, health: {grpc: shop.Orders}}
  short: {endpoints: localhost:3003, health: /healthz, balance: {hash: client.ip}}
  copied: {endpoints: localhost:3004}
  safe:
    endpoints: "https://safe.internal:8443"
    tls: {authorities: ca.pem, name: safe.internal, certificate: me.crt, key: me.key, minimum: "1.3", verify: on}
  found: {discover: {dns: found.example, port: 80}}
tests:
  forwarded: {request: "POST http://h:8080/b/x?key=k", headers: {x-key: [k]}, body: 1KiB, listener: web, from: 192.0.2.1, route: /b/*, forwards: "shop /c/x?key=k", method: POST, endpoint: "localhost:3000", sends: {x-key: k}}
  shown: {request: "GET https://h:8443/r", status: 301, sni: h, protocol: HTTP/2, client_certificate: {subject: CN=a, issuer: CN=b, names: [a], serial: 0A, fingerprint: ab}}
  answered: {request: "GET http://h:8080/r", status: 301, reason: none, location: "https://r.example/r", answers: {x-a: {prefix: k}}}
"""
PYTHON = """
from glorieta.handlers import Router

router = Router()

@router.get("/h/a")
async def answer() -> str:
    return "a"

async def application(scope, receive, send) -> None: ...
"""
MORE = "groups: {m: {at: web, match: more.example, to: own}}\nupstreams: {own: {endpoints: localhost:3009}}\n"

SENT_OR_COMPARED = {
    ("Condition", "exact"),
    ("Condition", "prefix"),
    ("Condition", "regex"),
    ("Health", "path"),
    ("Health", "host"),
    ("Route", "host"),
    ("Route", "rewrite"),
    ("RouteDefaults", "host"),
    ("Redirect", "location"),
    ("Respond", "headers"),
    ("Respond", "body"),
    ("RequestHeaders", "set"),
    ("RequestHeaders", "add"),
    ("ResponseHeaders", "set"),
    ("ResponseHeaders", "add"),
    ("Part", "path"),
    ("Part", "query"),
    ("Part", "headers"),
    ("Part", "body"),
    ("Log", "format"),
    ("Case", "headers"),
    ("Case", "body"),
    ("Case", "location"),
    *(("CaseCertificate", name) for name in ("subject", "issuer", "names", "serial", "fingerprint")),
}
"""Fields (of mappings: their values) that keep the reference."""


def scalars(value: Any, shape: Shape, path: KeyPath = (), field: tuple[str, str] = ("", "")) -> Iterator[Any]:
    """The path of every value that is no mapping and no list, and the field that it belongs to."""
    if isinstance(value, dict):
        for key, each in value.items():
            inner = (shape.noun.__name__, key) if shape.noun else field
            yield from scalars(each, shape.inner(key), (*path, key), inner)
        return
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from scalars(each, shape.inner(""), (*path, index), field)
        return
    long = shape.expanded(str(value))
    inner = (shape.noun.__name__, next(iter(long))) if shape.noun and isinstance(long, dict) else field
    yield path, inner


SAMPLED = list(scalars(yaml.safe_load(SAMPLE), Shape(Edge)))
FIELDS = sorted({field for _, field in SAMPLED} - NAMES)


def test_the_sample_says_every_field() -> None:
    """A field that is new has to be put in, so that the others' promise holds for it, too."""
    wanted = {(noun.__name__, name) for noun in nouns() for name in noun.model_fields}
    mappings = {(noun, name) for noun, name in wanted if holds_nouns(noun, name)}
    said = {field for _, field in SAMPLED}
    assert wanted - mappings - said <= NAMES
    assert said >= SENT_OR_COMPARED


def holds_nouns(name: str, field: str) -> bool:
    noun = next(each for each in nouns() if each.__name__ == name)
    shape = field_shape(noun, field)
    while shape.noun is None and shape.kind is not None and shape.inner("").kind not in (None, shape.kind):
        shape = shape.inner("")
    return isinstance(shape.kind, type) and issubclass(shape.kind, Noun)


def write_others(folder: Path) -> None:
    """What the sample names."""
    (folder / "more.yaml").write_text(MORE)
    (folder / "shop.py").write_text(PYTHON)
    put_certificates(folder, SAMPLE)


def put_in(folder: Path, path: KeyPath, text: str) -> Path:
    data = deepcopy(yaml.safe_load(SAMPLE))
    holder = data
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = text
    file = folder / "glorieta.yaml"
    file.write_text(yaml.dump(data, Dumper=yaml.CSafeDumper))
    return file


def test_the_sample_is_right(tmp_path: Path) -> None:
    write_others(tmp_path)
    compiled = compile_reference(str(put_in(tmp_path, ("version",), "1")))
    assert compiled.problems == []


@pytest.mark.parametrize("field", FIELDS, ids=".".join)
def test_no_error_shows_a_value_and_nothing_shows_what_is_sent(
    field: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_others(tmp_path)
    for path in [path for path, own in SAMPLED if own == field][:2]:
        for written, value in WRITTEN:
            file = put_in(tmp_path, path, written)
            monkeypatch.setenv(VARIABLE, value)
            compiled = compile_reference(str(file))
            told = [compiled.problems_text, json.dumps(compiled.problems)]
            told += [compiled.warnings_text, json.dumps(compiled.warnings)]
            if field in SENT_OR_COMPARED and compiled.plan:
                told += [compiled.plan, *shown(file)]
            untold("\n".join(told), f"{path} {written} {value}")


@pytest.mark.parametrize("field", sorted(SENT_OR_COMPARED), ids=".".join)
def test_what_is_sent_or_compared_needs_no_value_to_be_checked(
    field: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    write_others(tmp_path)
    for path in [path for path, own in SAMPLED if own == field]:
        compiled = compile_reference(str(put_in(tmp_path, path, "/" + ALONE)), secrets=False)
        assert compiled.problems == []
        assert path[0] == "tests" or "/" + ALONE in compiled.plan


def containers(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The path of every mapping and every list."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        if isinstance(each, dict | list):
            yield (*path, key)
            yield from containers(each, (*path, key))


def test_no_error_shows_a_value_in_the_place_of_a_mapping_or_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_others(tmp_path)
    monkeypatch.setenv(VARIABLE, VALUES[0])
    for path in containers(yaml.safe_load(SAMPLE)):
        compiled = compile_reference(str(put_in(tmp_path, path, ALONE)))
        untold(compiled.problems_text + json.dumps(compiled.problems), str(path))


def shown(file: Path) -> Iterator[str]:
    """Everything that shows a configuration."""
    from glorieta.engine import Trial

    built = build(file, secrets=False)
    explanation = explain(built)
    yield explanation.text()
    yield json.dumps(explanation.as_json())
    yield draw(built.plan, "glorieta.yaml")
    found = origins(built.edge, built.plan)
    yield found.text()
    yield json.dumps(found.as_json())
    results = run_tests(built.edge, Trial(built.text).ask)
    yield from (each.line() for each in results)
    yield json.dumps([each.as_json() for each in results])
    yield junit_xml(results)


def untold(text: str, about: str) -> None:
    lower = text.lower()
    assert not [trace for trace in TRACES if trace in lower], f"{about}: {text[:2000]}"
