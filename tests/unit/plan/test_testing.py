"""`tests:` of a configuration: how they are written, which names they may use, and how they are run."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from glorieta.config import ConfigError, load_text
from glorieta.plan import compile, plan_json
from glorieta.plan.junit import junit_xml
from glorieta.plan.testing import Result, run_tests

EDGE = """\
version: 1
listeners:
  web:
    bind: ":8080"
    filters: {headers: {response: {set: {x-edge: "1"}}}}
    routes:
      /shop/*: {to: shop, strip_prefix: true, filters: {max_body: 1KiB, headers: {request: {set: {x-from: "${client.ip}"}}}}}
      /old: {redirect: {location: /new, status: 301}}
      /private/*: {to: shop, filters: {allow: [10.0.0.0/8]}}
  mail: {bind: ":1025", protocol: tcp, to: smtp}
groups:
  api:
    at: web
    match: api.example
    routes: {/orders/*: shop}
upstreams:
  shop: {endpoints: [localhost:3001, localhost:3002]}
  smtp: {endpoints: [localhost:25, localhost:26], balance: first_available}
tests:
"""


def ask_engine(text: str) -> list[Result]:
    from glorieta.engine import Trial

    edge = load_text(EDGE + text, "glorieta.yaml").edge
    return run_tests(edge, Trial(plan_json(compile(edge))).ask)


PASS = [
    "GET http://a/shop/7: {forwards: shop /7}",
    "GET http://a/shop/7: {forwards: shop}",
    "GET http://a/shop/7?x=1: {forwards: shop /7?x=1}",
    "GET http://a/shop/7: {route: /shop/*}",
    "GET http://a/shop/7: {route: web/shop/*}",
    "GET http://a/shop/7: {route: web}",
    "GET http://api.example/orders/7: {route: api, forwards: shop /orders/7}",
    "GET http://api.example/orders/7: {route: api/orders/*}",
    "PUT http://a/shop/7: {method: PUT}",
    "GET http://a/shop/7: {sends: {x-from: 203.0.113.7, x-forwarded-prefix: present, via: {prefix: '1.1 '}}, from: 203.0.113.7}",
    "GET http://a/shop/7: {sends: {x-a: '1, 2', x-b: absent, x-c: null, x-d: {regex: '[0-9]+'}}, headers: {x-a: [1, 2], x-d: 7}}",
    "GET http://a/old: {status: 301, location: /new, route: /old}",
    "GET http://a/old: {answers: {x-edge: 1, x-other: null}}",
    "GET http://a/nix: {status: 404, reason: no_route}",
    "GET http://a/private/x: {status: 403, reason: denied}",
    "GET http://a/private/x: {forwards: shop, from: 10.1.2.3}",
    "POST http://a/shop/7: {status: 413, body: 2KiB}",
    "POST http://a/shop/7: {forwards: shop, body: 'short enough'}",
    "tcp://a:1025: {forwards: smtp, endpoint: localhost:25}",
    "GET http://a/shop/7: {listener: web, forwards: shop}",
    "a name: {request: GET http://a/nix, status: 404}",
    "GET http://a/shop/7: {forwards: shop, protocol: HTTP/2}",
]  # fmt: skip


@pytest.mark.parametrize("text", PASS)
def test_expectations_that_are_met(text: str) -> None:
    (result,) = ask_engine(f"  {text}")
    assert result.passed, result.line()


SECURE = """\
version: 1
listeners:
  web:
    bind: ":8443"
    tls: {certificate: shop.crt, key: shop.key, clients: {authorities: ca.pem, certificate: optional}}
    versions: [h1, h2, h3]
    routes:
      billing: {match: {path: /a, words: {client.certificate.names: "spiffe://shop/billing"}}, respond: billing}
      chief: {match: {path: /a, words: {client.certificate.subject: {prefix: CN=chief}}}, respond: chief}
      known: {match: {path: /a, words: {client.certificate.verified: true}}, respond: known}
      third: {match: {path: /v, words: {protocol: HTTP/3}}, respond: third}
      api: {match: {path: /s, words: {sni: api.example}}, respond: api}
      /*: {respond: {status: 401}}
  clear: {bind: ":8080", respond: clear}
tests:
"""
SHOWN = [
    "GET https://h:8443/a: {status: 401}",
    "GET https://h:8443/a: {route: known, client_certificate: {}}",
    "GET https://h:8443/a: {route: billing, client_certificate: {names: 'spiffe://shop/billing'}}",
    "GET https://h:8443/a: {route: billing, client_certificate: {names: [b.internal, 'spiffe://shop/billing']}}",
    "GET https://h:8443/a: {route: chief, client_certificate: {subject: 'CN=chief, O=Shop'}}",
    "GET https://h:8443/v: {route: third, protocol: HTTP/3}",
    "GET https://h:8443/v: {status: 401, protocol: HTTP/2}",
    "GET https://h:8443/s: {route: api, sni: api.example}",
    "GET https://api.example:8443/s: {route: api}",
]
UNSHOWN = {
    "GET http://h:8080/: {status: 200, client_certificate: {}}": "listener clear asks no client for a certificate",
    "GET http://h:8080/: {status: 200, sni: a}": "listener clear speaks no TLS",
    "GET http://h:8080/: {status: 200, protocol: HTTP/3}": "listener clear does not speak HTTP/3",
}


def ask_secure(text: str) -> list[Result]:
    from glorieta.engine import Trial

    edge = load_text(SECURE + text, "glorieta.yaml").edge
    return run_tests(edge, Trial(plan_json(compile(edge, secrets=False))).ask)


@pytest.mark.parametrize("text", SHOWN)
def test_a_test_says_what_tls_would_show(text: str) -> None:
    (result,) = ask_secure(f"  {text}")
    assert result.passed, result.line()


@pytest.mark.parametrize("text", UNSHOWN)
def test_what_a_listener_never_learns_cannot_be_shown_to_it(text: str) -> None:
    (result,) = ask_secure(f"  {text}")
    assert UNSHOWN[text] in result.line()


FAIL = {
    "GET http://a/shop/7: {forwards: smtp}": "forwards: expected smtp, got shop /7",
    "GET http://a/shop/7: {forwards: shop /8}": "forwards: expected shop /8, got shop /7",
    "GET http://a/old: {forwards: shop}": "forwards: expected shop, got the answer 301",
    "GET http://a/shop/7: {status: 200}": "status: expected 200, got forwarding to shop",
    "GET http://a/shop/7: {route: /old}": "route: expected /old, got web/shop/*",
    "GET http://a/nix: {route: /old}": "route: expected /old, got no route, but the answer 404 no_route (no route matches)",
    "GET http://a/shop/7: {method: PUT}": "method: expected PUT, got GET",
    "GET http://a/shop/7: {sends: {x-from: 1}}": "sends x-from: expected 1, got 127.0.0.1",
    "GET http://a/shop/7: {sends: {x-none: present}}": "sends x-none: expected present, got absent",
    "GET http://a/shop/7: {sends: {x-from: {regex: '[a-z]+'}}}": "sends x-from: expected regex [a-z]+, got 127.0.0.1",
    "GET http://a/old: {sends: {x-from: 1}}": "sends x-from: expected 1, got the answer 301",
    "GET http://a/old: {location: /old}": "location: expected /old, got /new",
    "GET http://a/nix: {location: /new}": "location: expected /new, got the answer 404 no_route (no route matches)",
    "GET http://a/old: {reason: denied}": "reason: expected denied, got the answer 301",
    "GET http://a/old: {endpoint: x}": "endpoint: expected x, got the answer 301",
    "POST http://a/shop/7: {status: 200, body: 2KiB}": "status: expected 200, got the answer 413 ",
    "GET http://a/old: {answers: {x-edge: null}}": "answers x-edge: expected absent, got 1",
    "GET http://a/nix: {reason: denied}": "reason: expected denied, got no_route",
    "GET http://a/shop/7: {endpoint: localhost:3001}": "endpoint: expected localhost:3001, got one of localhost:3001, localhost:3002: ",
    "GET http://a:99/: {status: 404}": "request: expected an answer, got none: nothing listens at port 99; listeners: ",
    "tcp://a:8080: {forwards: shop}": "request: expected an answer, got none: listener web speaks http; ",
    "tcp://a:1025: {endpoint: localhost:26}": "endpoint: expected localhost:26, got localhost:25",
}  # fmt: skip


@pytest.mark.parametrize("text", FAIL)
def test_expectations_that_are_not_met_say_both_and_where(text: str) -> None:
    (result,) = ask_engine(f"  {text}")
    assert not result.passed
    key = text.split(": {")[0]
    assert result.line().startswith(f"glorieta.yaml:20:3 {key}: {FAIL[text]}"), result.line()


def test_everything_that_is_not_met_is_said_with_the_way_that_it_went() -> None:
    (result,) = ask_engine("  GET http://a/shop/7: {route: /old, forwards: smtp, status: 404}")
    assert [failure.what for failure in result.failures] == ["route", "forwards", "status"]
    assert result.story == "listener web → route web/shop/* (prefix) → upstream shop → GET /7"
    assert result.as_json()["failures"][0] == {"what": "route", "expected": "/old", "actual": "web/shop/*"}
    assert (result.as_json()["file"], result.as_json()["line"]) == ("glorieta.yaml", 20)


def test_that_nothing_answers_is_said_once() -> None:
    (result,) = ask_engine("  GET http://a:99/: {route: /old, status: 404, location: /new, method: GET}")
    assert [failure.what for failure in result.failures] == ["request"]


def problems(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        compile(load_text(EDGE + text, "glorieta.yaml").edge)
    return str(refused.value)


WRONG = {
    "  GET /a: {status: 200}": 'tests."GET /a": "GET /a" names no host; write GET http://HOST/a',
    "  get http://h/a: {status: 200}": '"get" is no method; write GET',
    "  http://h/a: {status: 200}": "has no method; write GET http://h/a",
    "  GET ftp://h/: {status: 200}": "is no URL that can be asked for; write http://HOST/PATH, https://HOST/PATH, tcp://HOST:PORT or udp://HOST:PORT",
    "  GET tcp://h:1: {status: 200}": "layer 4 has no methods; write tcp://h:1",
    "  GET http://h/: {}": "expects nothing; say what must become of it",
    "  GET http://h/: {from: 10.0.0.1}": "expects nothing; say what must become of it",
    "  GET http://h/: {status: 200, from: me}": 'from: "me" is no IP address',
    "  GET http://h/: {sni: a}": "expects nothing; say what must become of it",
    "  GET http://h/: {status: 200, protocol: h2}": "protocol",
    "  GET http://h/: {status: 200, client_certificate: {name: a}}": 'unknown key "name"; did you mean "names"?',
    "  GET http://h/: {stats: 200}": 'unknown key "stats"; did you mean "status"?',
    "  GET http://h/: {forwards: a b}": '"a b" is no upstream and path; write a /path',
    "  a name: {status: 200}": 'tests."a name": has no request; write request: METHOD URL, or METHOD URL as its name',
    "  GET http://h/: {request: GET http://h/a, status: 1}": "1 is out of bounds",
    "  GET http://h/: {request: GET http://h/a, status: 200}": "the key is a request already",
    "  GET http://h/: {forwards: shpo}": 'tests."GET http://h/".forwards: there is no upstream "shpo"; did you mean "shop"?',
    "  GET http://h/: {route: /shp/*}": 'there is no route "/shp/*"; did you mean "/shop/*"?',
    "  GET http://h/: {listener: wbe, status: 200}": 'there is no listener "wbe"; did you mean "web"?',
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_with_a_test_is_said_with_its_place_and_the_fix(text: str) -> None:
    said = problems(text)
    assert WRONG[text] in said
    assert said.startswith("glorieta.yaml:20:")


def test_what_is_wrong_elsewhere_is_not_said_again_of_the_tests() -> None:
    broken = EDGE.replace("smtp: {endpoints", "smtp: {endpoint").replace("/old: {redirect", "/old: {redirct")
    with pytest.raises(ConfigError) as refused:
        from glorieta.plan import build_edge

        build_edge(load_text(f"{broken}  GET http://a/old: {{route: /old}}\n").edge)
    assert len(refused.value.problems) == 2


def test_junit_has_a_case_for_each_with_file_and_line() -> None:
    results = ask_engine(
        "  GET http://a/shop/7: {forwards: shop}\n  bell \\x07: {request: GET http://a/x, status: 200}"
    )
    root = ElementTree.fromstring(junit_xml(results))
    assert (root.tag, root.attrib["tests"], root.attrib["failures"], root.attrib["errors"]) == (
        "testsuites", "2", "1", "0",
    )  # fmt: skip
    (suite,) = root
    assert suite.attrib["name"] == "glorieta.yaml"
    good, bad = suite
    assert {key: good.attrib[key] for key in ("name", "classname", "file", "line")} == {
        "name": "GET http://a/shop/7", "classname": "glorieta.yaml", "file": "glorieta.yaml", "line": "20",
    }  # fmt: skip
    assert list(good) == []
    assert bad.attrib["line"] == "21"
    (failure,) = bad
    assert failure.attrib["message"] == "status: expected 200, got the answer 404 no_route (no route matches)"
    assert "listener web → 404 no_route" in str(failure.text)
    assert all(float(each.attrib["time"]) >= 0 for each in (root, suite, good, bad))


def test_junit_of_any_name_can_be_read() -> None:
    odd = Result('a\x07 < & \ud800 "', "GET http://a/", None, (), "")
    (case,) = ElementTree.fromstring(junit_xml([odd]))[0]
    assert case.attrib["name"] == 'a� < & � "'


def test_a_question_that_cannot_be_asked_fails_its_test() -> None:
    def ask(_: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("too long")

    edge = load_text(f"{EDGE}  GET http://a/: {{status: 200}}\n").edge
    (result,) = run_tests(edge, ask)
    assert result.line().endswith("request: expected one that can be asked, got too long")


OUTSIDE = """\
version: 1
listeners:
  web:
    bind: ":8080"
    filters: {headers: {request: {set: {authorization: "Bearer ${env:V}"}}}}
    routes:
      /key/*: {match: {headers: {x-key: "k ${env:V}", x-more: {regex: "k[0-9] ${env:V}"}}}, to: shop}
      /query: {match: {query: {key: "${env:V}"}}, to: shop}
      /moved: {redirect: {location: "https://a.example/${env:V}"}}
      /other/*: {to: shop, rewrite: "/${env:V}/${path.*}"}
upstreams: {shop: {endpoints: localhost:3001}}
tests:
  keys: {request: GET http://a/key/x, headers: {x-key: "k ${env:V}", x-more: "k7 ${env:V}"}, route: /key/*}
  query: {request: "GET http://a/query?key=${env:V}", route: /query, forwards: "shop /query?key=${env:V}"}
  sends: {request: GET http://a/other/x, forwards: "shop /${env:V}/x", sends: {authorization: "Bearer ${env:V}"}}
  regex: {request: GET http://a/other/x, sends: {authorization: {regex: "[A-Z][a-z]+ ${env:V}"}}}
  moved: {request: GET http://a/moved, location: "https://a.example/${env:V}"}
"""


@pytest.mark.parametrize("known", [True, False])
def test_references_are_compared_as_they_are_written(monkeypatch: pytest.MonkeyPatch, known: bool) -> None:
    from glorieta.engine import Trial

    monkeypatch.setenv("V", "hunter2+x") if known else monkeypatch.delenv("V", raising=False)
    edge = load_text(OUTSIDE, "glorieta.yaml", secrets=known).edge
    results = run_tests(edge, Trial(plan_json(compile(edge))).ask)
    assert [each.line() for each in results if not each.passed] == []


def test_a_report_shows_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    from glorieta.engine import Trial

    monkeypatch.setenv("V", "hunter2+x")
    wrong = OUTSIDE + '  wrong: {request: GET http://a/moved, location: "${env:V}", answers: {location: "${env:V}"}}\n'
    edge = load_text(wrong, "glorieta.yaml").edge
    failed = run_tests(edge, Trial(plan_json(compile(edge))).ask)[-1]
    assert "location: expected ${env:V}, got https://a.example/${env:V}" in failed.line()
    assert "hunter2" not in failed.line() + junit_xml([failed]) + str(failed.as_json())
