"""Listeners and groups: addresses, names, defaults, TLS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Data = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("listens", "expected"),
    [
        ("listen 80;", "0.0.0.0:80"),
        ("listen 80; listen [::]:80;", ":80"),
        ("listen 127.0.0.1:8080;", "127.0.0.1:8080"),
        ("listen unix:/run/a.sock;", "unix:/run/a.sock"),
        ("", "0.0.0.0:80"),
        ("listen 443 ssl http2;", "127.0.0.1:443"),
        ("listen 443; ssl on;", "127.0.0.1:443"),
    ],
)
def test_addresses(data: Data, listens: str, expected: str) -> None:
    found = data(f"server {{ {listens} return 204; }}")
    assert found["listeners"]["web"]["bind"] == expected


def test_one_server_has_every_host(data: Data) -> None:
    found = data("server { listen 80; server_name shop.example; return 204; }")
    assert "groups" not in found
    assert found["listeners"]["web"]["respond"] == 204


def test_the_default_server_has_what_no_other_has(data: Data) -> None:
    found = data(
        "server { listen 80; server_name a.example; return 201; }"
        "server { listen 80 default_server; server_name b.example; return 202; }"
        "server { listen 80; server_name *.c.example c.example; return 203; }"
    )
    assert found["listeners"]["web"]["respond"] == 202
    assert found["groups"]["a.example"]["match"] == "a.example"
    assert found["groups"]["any.c.example"]["match"] == {"host": ["*.c.example", "c.example"]}


def test_the_default_servers_name_within_anothers_wildcard(data: Data) -> None:
    found = data(
        "server { listen 80; server_name www.a.example; return 201; }"
        "server { listen 80; server_name *.a.example; return 202; }"
    )
    assert found["groups"]["www.a.example"] == {
        "match": {"host": ["www.a.example", "*"]},
        "respond": 201,
    }


def test_listeners_by_address(data: Data) -> None:
    found = data(
        "server { listen 80; listen 81; server_name a.example; return 201; }"
        "server { listen 80; server_name b.example; return 202; }"
    )
    assert found["listeners"]["http"] == {"bind": "0.0.0.0:80", "respond": 201}
    assert found["listeners"]["web-81"] == {"bind": "0.0.0.0:81", "respond": 201}
    assert found["groups"]["b.example"] == {"at": "http", "match": "b.example", "respond": 202}


def test_certbots_conditions_are_groups(data: Data) -> None:
    found = data(
        "server { if ($host = www.a.example) { return 301 https://$host/x; } if ($host = a.example) "
        "{ return 301 https://$host/x; } listen 80; server_name a.example www.a.example; return 404; }"
    )
    assert found["groups"]["www.a.example"] == {
        "match": {"host": ["www.a.example", "a.example"]},
        "redirect": {"location": "https://${host}/x", "status": 301},
    }
    assert found["listeners"]["web"]["respond"] == 404


def test_a_canonical_host(data: Data) -> None:
    found = data(
        "server { listen 80; server_name a.example www.a.example; if ($host != a.example) "
        "{ return 301 http://a.example/; } location / { return 200; } }"
    )
    assert found["groups"]["a.example"]["respond"] == 200
    assert found["listeners"]["web"]["redirect"]["location"] == "http://a.example/"


def test_client_side_settings(data: Data) -> None:
    found = data(
        "keepalive_timeout 10s; client_header_timeout 5s; client_body_timeout 6s; send_timeout 7s;"
        "large_client_header_buffers 4 16k; keepalive_requests 50;"
        "server { listen 80; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For; return 204; }"
    )
    web = found["listeners"]["web"]
    assert web["timeouts"] == {"head": "5s", "body": "6s", "write": "7s", "keep_alive": "10s"}
    assert web["limits"] == {"requests_per_connection": 50, "head": "64KiB", "target": "16KiB"}
    assert web["trusted_proxies"] == ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("listen 80;", {}),
        ("listen 80 http2;", {}),
        ("listen 80; http2 on;", {}),
        ("listen 80; http2 off;", {"versions": "h1"}),
        ("listen 80; http2 on; http2_max_concurrent_streams 64;", {"limits": {"streams": 64}}),
    ],
)
def test_versions_of_http(data: Data, written: str, expected: dict[str, Any]) -> None:
    web = data(f"server {{ {written} return 204; }}")["listeners"]["web"]
    assert {key: web[key] for key in ("versions", "limits") if key in web} == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("listen 443 ssl; listen 443 quic;", ["h1", "h2", "h3"]),
        ("listen 443 ssl; listen 443 quic; http3 on;", ["h1", "h2", "h3"]),
        ("listen 443 ssl; listen 443 quic; http2 off;", ["h1", "h3"]),
        ("listen 443 ssl; listen 443 quic; http3 off;", None),
        ("listen 443 ssl; listen 8443 quic;", None),
    ],
)
def test_http_3_is_spoken_beside_tls_at_the_same_address(
    data: Callable[[str], dict[str, Any]], written: str, expected: list[str] | None
) -> None:
    found = data(f"server {{ {written} ssl_certificate /etc/a.crt; ssl_certificate_key /etc/a.key; return 204; }}")
    [web] = found["listeners"].values()
    assert web.get("versions") == expected


def test_workers_and_log(data: Data) -> None:
    found = data(
        "worker_processes 3; events {} http { log_format f '$remote_addr \"$request\" $status $request_time';"
        "access_log /var/log/a.log f; server { listen 80; return 204; } }"
    )
    assert found["workers"] == 3
    assert found["log"] == {
        "to": "/var/log/a.log",
        "format": '${client.ip} "${method} ${target} ${protocol}" ${status} ${duration}',
    }


def test_layer_4(data: Data) -> None:
    found = data(
        "events {} stream { upstream db { hash $remote_addr consistent; server db1:5432; server db2:5432; }"
        "server { listen 5432; proxy_pass db; proxy_connect_timeout 1s; proxy_timeout 2h; allow 10.0.0.0/8; deny all; }"
        "server { listen 127.0.0.1:6379; proxy_pass 10.0.0.9:6379; } }"
    )
    assert found["listeners"]["db"] == {
        "bind": "0.0.0.0:5432",
        "protocol": "tcp",
        "to": "db",
        "timeouts": {"connect": "1s", "idle": "2h"},
        "filters": {"allow": ["10.0.0.0/8"]},
    }
    assert found["upstreams"]["db"] == {"endpoints": ["db1:5432", "db2:5432"], "balance": {"hash": "client.ip"}}
    assert found["listeners"]["port-6379"]["timeouts"] == {"idle": "10m"}


def test_a_server_whose_names_have_no_twin_is_named_with_all_that_is_in_it(imported: Callable[..., Any]) -> None:
    found = imported(
        "server { listen 80; return 404; } server { listen 80; server_name ~^a[0-9]+$; location / { return 200; } }"
    )
    assert [note.directive for note in found.of("missing")] == [
        "server",
        "server_name ~^a[0-9]+$",
        "location /",
        "return 200",
    ]
    assert found.edge.groups == {}


def test_a_server_that_nothing_leads_to_is_needless(imported: Callable[..., Any]) -> None:
    found = imported("server { listen 80; return 404; } server { listen 80; return 200; }")
    assert {note.directive for note in found.of("needless")} == {"server", "return 200"}
