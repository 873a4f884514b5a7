"""UDP, the PROXY protocol and limits of connections, from NGINX's words to ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml


def stream(text: str) -> str:
    return f"events {{}}\nstream {{\n{text}\n}}\n"


def http(text: str) -> str:
    return f"events {{}}\nhttp {{\n{text}\n}}\n"


def kinds(found: Any) -> dict[str, str]:
    return {note.directive: note.kind for note in found.notes}


def test_datagrams(imported: Callable[..., Any]) -> None:
    found = imported(
        stream(
            "server { listen 53 udp; proxy_pass 127.0.0.1:54; proxy_responses 1; proxy_timeout 20s; allow 10.0.0.0/8; deny all; }"
        )
    )
    document = yaml.safe_load(found.yaml)
    (listener,) = document["listeners"].values()
    assert listener == {
        "bind": "0.0.0.0:53",
        "protocol": "udp",
        "to": "port-53",
        "responses": 1,
        "timeouts": {"session": "20s"},
        "filters": {"allow": ["10.0.0.0/8"]},
    }
    assert set(kinds(found).values()) <= {"translated", "needless"}


def test_without_a_time_it_is_nginx_ten_minutes(imported: Callable[..., Any]) -> None:
    found = imported(stream("server { listen 53 udp; proxy_pass 127.0.0.1:54; proxy_requests 3; }"))
    (listener,) = yaml.safe_load(found.yaml)["listeners"].values()
    assert listener["timeouts"] == {"session": "10m"}
    assert "responses" not in listener
    assert kinds(found)["proxy_requests 3"] == "nearly"


def test_one_server_by_both(imported: Callable[..., Any]) -> None:
    found = imported(stream("server { listen 53 udp; listen 53; proxy_pass 127.0.0.1:54; }"))
    listeners = yaml.safe_load(found.yaml)["listeners"]
    assert sorted(each["protocol"] for each in listeners.values()) == ["tcp", "udp"]


@pytest.mark.parametrize("key", ["$binary_remote_addr", "$remote_addr"])
def test_limits_of_connections(imported: Callable[..., Any], key: str) -> None:
    zone = f"limit_conn_zone {key} zone=addr:10m;"
    found = imported(stream(f"{zone} server {{ listen 25; proxy_pass 127.0.0.1:26; limit_conn addr 5; }}"))
    (listener,) = yaml.safe_load(found.yaml)["listeners"].values()
    assert listener["limits"] == {"connections_per_client": 5}
    assert kinds(found)["limit_conn addr 5"] == "translated"


def test_a_limit_by_something_else_has_no_twin(imported: Callable[..., Any]) -> None:
    zone = "limit_conn_zone $server_addr zone=all:10m;"
    found = imported(stream(f"{zone} server {{ listen 25; proxy_pass 127.0.0.1:26; limit_conn all 5; }}"))
    (listener,) = yaml.safe_load(found.yaml)["listeners"].values()
    assert "limits" not in listener
    assert kinds(found)["limit_conn all 5"] == "missing"


def test_being_told(imported: Callable[..., Any]) -> None:
    inside = "listen 80 proxy_protocol; set_real_ip_from 10.0.0.0/8;"
    location = "location / { proxy_set_header X-Real-IP $proxy_protocol_addr; proxy_pass http://127.0.0.1:81; }"
    found = imported(http(f"server {{ {inside} real_ip_header proxy_protocol; {location} }}"))
    document = yaml.safe_load(found.yaml)
    (listener,) = document["listeners"].values()
    assert listener["proxy_protocol"] == ["10.0.0.0/8"]
    assert "trusted_proxies" not in listener
    assert "${client.ip}" in found.yaml
    assert kinds(found)["listen 80 proxy_protocol"] == "nearly"
    found = imported(stream(f"server {{ {inside} proxy_pass 127.0.0.1:26; }}"))
    (listener,) = yaml.safe_load(found.yaml)["listeners"].values()
    assert listener["proxy_protocol"] == ["10.0.0.0/8"]


@pytest.mark.parametrize("more", ["", "set_real_ip_from 10.0.0.0/8;", "real_ip_header proxy_protocol;"])
def test_whoever_is_not_named_is_not_believed(imported: Callable[..., Any], more: str) -> None:
    found = imported(http(f"server {{ listen 80 proxy_protocol; {more} return 204; }}"))
    (listener,) = yaml.safe_load(found.yaml)["listeners"].values()
    assert "proxy_protocol" not in listener
    assert kinds(found)["listen 80 proxy_protocol"] == "missing"


def test_telling(imported: Callable[..., Any]) -> None:
    found = imported(
        stream(
            "upstream s { server 127.0.0.1:26; }\n"
            "server { listen 25; proxy_pass s; proxy_protocol on; }\n"
            "server { listen 27; proxy_pass s; }\n"
            "server { listen 28; proxy_pass 127.0.0.1:29; proxy_protocol on; }\n"
            "server { listen 30; proxy_pass 127.0.0.1:29; proxy_protocol off; }\n"
        )
    )
    document = yaml.safe_load(found.yaml)
    told = {
        each["bind"]: document["upstreams"][each["to"]].get("proxy_protocol") for each in document["listeners"].values()
    }
    assert told == {"0.0.0.0:25": "v1", "0.0.0.0:27": None, "0.0.0.0:28": "v1", "0.0.0.0:30": None}
