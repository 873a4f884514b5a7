"""Every directive ends in exactly one class, and every class says what a reader needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from glorieta.importers.nginx.knowledge import later
from glorieta.importers.nginx.reading import read

EVERYTHING = """
user www-data; worker_processes auto; pid /run/nginx.pid; include modules-enabled/*.conf;
events { worker_connections 768; multi_accept on; }
stream { upstream s { server a:1; zone z 64k; } server { listen 53 udp; proxy_pass s; } server { listen 54; proxy_pass s; } }
http {
  include mime.types; default_type application/octet-stream; sendfile on; gzip on; gzip_types text/css;
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  map $http_x $unused { default 0; }
  geo $office { default 0; 10.0.0.0/8 1; }
  limit_req_zone $binary_remote_addr zone=z:1m rate=1r/s; proxy_cache_path /c keys_zone=c:1m;
  log_format f '$remote_addr $foo'; access_log /var/log/a.log f; error_log /var/log/e.log;
  upstream u { least_conn; server a; server b backup; keepalive 8; sticky cookie s; }
  server { listen 80 default_server; server_name _; return 444; }
  server {
    listen 80; listen 443 ssl http2; server_name a.example ~x.+; ssl_certificate c; ssl_protocols TLSv1.3;
    vendor_thing on; more_set_headers "X: y"; error_page 404 /404.html; proxy_set_header Host $host;
    if ($http_a ~ b) { set $x $remote_user; }
    if ($office) { return 403; }
    location / { limit_req zone=z; proxy_pass http://u; proxy_cache c; proxy_buffering off; add_header A b; }
    location ~ \\.php$ { fastcgi_pass unix:/x; fastcgi_param A b; include fastcgi_params; }
    location /s { stub_status; } location /l { content_by_lua_block { ngx.say(1) } }
    location ~ ^/(?=x) { return 200; location /nested { return 200; } }
    location /img { alias /srv/img; autoindex on; autoindex_exact_size off; sub_filter a b; sub_filter_types text/css; secure_link $arg_a; }
    location @n { proxy_pass http://u; proxy_ssl_verify on; mirror /m; }
    location /secret { auth_basic x; auth_basic_user_file f; satisfy any; allow 10.0.0.1; deny all; root /srv; }
  }
}
mail { server { listen 25; protocol smtp; } }
"""


def test_every_directive_has_exactly_one_note(imported: Callable[..., Any], tmp_path: Any) -> None:
    found = imported(EVERYTHING)
    directives = read(tmp_path / "nginx.conf").directives()
    assert len(found.notes) == len(directives) > 90
    assert [(note.place.line, note.directive) for note in found.notes] == [
        (each.place.line, each.text()) for each in directives
    ]


@pytest.mark.parametrize(
    ("directive", "kind", "words"),
    [
        ("vendor_thing on", "missing", "not a directive that this importer knows"),
        ('more_set_headers "X: y"', "missing", "not a directive that this importer knows"),
        ("gzip on", "nearly", "credentials: on compresses them, too"),
        ("gzip_types text/css", "translated", ""),
        ("limit_req zone=z", "missing", "comes with Gateway"),
        ("proxy_cache c", "missing", "comes with Gateway"),
        ("ssl_certificate c", "needless", "nothing here uses it"),
        ("listen 53 udp", "translated", ""),
        ("server b backup", "translated", ""),
        ("sticky cookie s", "missing", "cookie"),
        ("listen 443 ssl http2", "nearly", "has no certificate that could be written"),
        ("map $http_upgrade $connection_upgrade", "needless", "by themselves"),
        ("map $http_x $unused", "needless", "nothing uses"),
        ("sendfile on", "needless", "files"),
        ("return 444", "nearly", "closes the connection"),
        ("proxy_set_header Host $host", "nearly", "port"),
        ("fastcgi_pass unix:/x", "missing", "FastCGI"),
        ("fastcgi_param A b", "missing", "protocol"),
        ("mail", "missing", "mail"),
        ("protocol smtp", "missing", "belongs to mail"),
        ("stub_status", "missing", "counts"),
        ("autoindex on", "missing", "lists folders"),
        ("autoindex_exact_size off", "needless", "off"),
        ("sub_filter_types text/css", "missing", "changes bodies"),
        ("include mime.types", "needless", "extension"),
        ("include fastcgi_params", "missing", "not here"),
        ("if $office", "missing", "routes ask for"),
        ("error_page 404 /404.html", "missing", "page"),
    ],
)
def test_classes(imported: Callable[..., Any], directive: str, kind: str, words: str) -> None:
    notes = [
        note
        for note in imported(EVERYTHING.replace("server b backup", "server b backup")).notes
        if note.directive == directive
    ]
    if directive == "server b backup":
        # least_conn shares requests out, so a stand-in has no twin.
        assert [note.kind for note in notes] == ["missing"]
        return
    assert [note.kind for note in notes] == [kind]
    assert words in notes[0].text


def test_what_is_missing_says_the_nearest_way_or_belongs_to_what_does(imported: Callable[..., Any]) -> None:
    silent = [
        note.line()
        for note in imported(EVERYTHING).of("missing")
        if note.nearest is None
        and "belongs to" not in note.text
        and "knows" not in note.text
        and "Gateway" not in note.text
    ]
    assert silent == []


def test_the_yaml_lists_what_a_reader_must_know(imported: Callable[..., Any]) -> None:
    found = imported(EVERYTHING)
    header = " ".join(line.strip("# ") for line in found.yaml.splitlines() if line.startswith("#"))
    for note in found.of("missing", "nearly"):
        assert " ".join(note.text.split()) in header
    assert "Without a twin:" in header
    assert found.text().endswith(f"{len(found.of('missing'))} without a twin")


def test_the_longest_beginning_decides_what_comes_later() -> None:
    assert later("auth_basic_user_file") == (
        "Gateway",
        "basic authentication",
        "until then the route is closed with 401",
    )
    assert later("gzip_types") is None
    assert later("proxy_cache_valid") is not None
    assert later("proxy_pass") is None
    assert later("sslx") is None


def test_places_of_the_edge_are_those_of_the_directives(imported: Callable[..., Any]) -> None:
    found = imported(
        "upstream u { server a; }\nserver {\n  listen 80;\n  location /a/ {\n    proxy_pass http://u;\n  }\n}\n"
    )
    places = found.edge.origin.places
    place = places.find(("listeners", "web", "routes", "/a/*", "to"))
    assert (place.line, place.column) == (5, 5)
    endpoint = places.find(("upstreams", "u", "endpoints", 0))
    assert (endpoint.line, endpoint.column) == (1, 14)
    assert places.find(("listeners", "web", "bind")).line == 3
