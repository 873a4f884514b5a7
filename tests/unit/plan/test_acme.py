"""ACME in configurations: what each form compiles to, what is refused or warned of, explained, and told as a change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from glorieta.config import load_text
from glorieta.config.base import layered
from glorieta.config.listener_tls import ListenerTls
from glorieta.plan.acme import issuer_folder, orders_of
from glorieta.plan.compiling import Surroundings
from glorieta.plan.diff import diff, diff_text
from glorieta.plan.explaining.document import document
from glorieta.plan.explaining.text import text
from glorieta.plan.explaining.view import View
from harness.configuring import WITHOUT_FILES, compiled_without_files, told_without_files

if TYPE_CHECKING:
    from glorieta.plan import Plan

SET_UP = "{terms_agreed: on, storage: /s}"
FOLDER = f"/s/{issuer_folder('https://acme-v02.api.letsencrypt.org/directory')}/certificates"
ROUTES = "routes: {a: {match: shop.example, respond: a}, b: {match: api.example/v1/*, respond: b}}"


def web(tls: str, acme: str = SET_UP, bind: str = '":443"', more: str = ROUTES, only: str = "https_only: on") -> str:
    noun = f"acme: {acme}\n" if acme else ""
    return f"version: 1\n{noun}listeners:\n  web: {{bind: {bind}, tls: {{{tls}, {only}}}, {more}}}\n"


def told(text: str, surroundings: Surroundings = WITHOUT_FILES) -> str:
    return "\n".join(told_without_files(text, surroundings))


def shown(plan: Plan) -> list[dict[str, Any]]:
    tls = plan["listeners"][0]["tls"]
    assert tls is not None
    return [dict(each) for each in tls["certificates"]]


def pair(*names: str) -> dict[str, Any]:
    file = f"{FOLDER}/{names[0].replace('*', '_')}.pem"
    return {"certificate": file, "key": file, "acme": list(names)}


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ("acme: shop.example", [pair("shop.example")]),
        ("acme: [shop.example, www.shop.example]", [pair("shop.example", "www.shop.example")]),
        ("acme: [Shop.Example.]", [pair("shop.example")]),
        ("acme: on", [pair("api.example"), pair("shop.example")]),
        (
            "certificates: [{acme: [shop.example, a.example]}, {certificate: a.crt, key: a.key}, {acme: b.example}]",
            [
                pair("shop.example", "a.example"),
                {"certificate": "/etc/x/a.crt", "key": "/etc/x/a.key"},
                pair("b.example"),
            ],
        ),
    ],
)
def test_every_form(tls: str, expected: list[dict[str, Any]]) -> None:
    assert shown(compiled_without_files(web(tls))) == expected


def test_the_whole_with_its_defaults() -> None:
    plan = compiled_without_files(web("acme: shop.example"))
    assert plan["acme"] == {
        "directory": "https://acme-v02.api.letsencrypt.org/directory",
        "email": None,
        "authorities": None,
        "storage": "/s",
        "challenge": "http-01",
        "profile": None,
        "renew_before_ms": None,
        "external_account": None,
    }
    assert (
        compiled_without_files(web("acme: shop.example", "{terms_agreed: on}"))["acme"]["storage"]
        == "/var/lib/glorieta/acme"
    )


def test_a_hook_means_dns_01_and_is_relative_to_its_file() -> None:
    plan = compiled_without_files(
        web('acme: "*.shop.example"', "{terms_agreed: on, storage: s, dns: [./hook, --zone, a]}")
    )
    command = {"command": ["/etc/x/hook", "--zone", "a"], "timeout_ms": 60_000, "wait_ms": 30_000}
    assert (plan["acme"]["challenge"], plan["acme"]["storage"]) == ({"dns-01": command}, "/etc/x/s")


def test_each_issuer_has_a_folder_of_its_own() -> None:
    words = {
        issuer_folder(each)
        for each in ("https://a.example/dir", "https://a.example/other", "https://a.example:8443/dir")
    }
    assert len(words) == 3
    assert all("/" not in each and ":" not in each for each in words)


def test_a_wildcard_of_the_routes_covers_what_is_below_it() -> None:
    routes = 'routes: {a: {match: "*.shop.example", respond: a}, b: {match: www.shop.example, respond: b}}'
    plan = compiled_without_files(web("acme: on", "{terms_agreed: on, storage: /s, dns: /hook}", more=routes))
    assert shown(plan) == [pair("*.shop.example")]


def test_addresses_are_ordered_for_where_they_are_named() -> None:
    plan = compiled_without_files(web('acme: [a.example, 192.0.2.1, "[2001:DB8::1]"]'))
    (ordered,) = plan["listeners"][0]["tls"]["certificates"]  # type: ignore[index]
    assert ordered["acme"] == ["a.example", "192.0.2.1", "2001:db8::1"]
    routes = "routes: {a: {match: a.example, respond: a}, b: {match: 192.0.2.1, respond: b}}"
    plan = compiled_without_files(web("acme: on", more=routes))
    assert shown(plan) == [pair("a.example")]


def test_what_is_ordered_is_gathered_once() -> None:
    listeners = [
        f'{name}: {{bind: ":{port}", tls: {{acme: a.example}}, respond: x}}' for name, port in (("a", 443), ("b", 8443))
    ]
    plan = compiled_without_files(
        f"version: 1\nacme: {SET_UP}\nlisteners: {{plain: {{bind: ':80', respond: x}}, {', '.join(listeners)}}}\n"
    )
    orders = orders_of(plan)
    assert orders is not None
    assert orders["certificates"] == [{"names": ["a.example"], "file": f"{FOLDER}/a.example.pem"}]
    assert orders_of(compiled_without_files("version: 1\nlisteners: {web: {bind: ':80', respond: x}}\n")) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (web("acme: on", acme=""), "certificates are ordered, and nobody said where; write acme: {terms_agreed: on"),
        (web("acme: on", "{email: a@b.example}"), "does not say whether you agree with the issuer's terms"),
        (web('acme: "*.a.example"'), "*.a.example is a wildcard, and issuers prove wildcards by dns-01 alone"),
        (web('acme: "*"'), '"*" is every host'),
        (
            web("acme: [a.example, 192.0.2.1]", "{terms_agreed: on, dns: /bin/true}"),
            "192.0.2.1 is an address, and issuers prove none by dns-01 (RFC 8738 §7)",
        ),
        (web('acme: "a.example:443"'), "has a port"),
        (web("acme: [a.example, a.example]"), "names a.example twice"),
        (web(f"acme: [{', '.join(f'n{number}.example' for number in range(101))}]"), "has 101 names"),
        (web("acme: on", more="respond: x"), "no route says a host, so nobody knows what to order"),
        (
            web("acme: a.example, certificate: a.crt, key: a.key"),
            "certificate, certificates and acme exclude each other",
        ),
        (web("certificates: [{acme: a.example, key: a.key}]"), "is ordered, and so it has no files of its own"),
        (
            web("certificates: [{acme: a.example}, {acme: [a.example, b.example]}]"),
            "two different certificates begin with a.example",
        ),
        (web("acme: a.example", "{terms_agreed: on, challenge: dns-01}"), "dns-01 needs a program that writes records"),
        (web("acme: a.example", "{terms_agreed: on, dns: {wait: 5s}}"), "does not say what to run"),
        (
            web("acme: a.example", "{terms_agreed: on, challenge: http-01, dns: /hook}"),
            "is run for dns-01, and challenge is http-01",
        ),
        (web("acme: a.example", "{terms_agreed: on, directory: http://a.example/dir}"), "is no URL by HTTPS"),
        (web("acme: a.example", "{terms_agreed: on, directory: letsencryp}"), 'did you mean "letsencrypt"'),
        (web("acme: a.example", "{terms_agreed: on, email: nobody}"), '"nobody" is no e-mail address'),
        (web("acme: a.example", "{terms_agreed: on, challenge: tls-sni-01}"), '"tls-sni-01" is not one of the words'),
        (web("acme: a.example", "{terms_agreed: on, profile: 'a b'}"), '"a b" is no profile'),
        (web("acme: a.example", "{terms_agreed: on, external_account: {id: a}}"), "has no key"),
        (web("acme: a.example", only="unknown_name: refuse"), "no listener speaks plain HTTP"),
        (
            web("acme: on", more="protocol: tcp, respond: x", only="unknown_name: refuse"),
            '"acme: on" takes the hosts of routes',
        ),
    ],
)
def test_what_cannot_be(text: str, said: str) -> None:
    assert said in told(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            web("acme: a.example", only='https_only: ":8080"'),
            "no listener of plain HTTP has it; see that port 80 leads to",
        ),
        (
            web("acme: a.example", "{terms_agreed: on, challenge: tls-alpn-01}", bind='":8443"'),
            "tls-alpn-01 is asked for at port 443, and no listener with tls has it",
        ),
        (
            f"version: 1\nacme: {SET_UP}\nlisteners: {{web: {{bind: ':80', respond: x}}}}\n",
            "no listener asks for a certificate",
        ),
        (web("acme: shop.example"), "no certificate covers api.example"),
        (
            web("certificates: [{acme: [a.example, b.example]}, {acme: [b.example]}]"),
            "is never chosen: earlier ones cover all its names",
        ),
    ],
)
def test_what_is_warned_of(text: str, said: str) -> None:
    lines = told(text)
    assert said in lines
    assert "error" not in lines


def test_what_is_right_is_not_spoken_of() -> None:
    assert told(web("acme: on")) == ""
    assert told(web("acme: on", "{terms_agreed: on, challenge: tls-alpn-01}", only="unknown_name: refuse")) == ""
    assert told(web("acme: on", bind="systemd:web", only='https_only: {redirect: "systemd:plain"}')) == ""


def test_the_folder_is_looked_at(tmp_path: Path) -> None:
    here = Surroundings()
    storage = tmp_path / "storage"
    acme = f"{{terms_agreed: on, storage: {storage}}}"
    assert told(web("acme: on", acme), here) == ""
    storage.mkdir(mode=0o755)
    assert f"others may look into it (mode 0755); chmod 700 {storage}" in told(web("acme: on", acme), here)
    storage.rmdir()
    storage.write_text("")
    assert "is no folder" in told(web("acme: on", acme), here)
    missing = f"{{terms_agreed: on, storage: {tmp_path}, dns: {tmp_path}/hook}}"
    assert "is no program that can be run here" in told(web("acme: on", missing), here)


def test_a_layer_that_orders_takes_back_files_and_the_other_way_round() -> None:
    files, ordered = ListenerTls(certificate="a.crt", key="a.key"), ListenerTls(acme=["a.example"])
    over = layered(ListenerTls, files, ordered)
    assert (over.certificate, over.key, over.acme) == (None, None, ["a.example"])
    assert layered(ListenerTls, ordered, files).acme is None


def test_it_is_dumped_as_a_person_would_write_it() -> None:
    edge = load_text(web("acme: on", "{terms_agreed: on, dns: /hook}"), "a.yaml", Path("/etc/x")).edge
    again = load_text(edge.dump(), "a.yaml", Path("/etc/x")).edge
    assert again.acme == edge.acme
    assert again.listeners["web"].tls == edge.listeners["web"].tls


def test_it_is_explained() -> None:
    edge = load_text(
        web("acme: on", "{terms_agreed: on, storage: /s, email: a@b.example}"), "a.yaml", Path("/etc/x")
    ).edge
    view = View(compiled_without_files(web("acme: on", "{terms_agreed: on, storage: /s, email: a@b.example}")), edge)
    lines = text(view)
    assert "certificate ordered for api.example, not there yet" in lines
    assert "ordered from letsencrypt, by http-01, as a@b.example; kept in /s" in lines
    explained = document(view)
    assert explained["acme"] is not None
    tls = explained["listeners"][0]["tls"]
    assert tls is not None
    assert [each["ordered"] for each in tls["certificates"]] == [["api.example"], ["shop.example"]]


def test_a_change_is_told() -> None:
    before, after = (
        compiled_without_files(web("acme: shop.example")),
        compiled_without_files(web("acme: [shop.example, api.example]")),
    )
    assert diff_text(diff(before, after)).splitlines() == [
        "~ listener web  tls.certificates: ordered for shop.example → ordered for shop.example, api.example"
    ]
    without = compiled_without_files("version: 1\nlisteners: {web: {bind: ':80', respond: x}}\n")
    assert any(line.startswith("~ setting acme") for line in diff_text(diff(without, after)).splitlines())
