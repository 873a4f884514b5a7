"""TLS in configurations: what each form compiles to, what is refused, what is explained, and what a change costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.config import Edge, load_text
from glorieta.plan.compile import inspect
from glorieta.plan.diff import diff, diff_text
from glorieta.plan.explaining.document import document
from glorieta.plan.explaining.text import text
from glorieta.plan.explaining.view import View
from glorieta.plan.lost import lost
from harness.certificates import Authority
from harness.configuring import WITHOUT_FILES, compiled_without_files, told_without_files

if TYPE_CHECKING:
    pass

UPSTREAMS = "upstreams: {a: {endpoints: [localhost:3000]}}\n"
PAIR = "certificate: a.crt, key: a.key"


def web(tls: str, bind: str = '":443"', more: str = "to: a") -> str:
    return f"version: 1\nlisteners:\n  web: {{bind: {bind}, tls: {tls}, {more}}}\n{UPSTREAMS}"


def upstream(noun: str) -> str:
    return f'version: 1\nlisteners: {{web: {{bind: ":80", to: a}}}}\nupstreams: {{a: {noun}}}\n'


def test_one_certificate_is_the_list_of_one() -> None:
    short = compiled_without_files(web(f"{{{PAIR}}}"))["listeners"][0]["tls"]
    assert short == compiled_without_files(web(f"{{certificates: [{{{PAIR}}}]}}"))["listeners"][0]["tls"]
    assert short == {
        "certificates": [{"certificate": "/etc/x/a.crt", "key": "/etc/x/a.key"}],
        "unknown_name": "default",
        "minimum": "1.2",
        "clients": None,
    }


def test_tls_off_is_in_clear_and_an_overlay_may_say_so() -> None:
    assert compiled_without_files(web("off"))["listeners"][0]["tls"] is None


def test_a_layer_that_says_one_certificate_takes_back_several_and_the_other_way_round() -> None:
    edge = Edge.model_validate({"listeners": {"web": {"tls": {"certificates": [{"certificate": "a", "key": "b"}]}}}})
    assert edge.listeners["web"].tls is not None
    assert ("acme", "certificate", "certificates") in [
        tuple(sorted(each)) for each in edge.listeners["web"].tls.alternatives
    ]


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ("{}", "3:23 listeners.web.tls: shows no certificate; write {certificate: shop.crt, key: shop.key}, or"),
        ("{certificate: a.crt}", "3:23 listeners.web.tls: has a certificate and no key; write key: FILE, too"),
        ("{key: a.key}", "3:23 listeners.web.tls: has a key and no certificate; write certificate: FILE, too"),
        (
            f"{{{PAIR}, certificates: [{{{PAIR}}}]}}",
            "certificate, certificates and acme exclude each other; put all of them",
        ),
        ("{certificates: [{certificate: a.crt}]}", "listeners.web.tls.certificates.0: has a certificate and no key"),
        (
            f"{{{PAIR}, profile: old}}",
            'tls.profile: "old" is not one of the words for this; known are intermediate, modern',
        ),
        (f"{{{PAIR}, unknown_name: drop}}", 'tls.unknown_name: "drop" is not one of the words for this'),
        (f"{{{PAIR}, clients: {{}}}}", "tls.clients: does not say whose certificates are good; write authorities:"),
        (f"{{{PAIR}, cert: a.crt}}", 'unknown key "cert"; did you mean "certificate"?'),
        (f"{{{PAIR}, https_only: '80'}}", 'tls.https_only.redirect.0: "80" is only a port; write ":80"'),
        (f"{{{PAIR}, https_only: {{port: 0}}}}", "tls.https_only.port: 0 is out of bounds; write 1 to 65535"),
        (f"{{{PAIR}, https_only: {{hsts: 1y}}}}", 'hsts.max_age: "1y" is not a duration'),
        (
            f"{{{PAIR}, https_only: {{hsts: {{preload: on}}}}}}",
            "preload asks for all names below, and for at least a year",
        ),
        (
            '{certificate: "-----BEGIN X", key: b}',
            "tls.certificate: holds what is in the file; its path is expected here",
        ),
        (
            '{certificate: "", key: b}',
            "tls.certificate: a file's path is expected here; write a path, such as shop.crt",
        ),
    ],
)
def test_what_is_wrong_with_a_listeners_tls(tls: str, expected: str) -> None:
    found = told_without_files(web(tls))
    assert any(expected in each for each in found), found


def test_a_secret_that_stands_where_a_path_is_expected_is_not_repeated() -> None:
    (found,) = told_without_files(web('{certificate: a, key: "-----BEGIN PRIVATE KEY-----verysecret"}'))
    assert "verysecret" not in found


def test_https_only_is_a_listener_that_redirects_and_a_header() -> None:
    web_, redirect = compiled_without_files(web(f"{{{PAIR}, https_only: on}}"))["listeners"]
    assert redirect["id"] == "web-redirect"
    assert redirect["bind"] == ["*:80"]
    assert redirect["tls"] is None
    assert redirect["routes"][0]["target"] == {"redirect": {"status": 308, "location": "https://${host}${target}"}}
    assert redirect["routes"][0]["path"] == "any"
    (headers,) = web_["routes"][0]["filters"]
    assert headers["headers"]["response"]["set"] == [["strict-transport-security", "max-age=31536000"]]


@pytest.mark.parametrize(
    ("switch", "bind", "binds", "location", "hsts"),
    [
        ('":8080"', '":8443"', ["*:8080"], "https://${host}:8443${target}", "max-age=31536000"),
        ("{hsts: 5m}", '"127.0.0.1:443"', ["127.0.0.1:80"], "https://${host}${target}", "max-age=300"),
        ("{hsts: off}", '":443"', ["*:80"], "https://${host}${target}", None),
        (
            "{hsts: {subdomains: on}}",
            '":443"',
            ["*:80"],
            "https://${host}${target}",
            "max-age=31536000; includeSubDomains",
        ),
        ("{port: 443}", '":8443"', ["*:80"], "https://${host}${target}", "max-age=31536000"),
        ("{redirect: off}", '":443"', None, None, "max-age=31536000"),
        (
            "on",
            '["10.0.0.1:443", "[::1]:444", "10.0.0.1:445"]',
            ["10.0.0.1:80", "[::1]:80"],
            "https://${host}${target}",
            "max-age=31536000",
        ),
        (
            '{redirect: [":80", "systemd:plain"]}',
            '"systemd:tls"',
            ["*:80", "systemd:plain"],
            "https://${host}${target}",
            "max-age=31536000",
        ),
    ],
)
def test_forms_of_https_only(
    switch: str, bind: str, binds: list[str] | None, location: str | None, hsts: str | None
) -> None:
    listeners = compiled_without_files(web(f"{{{PAIR}, https_only: {switch}}}", bind))["listeners"]
    assert [each["bind"] for each in listeners[1:]] == ([binds] if binds else [])
    if location:
        assert listeners[1]["routes"][0]["target"]["redirect"]["location"] == location
    # Of the route, and of what no route takes.
    for filters in (listeners[0]["routes"][0]["filters"], listeners[0].get("filters", [])):
        sent = filters[0]["headers"]["response"]["set"] if filters else []
        assert sent == ([["strict-transport-security", hsts]] if hsts else [])


def test_the_redirect_has_the_bounds_of_its_listener() -> None:
    more = "to: a, limits: {connections: 7}, trusted_proxies: 10.0.0.0/8"
    _, redirect = compiled_without_files(web(f"{{{PAIR}, https_only: on}}", more=more))["listeners"]
    assert redirect["limits"]["connections"] == 7
    assert redirect["trusted_proxies"] == ["10.0.0.0/8"]


def test_a_listeners_own_header_wins_over_the_switch() -> None:
    more = "to: a, filters: {headers: {response: {set: {Strict-Transport-Security: max-age=1}}}}"
    (headers,) = compiled_without_files(web(f"{{{PAIR}, https_only: on}}", more=more))["listeners"][0]["routes"][0][
        "filters"
    ]
    assert headers["headers"]["response"]["set"] == [["Strict-Transport-Security", "max-age=1"]]


def test_groups_without_a_listener_are_never_at_the_one_that_redirects() -> None:
    plan = compiled_without_files(web(f"{{{PAIR}, https_only: on}}") + "groups: {g: {match: shop.example, to: a}}\n")
    assert [(each["id"], each["listener"]) for each in plan["groups"]] == [
        ("web", "web"),
        ("g", "web"),
        ("web-redirect", "web-redirect"),
    ]


@pytest.mark.parametrize(
    ("switch", "bind", "expected"),
    [
        ("on", '"unix:/run/a.sock"', "nobody knows where plain HTTP comes in: the listener has no address with a port"),
        ("on", '":0"', "nobody knows the port of HTTPS: the listener takes any; write https_only: {port: 443}"),
        ("on", '[":443", ":80"]', "is listened to already"),
    ],
)
def test_switches_that_cannot_be(switch: str, bind: str, expected: str) -> None:
    assert any(expected in each for each in told_without_files(web(f"{{{PAIR}, https_only: {switch}}}", bind)))


def test_the_name_of_the_redirect_may_be_taken() -> None:
    other = 'web-redirect: {bind: ":81", to: a}'
    text = web(f"{{{PAIR}, https_only: on}}").replace("listeners:\n", f"listeners:\n  {other}\n")
    (found,) = told_without_files(text)
    assert 'the listener that redirects is called "web-redirect", and so is another one' in found


@pytest.mark.parametrize(
    ("noun", "tls", "addresses"),
    [
        ("{endpoints: localhost:1}", None, ["localhost:1"]),
        ('{endpoints: "https://api.example"}', {}, ["api.example:443"]),
        ('{endpoints: "https://api.example/"}', {}, ["api.example:443"]),
        ('{endpoints: ["https://[::1]", "https://10.0.0.1:8443"]}', {}, ["[::1]:443", "10.0.0.1:8443"]),
        ("{endpoints: localhost:1, tls: on}", {}, ["localhost:1"]),
        ("{endpoints: localhost:1, tls: off}", None, ["localhost:1"]),
        ('{endpoints: localhost:1, tls: {minimum: "1.3"}}', {"minimum": "1.3"}, ["localhost:1"]),
        ("{endpoints: localhost:1, tls: {minimum: 1.3}}", {"minimum": "1.3"}, ["localhost:1"]),
        ("{endpoints: localhost:1, tls: {name: Users.Internal.}}", {"name": "users.internal"}, ["localhost:1"]),
        ('{endpoints: localhost:1, tls: {name: "[::1]"}}', {"name": "::1"}, ["localhost:1"]),
        ('{endpoints: "unix:/a", tls: {name: a}}', {"name": "a"}, ["unix:/a"]),
        ("{discover: {dns: a.internal, port: 443}, tls: on}", {}, ["a.internal:443"]),
        (
            "{endpoints: localhost:1, tls: {authorities: ca.pem, certificate: c, key: k}}",
            {"authorities": "/etc/x/ca.pem", "certificate": {"certificate": "/etc/x/c", "key": "/etc/x/k"}},
            ["localhost:1"],
        ),
    ],
)
def test_upstreams_by_tls(noun: str, tls: dict[str, Any] | None, addresses: list[str]) -> None:
    (found,) = compiled_without_files(upstream(noun))["upstreams"]
    plain = {"authorities": None, "name": None, "certificate": None, "minimum": "1.2", "verify": True}
    assert found["tls"] == (None if tls is None else plain | tls)
    assert [each["address"] for each in found["endpoints"]] == addresses


def test_defaults_of_upstreams_hold_for_their_tls_and_off_takes_them_back() -> None:
    text = upstream("{endpoints: localhost:1, tls: {name: a}}, b: {endpoints: localhost:2, tls: off}")
    plan = compiled_without_files(
        text.replace("version: 1", "version: 1\ndefaults: {upstream: {tls: {authorities: ca.pem}}}")
    )
    first, second = plan["upstreams"]
    assert first["tls"] is not None and (first["tls"]["name"], first["tls"]["authorities"]) == ("a", "/etc/x/ca.pem")
    assert second["tls"] is None


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ('{endpoints: ["https://a:1", "b:1"]}', "is in clear beside one that begins with https://"),
        ('{endpoints: "https://a:1", tls: off}', "begins with https://, and tls is off"),
        ('{endpoints: "https://a:1/v1"}', '"a:1/v1" has a path'),
        ('{endpoints: "https://u:p@a:1"}', "has a user in it, and endpoints know none"),
        ('{endpoints: "https://"}', "names no host"),
        ('{endpoints: "https://unix:/a"}', "names no host"),
        ('{endpoints: "unix:/a", tls: on}', "a socket has no name that its certificate could cover"),
        ("{endpoints: a:1, tls: {name: a:1}}", "has a port; certificates have none; write a"),
        ('{endpoints: a:1, tls: {name: "*.a"}}', "is no name to ask for"),
        ('{endpoints: a:1, tls: {name: "${host}"}}', "the client chooses the server"),
        ('{endpoints: a:1, tls: {minimum: "1.1"}}', '"1.1" is not one of the words for this; did you mean "1.3"?'),
        ("{endpoints: a:1, tls: {certificate: c}}", "has a certificate and no key"),
        ("{endpoints: a:1, tls: {verify: off, authorities: c}}", "is looked at by nobody: verify is off"),
        ("{endpoints: a:1, tls: {ca: c}}", 'unknown key "ca"; did you mean "authorities"?'),
    ],
)
def test_what_is_wrong_with_an_upstreams_tls(noun: str, expected: str) -> None:
    found = told_without_files(upstream(noun))
    assert any(expected in each for each in found), found


def test_a_password_in_an_address_is_not_repeated() -> None:
    assert not any("hush" in each for each in told_without_files(upstream('{endpoints: "https://u:hush@a:1"}')))


def test_verification_that_is_off_is_loud() -> None:
    noun = upstream("{endpoints: localhost:1, tls: {verify: off}}")
    (warning,) = told_without_files(noun)
    assert "warning: any certificate is believed: whoever is on the way can read and change everything" in warning
    explained = text(View(compiled_without_files(noun)))
    assert "by TLS (NOT VERIFIED: whoever is on the way can read and change everything)" in explained
    assert document(View(compiled_without_files(noun)))["upstreams"][0]["tls"]["verify"] is False


NAMES = """\
version: 1
listeners:
  in: {{bind: ":443", protocol: tls, {more}}}
