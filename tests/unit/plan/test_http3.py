"""HTTP/3 in configurations: what it needs beside it, how clients learn of it, what is explained and compared."""

from __future__ import annotations

import pytest

from glorieta.plan.diff import diff, diff_text
from glorieta.plan.explaining.document import document
from glorieta.plan.explaining.text import text
from glorieta.plan.explaining.view import View
from harness.configuring import compiled_without_files, told_without_files

TLS = "tls: {certificate: a.crt, key: a.key}"
ALL = "versions: [h1, h2, h3]"


def web(more: str, bind: str = '":443"', before: str = "") -> str:
    return f"version: 1\n{before}listeners:\n  web: {{bind: {bind}, {more}, to: a}}\nupstreams: {{a: {{endpoints: [a:1]}}}}\n"


@pytest.mark.parametrize(
    ("more", "versions", "alt_svc"),
    [
        (TLS, ["h1", "h2"], None),
        (f"{TLS}, {ALL}", ["h1", "h2", "h3"], {"port": None, "max_age_s": 86_400}),
        (f"{TLS}, versions: [h3, h1]", ["h1", "h3"], {"port": None, "max_age_s": 86_400}),
        (f"{TLS}, {ALL}, alt_svc: on", ["h1", "h2", "h3"], {"port": None, "max_age_s": 86_400}),
        (f"{TLS}, {ALL}, alt_svc: off", ["h1", "h2", "h3"], None),
        (f"{TLS}, {ALL}, alt_svc: {{port: 443, max_age: 5m}}", ["h1", "h2", "h3"], {"port": 443, "max_age_s": 300}),
    ],
)
def test_it_is_spoken_where_that_is_said(more: str, versions: list[str], alt_svc: object) -> None:
    listener = compiled_without_files(web(more))["listeners"][0]
    assert (listener["versions"], listener["alt_svc"]) == (versions, alt_svc)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (web(ALL), "listeners.web.versions: h3 needs TLS, and this listener speaks in clear; write tls:"),
        (web(f"{TLS}, versions: h3"), "listeners.web.versions: h3 alone: clients come by h1 or h2 first"),
        (
            web(f"{TLS}, {ALL}", '"unix:/run/a.sock"'),
            "listeners.web.bind: h3 needs a port of UDP, and this has none of its own",
        ),
        (web(f"{TLS}, {ALL}", '"systemd:web"'), "listeners.web.bind: h3 needs a port of UDP"),
        (
            web(f"{TLS}, alt_svc: {{port: 443}}"),
            "listeners.web.alt_svc: there is no h3 here that clients could learn of",
        ),
        (web(f"{TLS}, {ALL}, alt_svc: {{port: 0}}"), "listeners.web.alt_svc.port"),
        (web(f"{TLS}, {ALL}, alt_svc: {{max_age: 5}}"), "has no unit"),
        (web(f"{TLS}, {ALL}, proxy_protocol: 10.0.0.0/8"), "listeners.web.versions: QUIC has no PROXY header"),
        (web(f"{TLS}, versions: [h1, h4]"), '"h4" is not one of the words for this; known are h1, h2, h3'),
    ],
)
def test_what_cannot_be_is_said(text: str, said: str) -> None:
    assert any(said in each for each in told_without_files(text)), told_without_files(text)


def test_defaults_are_for_listeners_that_can_speak_it() -> None:
    before = "defaults: {listener: {versions: [h1, h2, h3]}}\n"
    clear = compiled_without_files(web("role: reverse-proxy", '":80"', before))["listeners"][0]
    assert (clear["versions"], clear["alt_svc"]) == (["h1", "h2"], None)
    socket = compiled_without_files(web(TLS, '"unix:/run/a.sock"', before))["listeners"][0]
    assert socket["versions"] == ["h1", "h2"]
    secure = compiled_without_files(web(TLS, before=before))["listeners"][0]
    assert secure["versions"] == ["h1", "h2", "h3"]


def test_whoever_redirects_speaks_in_clear() -> None:
    tls = "tls: {certificate: a.crt, key: a.key, https_only: on}"
    redirects = compiled_without_files(web(f"{tls}, {ALL}, alt_svc: {{port: 443}}"))["listeners"][1]
    assert (redirects["id"], redirects["versions"], redirects["alt_svc"]) == ("web-redirect", ["h1", "h2"], None)


def test_datagrams_of_another_are_a_clash() -> None:
    other = 'listeners:\n  mail: {bind: ":443", protocol: udp, to: a}\n'
    clash = web(f"{TLS}, {ALL}").replace("listeners:\n", other)
    assert any("is listened to already" in each for each in told_without_files(clash)), told_without_files(clash)
    assert not any(
        "is listened to already" in each for each in told_without_files(web(TLS).replace("listeners:\n", other))
    )


def test_it_is_explained_and_compared() -> None:
    plan = compiled_without_files(web(f"{TLS}, {ALL}", '[":443", "[::1]:8443"]'))
    view = View(plan)
    assert "HTTP/3 at UDP 443, 8443; answers say so (Alt-Svc, for 1d)" in text(view)
    listener = document(view)["listeners"][0]
    assert (listener["versions"], listener["alt_svc"]) == (["h1", "h2", "h3"], {"port": None, "max_age_s": 86_400})
    off = compiled_without_files(web(f"{TLS}, {ALL}, alt_svc: off", '[":443", "[::1]:8443"]'))
    assert "answers say so (Alt-Svc, for 1d) → answers say nothing of it" in diff_text(diff(plan, off))
