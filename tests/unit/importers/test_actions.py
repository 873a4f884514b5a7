"""What a location does: upstreams, paths, headers, files, answers, access."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# `off` is False to the parser of these tests (YAML 1.1), and the same to glorieta either way.
Web = Callable[..., dict[str, Any]]
Data = Callable[..., dict[str, Any]]
HOST = "proxy_set_header Host $http_host;"


@pytest.mark.parametrize(
    ("location", "uri", "expected"),
    [
        ("/a/", "", {}),
        ("/a/", "/", {"strip_prefix": True}),
        ("/a/", "/a/", {}),
        ("/a/", "/b/c/", {"rewrite": "/b/c/${path.*}"}),
        ("/", "/", {}),
        ("/", "/b/", {"rewrite": "/b/${path.*}"}),
        ("= /a", "/b", {"rewrite": "/b"}),
        ("/a", "/", {"rewrite": "/${path.rest}"}),
        ("/a", "/a", {}),
        ("/a/", "$request_uri", {}),
    ],
)
def test_the_path_that_an_upstream_sees(web: Web, location: str, uri: str, expected: dict[str, Any]) -> None:
    found = web(f"location {location} {{ proxy_pass http://127.0.0.1:81{uri}; {HOST} }}")
    routes = found.get("routes", {"/*": {}})
    route = next(each for key, each in routes.items() if isinstance(each, str) or "redirect" not in each)
    options = (
        {}
        if isinstance(route, str)
        else {key: value for key, value in route.items() if key in ("strip_prefix", "rewrite")}
    )
    assert options == expected


def test_groups_of_expressions(web: Web) -> None:
    found = web(
        r"location ~ ^/u/(\d+)/(?<tab>\w+)$ { proxy_pass http://127.0.0.1:81/$tab/$1$is_args$args; " + HOST + "}"
    )
    assert found["routes"] == {r"~/u/(?<g1>\d+)/(?<tab>\w+)": {"to": "app", "rewrite": "/${path.tab}/${path.g1}"}}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "upstream"),
        ("proxy_set_header Host $http_host;", None),
        ("proxy_set_header Host $host;", None),
        ("proxy_set_header Host a.example;", "a.example"),
        ("proxy_set_header Host $server_name;", "shop.example"),
        ("proxy_set_header X-A b;", "upstream"),
    ],
)
def test_the_host_that_an_upstream_sees(web: Web, header: str, expected: str | None) -> None:
    found = web(f"server_name shop.example; location / {{ proxy_pass http://127.0.0.1:81; {header} }}")
    route = found["routes"]["/*"] if "routes" in found else {}
    assert route.get("host") == expected


def test_the_name_of_an_upstream_is_its_host(data: Data) -> None:
    found = data("upstream back { server a:1; } server { listen 80; location / { proxy_pass http://back; } }")
    assert found["listeners"]["web"]["routes"]["/*"] == {"to": "back", "host": "back"}


def test_headers_are_replaced_as_a_whole_where_a_level_has_its_own(web: Web) -> None:
    found = web(
        f"proxy_set_header X-A $remote_addr; {HOST} add_header X-B b always;"
        "location /a/ { proxy_pass http://127.0.0.1:81; } location /b/ { proxy_pass http://127.0.0.1:81; "
        "proxy_set_header X-C ''; add_header X-D $host; }"
    )
    routes = found["routes"]
    assert routes["/a/*"]["filters"]["headers"] == {
        "request": {"set": {"X-A": "${client.ip}"}},
        "response": {"add": {"X-B": "b"}},
    }
    assert routes["/b/*"]["filters"]["headers"] == {
        "request": {"remove": ["X-C"]},
        "response": {"add": {"X-D": "${host}"}},
    }
    assert routes["/b/*"]["host"] == "upstream"


def test_what_glorieta_sends_by_itself_is_not_written(imported: Callable[..., Any]) -> None:
    found = imported(
        "server { listen 80; location / { proxy_pass http://127.0.0.1:81; proxy_set_header Host $http_host;"
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;"
        "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection 'upgrade'; } }"
    )
    assert "headers" not in found.yaml
    assert len(found.of("needless")) == 4


def test_a_header_that_a_case_leaves_empty_is_removed_or_not_added(web: Web) -> None:
    found = web(
        f"location / {{ proxy_pass http://127.0.0.1:81; {HOST} proxy_set_header X-A $a; add_header X-B $a always; }}",
        before='map $http_x_key $a { default ""; one two; }',
    )
    filters = {key: route["filters"]["headers"] for key, route in found["routes"].items()}
    assert filters == {
        "all-if-x-key": {"request": {"set": {"X-A": "two"}}, "response": {"add": {"X-B": "two"}}},
        "/*": {"request": {"remove": ["X-A"]}},
    }


def test_headers_that_may_be_empty_are_the_same(imported: Callable[..., Any]) -> None:
    found = imported(
        f"server {{ listen 80; location / {{ proxy_pass http://127.0.0.1:81; {HOST}"
        "proxy_set_header X-Page $arg_page; add_header X-Query $args always; } }"
    )
    assert not found.of("nearly") and not found.of("missing")


@pytest.mark.parametrize(
    ("location", "line", "kind"),
    [
        ("/a/", "proxy_redirect http://inner.example/ /a/;", "needless"),
        ("/a/", "proxy_redirect http://inner.example/ $scheme://$http_host/a/;", "needless"),
        ("/a/", "proxy_redirect / /a/;", "needless"),
        ("/a/", "proxy_redirect default;", "needless"),
        ("/a/", "proxy_redirect off;", "nearly"),
        ("/a/", "proxy_redirect http://inner.example/ /b/;", "missing"),
        ("/a/", "proxy_redirect http://inner.example/ /;", "missing"),
        ("/a/", "proxy_redirect http://inner.example/ http://$host/a/;", "missing"),
        ("/a/", "proxy_redirect http://other.example/ /a/;", "missing"),
        ("/", "proxy_redirect http://inner.example/ /;", "needless"),
        ("/", "proxy_redirect http://inner.example/ /a/;", "missing"),
    ],
)
def test_redirects_of_the_service(imported: Callable[..., Any], location: str, line: str, kind: str) -> None:
    found = imported(
        f"server {{ listen 80; location {location} {{ proxy_pass http://127.0.0.1:81/;"
        f"proxy_set_header Host inner.example; {line} }} }}"
    )
    [note] = [each for each in found.notes if each.directive.startswith("proxy_redirect")]
    assert note.kind == kind, note.line()


def test_a_host_that_is_the_clients_has_nothing_to_lead_back(imported: Callable[..., Any]) -> None:
    found = imported(
        f"server {{ listen 80; location / {{ proxy_pass http://127.0.0.1:81; {HOST}"
        "proxy_redirect http://127.0.0.1:81/ /; } }"
    )
    assert [note.directive for note in found.of("missing")] == ["proxy_redirect http://127.0.0.1:81/ /"]


@pytest.mark.parametrize(
    ("location", "passed", "expected"),
    [
        ("= /a", "/b?c=d", "/b?c=d${search}"),
        ("/a/", "/b?c=", "/b?c=${path.*}${search}"),
        ("= /a", "/b", "/b"),
    ],
)
def test_a_query_that_is_passed(web: Web, location: str, passed: str, expected: str) -> None:
    found = web(f"location {location} {{ proxy_pass http://127.0.0.1:81{passed}; {HOST} }}")
    assert [route["rewrite"] for route in found["routes"].values() if "to" in route] == [expected]


def test_timeouts_and_retries(web: Web) -> None:
    found = web(
        "location / { proxy_pass http://127.0.0.1:81; proxy_connect_timeout 5s; proxy_read_timeout 10m;"
        f"proxy_next_upstream_tries 3; {HOST} }}"
    )
    route = found["routes"]["/*"]
    assert route["timeouts"] == {"connect": "5s", "first_byte": "10m", "idle": "10m"}
    assert route["retries"] == 2


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("server a:1; server b:2;", {"endpoints": ["a:1", "b:2"], "balance": "round_robin"}),
        ("server a; server b weight=3;", {"endpoints": ["a:80", {"address": "b:80", "weight": 3}], "balance": "round_robin"}),
        ("least_conn; server a; server b;", {"endpoints": ["a:80", "b:80"], "balance": "peak_ewma"}),
        ("ip_hash; server a; server b;", {"endpoints": ["a:80", "b:80"], "balance": {"hash": "client.ip"}}),
        ("hash $request_uri consistent; server a; server b;", {"endpoints": ["a:80", "b:80"], "balance": {"hash": "path"}}),
        ("hash $cookie_sid; server a; server b;", {"endpoints": ["a:80", "b:80"], "balance": {"hash": "cookie.sid"}}),
        ("random two least_conn; server a; server b;", {"endpoints": ["a:80", "b:80"], "balance": "peak_ewma"}),
        ("server a; server b backup;", {"endpoints": ["a:80", "b:80"], "balance": "first_available"}),
        ("server a; server b down;", {"endpoints": ["a:80"]}),
        ("server a max_fails=3 fail_timeout=30s;", {"endpoints": ["a:80"], "outlier": {"consecutive": 3, "ejection": "30s"}}),
        ("server a max_fails=0;", {"endpoints": ["a:80"], "outlier": False}),
        ("server a max_conns=9; keepalive 4; keepalive_timeout 5s;", {"endpoints": ["a:80"], "pool": {"idle": "5s", "max_connections": 9}}),
        ("server unix:/run/a.sock;", {"endpoints": ["unix:/run/a.sock"]}),
    ],
)  # fmt: skip
def test_upstreams(data: Data, inside: str, expected: dict[str, Any]) -> None:
    found = data(f"upstream back {{ {inside} }} server {{ listen 80; location / {{ proxy_pass http://back; }} }}")
    assert found["upstreams"]["back"] == expected


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("root /srv;", {"files": "/srv"}),
        ("root /srv; index home.html;", {"files": {"root": "/srv", "index": "home.html"}}),
        ("root /srv; try_files $uri $uri/ =404;", {"files": "/srv"}),
        ("root /srv; try_files $uri =404;", {"files": {"root": "/srv", "index": False}}),
        ("root /srv; try_files $uri $uri/ /index.html;", {"files": {"root": "/srv", "fallback": "/index.html"}}),
        ("root /srv; error_page 404 =200 /index.html;", {"files": {"root": "/srv", "fallback": "/index.html"}}),
        ("return 404;", {"respond": 404}),
        ("return 204 text;", {"respond": 204}),
        ("return 503 '{\"a\":1}'; default_type application/json;",
         {"respond": {"status": 503, "headers": {"content-type": "application/json"}, "body": '{"a":1}'}}),
        ("return 301 https://a.example/x;", {"redirect": {"location": "https://a.example/x", "status": 301}}),
        ("return https://a.example/;", {"redirect": "https://a.example/"}),
        ("return 308 /$arg_a;", {"redirect": {"location": "/${query.a}", "status": 308}}),
        ("deny all; root /srv;", {"respond": 403}),
        ("internal; root /srv;", {"respond": 404}),
        ("auth_basic 'Staff'; root /srv;",
         {"respond": {"status": 401, "headers": {"WWW-Authenticate": 'Basic realm="Staff"'}}}),
        ("auth_request /auth; root /srv;", {"respond": {"status": 401}}),
        ("fastcgi_pass 127.0.0.1:9000;", {"respond": 503}),
        ("proxy_pass http://$http_host;", {"respond": 503}),
    ],
)  # fmt: skip
def test_answers(web: Web, inside: str, expected: dict[str, Any]) -> None:
    found = web(f"location / {{ {inside} }}")
    assert {key: value for key, value in found.items() if key in ("files", "respond", "redirect")} == expected


def test_alias(web: Web) -> None:
    found = web("location /img/ { alias /srv/pictures/; } location = /robots.txt { alias /srv/robots.txt; }")
    assert found["routes"]["/img/*"] == {"files": "/srv/pictures", "strip_prefix": True}
    assert found["routes"]["/robots.txt"] == {"files": "/srv"}


def test_addresses_of_clients(web: Web) -> None:
    found = web(f"location / {{ deny 10.0.0.1; allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:81; {HOST} }}")
    assert found["filters"] == {"max_body": "1MiB"}
    assert found["routes"]["/*"]["filters"] == {"allow": ["10.0.0.0/8"], "deny": ["10.0.0.1"]}


def test_headers_that_files_have_by_themselves_are_set(web: Web) -> None:
    found = web("location / { root /srv; add_header X-Content-Type-Options nosniff always; add_header X-A b always; }")
    headers = found["routes"]["/*"]["filters"]["headers"]["response"]
    assert headers == {"set": {"X-Content-Type-Options": "nosniff"}, "add": {"X-A": "b"}}


@pytest.mark.parametrize(
    ("text", "expected"), [("", "1MiB"), ("client_max_body_size 20m;", "20MiB"), ("client_max_body_size 0;", None)]
)
def test_the_largest_body(web: Web, text: str, expected: str | None) -> None:
    found = web(f"{text} location / {{ proxy_pass http://127.0.0.1:81; }}")
    assert found.get("filters", {}).get("max_body") == expected


@pytest.mark.parametrize(
    ("expires", "expected"),
    [
        ("30d", "max-age=2592000"),
        ("max", "max-age=315360000"),
        ("-1", "no-cache"),
        ("epoch", "no-cache"),
        ("off", None),
    ],
)
def test_expires(web: Web, expires: str, expected: str | None) -> None:
    found = web(f"location / {{ root /srv; expires {expires}; }}")
    filters = found.get("routes", {}).get("/*", {}).get("filters")
    assert filters == (None if expected is None else {"headers": {"response": {"set": {"Cache-Control": expected}}}})