upstreams:
  a: {{endpoints: [localhost:1]}}
  b: {{endpoints: ["https://localhost:2"]}}
"""


def test_names_lead_to_upstreams_and_to_takes_the_others() -> None:
    plan = compiled_without_files(NAMES.format(more='names: {Shop.Example: a, "*.api.example": a}, to: b'))
    listener = plan["listeners"][0]
    assert listener["passthrough"] is not None
    assert listener["passthrough"]["names"] == [
        {"name": {"exact": "shop.example"}, "route": "shop.example", "upstream": "a"},
        {"name": {"wildcard": "api.example"}, "route": "*.api.example", "upstream": "a"},
        {"name": "any", "route": "in", "upstream": "b"},
    ]
    assert listener["roles"] == ["load-balancer"]
    explained = text(View(plan))
    assert "every other name, and none" in explained
    assert "load balancer (layer 4)" in explained
    shown = document(View(plan))["listeners"][0]
    assert (shown["layer"], shown["to"]) == (4, "b")
    assert shown["names"][0] == {"name": "shop.example", "upstream": "a"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("role: load-balancer", "has no upstream; write names: {shop.example: UPSTREAM}, or to: UPSTREAM"),
        ("to: a, tls: {certificate: a, key: b}", "protocol: tls passes TLS on and decrypts nothing"),
        (
            "to: a, routes: {/x: a}",
            'l4-reads-http: "routes" on a tls listener: layer 4 sees addresses, ports and SNI only',
        ),
        ("to: a, limits: {head: 1KiB}", '"head" on a tls listener'),
        ('names: {"*": a}, to: a', '"*" and to: both take all other names'),
        ("names: {x: nix}", 'there is no upstream "nix"'),
        ("names: {x: b}, role: load-balancer", 'passes TLS on as it is, and upstream "b" puts it into TLS once more'),
        ('names: {"a b": a}', "is not a host name"),
    ],
)
def test_what_is_wrong_with_names(more: str, expected: str) -> None:
    found = told_without_files(NAMES.format(more=more))
    assert any(expected in each for each in found), found


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('bind: ":1", to: a, names: {x: a}', "names are for protocol: tls; choose by routes, with match: HOST"),
        (
            'bind: ":1", protocol: tcp, to: a, names: {x: a}',
            "names are for protocol: tls, which passes TLS on undecrypted",
        ),
        (
            f'bind: ":1", protocol: tcp, to: a, tls: {{{PAIR}, https_only: on}}',
            'l4-reads-http: "https_only" on a tcp listener',
        ),
    ],
)
def test_keys_of_other_protocols(more: str, expected: str) -> None:
    found = told_without_files(f"version: 1\nlisteners: {{web: {{{more}}}}}\n{UPSTREAMS}")
    assert any(expected in each for each in found), found


def test_what_is_explained_of_a_listener(tmp_path: Path) -> None:
    Authority().leaf("shop.example", "127.0.0.1").write(tmp_path, "a")
    source = web(f"{{{PAIR}, https_only: on, clients: {{authorities: ca.pem, certificate: optional}}}}")
    edge = load_text(source, "glorieta.yaml", tmp_path).edge
    plan = inspect(edge, WITHOUT_FILES, valid=True)[0]
    explained = text(View(plan, edge))
    assert "web  :443  https" in explained
    assert "TLS 1.2 and 1.3, clients may show a certificate" in explained
    assert "certificate ./a.crt: shop.example, 127.0.0.1, until " in explained
    assert "asked for by https_only of web" in explained
    assert "redirect 308 https://${host}${target}" in explained
    first, second = document(View(plan, edge))["listeners"]
    assert first["tls"] is not None
    assert first["tls"]["certificates"][0]["names"] == ["shop.example", "127.0.0.1"]
    assert (first["asked_by"], second["asked_by"]) == (None, "web")


def test_hosts_that_no_certificate_covers(tmp_path: Path) -> None:
    Authority().leaf("shop.example", "*.api.example").write(tmp_path, "a")
    routes = "routes: {r: {match: other.example, to: a}, s: {match: shop.example, to: a}, t: {match: '*.api.example', to: a}}"
    edge = load_text(web(f"{{{PAIR}}}", more=routes), "glorieta.yaml", tmp_path).edge
    found = [each.text() for each in inspect(edge, valid=True)[1]]
    assert len(found) == 1
    assert found[0].startswith(
        "no certificate covers other.example: clients refuse it, and requests for it are answered"
    )


def test_a_dumped_edge_reads_back_the_same() -> None:
    for source in (
        web(f"{{{PAIR}, https_only: on, clients: {{authorities: ca.pem, revoked: crl.pem}}}}"),
        web(f"{{certificates: [{{{PAIR}}}], https_only: {{redirect: off, hsts: 5m}}}}"),
        web(f"{{{PAIR}, https_only: {{redirect: ':8080'}}}}"),
        upstream('{endpoints: "https://api.example", tls: {verify: off}}'),
        NAMES.format(more="names: {x: a}"),
    ):
        edge = load_text(source, "glorieta.yaml", Path("/etc/x")).edge
        again = load_text(edge.dump(), "glorieta.yaml", Path("/etc/x")).edge
        first, second = (inspect(each, WITHOUT_FILES, valid=True)[0] for each in (edge, again))
        assert first == second, edge.dump()


def test_what_a_change_of_tls_costs() -> None:
    clear, by_tls = compiled_without_files(web("off")), compiled_without_files(web(f"{{{PAIR}}}"))
    (loss,) = lost(clear, by_tls)
    assert loss.text.startswith("speaks https now: open connections stay in clear")
    (loss,) = lost(by_tls, clear)
    assert loss.text.startswith("speaks http now: open connections stay by TLS")
    other = compiled_without_files(web(f"{{{PAIR}, profile: modern}}"))
    assert "open connections stay as they are" in lost(by_tls, other)[0].text
    assert "tls.minimum: 1.2 → 1.3" in diff_text(diff(by_tls, other))


def test_what_a_change_of_an_upstreams_tls_costs() -> None:
    clear = compiled_without_files(upstream("{endpoints: localhost:1}"))
    by_tls = compiled_without_files(upstream('{endpoints: "https://localhost:1"}'))
    (loss,) = lost(clear, by_tls)
    assert loss.text == "is spoken to by TLS now: its pooled connections, health, ejections and latencies go"
    assert "tls: off → by TLS" in diff_text(diff(clear, by_tls))
