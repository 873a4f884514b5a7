"""`rewrite`, `if`, `set`, `map` and `limit_except`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Web = Callable[..., dict[str, Any]]
PASS = "proxy_pass http://127.0.0.1:81; proxy_set_header Host $http_host;"


def test_a_rewrite_that_holds_for_all_of_a_location(web: Web) -> None:
    for expression, replacement, expected in (
        ("^/a/(.*)$", "/$1", "/${path.*}"),
        ("^/a(/.*)$", "$1", "/${path.*}"),
        ("^/a/?(.*)$", "/b/$1", "/b/${path.*}"),
        ("^(.*)$", "/b$1", "/b/a/${path.*}"),
        ("^/(.*)$", "/b/$1", "/b${path}"),
        ("^", "/b", "/b"),
    ):
        found = web(f"location /a/ {{ rewrite {expression} {replacement} break; {PASS} }}")
        assert found["routes"]["/a/*"]["rewrite"] == expected, expression


def test_a_rewrite_that_holds_for_a_part(web: Web) -> None:
    found = web(rf"location /a/ {{ rewrite ^/a/(\d+)$ /item/$1 break; {PASS} }}")
    assert found["routes"][r"~/a/(?<g1>\d+)"] == {"to": "a", "rewrite": "/item/${path.g1}", "priority": 1}
    assert found["routes"]["~/a/.*"] == "a"


def test_redirects_by_rewrite(web: Web) -> None:
    found = web(f"rewrite ^/old/(.*)$ /new/$1? permanent; location / {{ {PASS} }}")
    assert found["routes"]["~/old/(?<g1>.*)"] == {"redirect": {"location": "/new/${path.g1}", "status": 301}}
    found = web("rewrite ^ https://a.example/? redirect; location / { return 200; }")
    assert found["redirect"] == "https://a.example/"


def test_the_query_of_the_client_follows(web: Web) -> None:
    for line, expected in (
        ("/new permanent", {"redirect": {"location": "/new${search}", "status": 301}}),
        ("/new?a=1 redirect", {"redirect": "/new?a=1&${query}"}),
        ("/new?a=1&$args redirect", {"redirect": "/new?a=1&${query}"}),
        ("/new?a=1? redirect", {"redirect": "/new?a=1"}),
        ("/new?a=1 last", {"to": "app", "rewrite": "/new?a=1&${query}"}),
        ("/new?a=1&$args last", {"to": "app", "rewrite": "/new?a=1&${query}"}),
        ("/new?a=1? last", {"to": "app", "rewrite": "/new?a=1"}),
        ("/new? last", {"to": "app", "rewrite": "/new?"}),
        ("/new last", {"to": "app", "rewrite": "/new"}),
    ):
        found = web(f"rewrite ^/old$ {line}; location / {{ {PASS} }}")
        assert found["routes"]["/old"] == expected, line


def test_what_differs_about_the_query_is_said(imported: Callable[..., Any]) -> None:
    for line, sentence in (
        ("/new permanent", None),
        ("/new? redirect", None),
        ("/new?a=1? last", None),
        ("/new?a=1 redirect", "a & at the end"),
        ("/new?a=1 last", "a & at the end"),
        ("/new?a=1&$args redirect", "a second time"),
        ("https://a.example$request_uri permanent", "a second time"),
        ("/new? last", ""),
    ):
        found = imported(f"server {{ listen 80; rewrite ^/old$ {line}; location / {{ {PASS} }} }}")
        [note] = [each for each in found.notes if each.directive.startswith("rewrite")]
        assert note.kind == ("nearly" if sentence else "translated"), note.line()
        assert (sentence or "") in note.text


def test_a_rewrite_of_the_server_comes_before_every_location(web: Web) -> None:
    found = web(f"rewrite ^/a/old$ /a/new? redirect; location ^~ /a/ {{ {PASS} }} location = /a/old {{ return 200; }}")
    assert found["routes"]["/a/old"] == {"redirect": "/a/new"}
    assert found["routes"]["/a/*"] == "a"
    found = web(rf"rewrite ^/a/\d+$ /a/new? redirect; location ^~ /a/ {{ {PASS} }} location = /a/7 {{ return 200; }}")
    assert found["routes"]["/a/7"] == {"redirect": "/a/new"}
    assert found["routes"][r"~/a/\d+"] == {"redirect": "/a/new", "priority": 1}
    assert found["routes"]["~/a/.*"] == "a"


def test_last_goes_on_in_another_location(web: Web) -> None:
    found = web(f"location /a/ {{ rewrite ^/a/(.*)$ /b/$1 last; }} location /b/ {{ {PASS} }}")
    assert found["routes"]["/a/*"] == {"to": "b", "rewrite": "/b/${path.*}"}


def test_conditions(web: Web) -> None:
    found = web(
        "location /a/ { if ($request_method = POST) { return 405; } if ($http_x_key != secret) { return 403; }"
        f"{PASS} }}"
    )
    routes = found["routes"]
    assert routes["POST /a/*"] == {"respond": 405}
    assert routes["a-if-x-key"] == {"match": {"path": "/a/*", "headers": {"x-key": "secret"}}, "to": "a"}
    assert routes["/a/*"] == {"respond": 403}


def test_a_flag_that_conditions_set_is_followed(web: Web) -> None:
    found = web(
        "location / { set $deny 0; if ($arg_debug = 1) { set $deny 1; } if ($http_x_admin = yes) { set $deny 0; }"
        "if ($deny = 1) { return 403; } return 200; }"
    )
    answers = {key: route["respond"] for key, route in found["routes"].items()}
    assert answers == {"all-if-debug": 403, "all-if-x-admin": 200, "all-if-x-admin-debug": 200, "/*": 200}


def test_an_if_has_the_handler_of_its_location(web: Web) -> None:
    found = web(f"location / {{ if ($request_method = OPTIONS) {{ add_header X-A b always; }} {PASS} }}")
    assert found["routes"]["OPTIONS /*"] == {
        "to": "app",
        "filters": {"headers": {"response": {"add": {"X-A": "b"}}}},
    }
    assert found["routes"]["/*"] == "app"


def test_conditions_that_ask_for_files_count_as_if_there_were_none(imported: Callable[..., Any]) -> None:
    found = imported(
        "server { listen 80; location / { if (!-f $request_filename) { rewrite ^ /app last; } root /srv; }"
        f"location = /app {{ {PASS} }} }}"
    )
    assert [note.directive for note in found.of("missing")] == ["if !-f $request_filename"]
    assert found.edge.listeners["web"].routes["/*"].to == "app"


def test_files_stay_where_what_is_behind_them_cannot_be_reached(imported: Callable[..., Any]) -> None:
    found = imported(
        r"server { listen 80; root /srv; location / { try_files $uri /index.php; } location ~ \.php$ {"
        "fastcgi_pass 127.0.0.1:9000; } }"
    )
    files = found.edge.listeners["web"].files
    assert files is not None and files.root == "/srv"


def test_what_stands_behind_a_return_is_never_reached(imported: Callable[..., Any]) -> None:
    found = imported("server { listen 80; location / { return 204; rewrite ^ /x break; set $a 1; } }")
    assert [note.directive for note in found.of("needless")] == ["rewrite ^ /x break", "set $a 1"]


def test_maps_become_routes(web: Web) -> None:
    found = web(
        "location / { proxy_pass http://$pool; proxy_set_header Host $http_host; }",
        before="upstream one { server a:1; } upstream two { server b:1; }"
        "map $http_x_version $pool { default one; v2 two; ~^beta two; }",
    )
    assert found["routes"] == {
        "all-if-x-version": {"match": {"path": "/*", "headers": {"x-version": {"regex": "(?i:v2)"}}}, "to": "two"},
        "all-if-x-version-02": {"match": {"path": "/*", "headers": {"x-version": {"regex": "beta.*"}}}, "to": "two"},
        "/*": "one",
    }


def test_maps_of_hosts_become_groups(imported: Callable[..., Any]) -> None:
    found = imported(
        "map $host $up { default 127.0.0.1:81; b.example 127.0.0.1:82; } server { listen 80; location / {"
        "proxy_pass http://$up; proxy_set_header Host $http_host; } }"
    )
    edge = found.edge
    assert edge.groups["b.example"].to is not None
    assert edge.upstreams[edge.groups["b.example"].to].endpoints[0].address == "127.0.0.1:82"
    assert edge.upstreams[edge.listeners["web"].to].endpoints[0].address == "127.0.0.1:81"


def test_limit_except(web: Web) -> None:
    found = web(f"location / {{ limit_except GET POST {{ deny all; }} {PASS} }}")
    assert found["routes"]["all-if-get"] == {"match": {"path": "/*", "method": ["GET", "POST"]}, "to": "app"}
    assert found["routes"]["/*"] == {"respond": 403}


def test_a_status_that_stands_for_a_named_location(web: Web) -> None:
    found = web(f"location / {{ error_page 418 = @app; return 418; }} location @app {{ {PASS} }}")
    assert found["to"] == "app"
