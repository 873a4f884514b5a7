"""What `ssl_…` and `proxy_ssl_…` become."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

TLS = """
ssl_protocols TLSv1.3;
upstream back { server b1:8443; server b2:8443; }
server {
  listen 443 ssl;
  server_name shop.example;
  ssl_certificate /etc/tls/shop.crt;
  ssl_certificate_key /etc/tls/shop.key;
  location / { proxy_pass https://back; proxy_ssl_verify on; proxy_ssl_trusted_certificate /etc/tls/in.pem; }
  location /api/ { proxy_pass https://api.example; }
  location /raw/ { proxy_pass https://10.0.0.1:8443; proxy_ssl_verify off; proxy_ssl_name users; }
  location /own/ {
    proxy_pass https://own.example;
    proxy_ssl_verify on;
    proxy_ssl_certificate /etc/tls/me.crt;
    proxy_ssl_certificate_key /etc/tls/me.key;
    proxy_ssl_protocols TLSv1.3;
  }
}
server {
  listen 443 ssl;
  server_name api.example;
  ssl_certificate /etc/tls/api.crt;
  ssl_certificate_key /etc/tls/api.key;
  ssl_client_certificate /etc/tls/ca.pem;
  ssl_crl /etc/tls/crl.pem;
  ssl_verify_client on;
}
"""


def test_tls_of_listeners_and_of_upstreams(imported: Callable[..., Any]) -> None:
    edge = imported(TLS).edge
    tls = edge.listeners["web"].tls
    assert edge.listeners["web"].bind == ["0.0.0.0:443"]
    assert [(each.certificate, each.key) for each in tls.certificates] == [
        ("/etc/tls/shop.crt", "/etc/tls/shop.key"),
        ("/etc/tls/api.crt", "/etc/tls/api.key"),
    ]
    assert tls.profile == "modern"
    # A door that one server keeps shut is not opened by the others.
    assert (tls.clients.certificate, tls.clients.authorities, tls.clients.revoked) == (
        "required",
        "/etc/tls/ca.pem",
        "/etc/tls/crl.pem",
    )
    back, api, raw, own = (edge.upstreams[name] for name in ("back", "api", "raw", "own"))
    assert (back.tls.name, back.tls.authorities, back.tls.verify) == ("back", "/etc/tls/in.pem", True)
    assert api.tls is None and api.endpoints[0].address == "https://api.example:443"
    assert (raw.tls.verify, raw.tls.name) == (False, "users")
    assert (own.tls.certificate, own.tls.key, own.tls.minimum) == ("/etc/tls/me.crt", "/etc/tls/me.key", "1.3")


@pytest.mark.parametrize(
    ("directive", "kind", "words"),
    [
        ("listen 443 ssl", "translated", ""),
        ("ssl_protocols TLSv1.3", "translated", ""),
        ("proxy_pass https://api.example", "nearly", "NGINX believes any certificate here"),
        ("proxy_pass https://back", "translated", ""),
        ("proxy_ssl_verify off", "translated", ""),
        ("ssl_verify_client on", "translated", ""),
    ],
)
def test_notes_on_tls(imported: Callable[..., Any], directive: str, kind: str, words: str) -> None:
    notes = [note for note in imported(TLS).notes if note.directive == directive]
    assert notes and {note.kind for note in notes} == {kind}
    assert words in notes[0].text


@pytest.mark.parametrize(
    ("lines", "directive", "kind", "words"),
    [
        ("listen 443 ssl; return 200;", "listen 443 ssl", "nearly", "has no certificate that could be written"),
        (
            "listen 443 ssl; ssl_certificate $name; ssl_certificate_key /k; return 200;",
            "ssl_certificate $name",
            "missing",
            "names no file that is known",
        ),
        ("listen 80; ssl_ciphers HIGH; return 200;", "ssl_ciphers HIGH", "needless", "forward-secret"),
        ("listen 80; ssl_stapling on; return 200;", "ssl_stapling on", "missing", "OCSP"),
        (
            "listen 443 ssl; ssl_certificate /c; ssl_certificate_key /k; ssl_protocols TLSv1 TLSv1.2; return 200;",
            "ssl_protocols TLSv1 TLSv1.2",
            "nearly",
            "TLS 1.2 is the oldest version",
        ),
        (
            "listen 443 ssl; ssl_certificate /c; ssl_certificate_key /k; ssl_verify_client optional_no_ca; return 200;",
            "ssl_verify_client optional_no_ca",
            "missing",
            "nobody has verified",
        ),
        (
            "listen 80; location / { proxy_pass https://a; proxy_ssl_name $host; }",
            "proxy_ssl_name $host",
            "missing",
            "another name for each request",
        ),
    ],
)
def test_tls_that_is_not_the_same(
    imported: Callable[..., Any], lines: str, directive: str, kind: str, words: str
) -> None:
    (note,) = [note for note in imported(f"server {{ {lines} }}").notes if note.directive == directive]
    assert (note.kind, words in note.text) == (kind, True), note


def test_without_a_certificate_a_listener_stays_on_its_own_machine(imported: Callable[..., Any]) -> None:
    edge = imported("server { listen 443 ssl; return 200; }").edge
    assert edge.listeners["web"].bind == ["127.0.0.1:443"]
    assert edge.listeners["web"].tls is None
