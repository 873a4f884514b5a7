"""`split_clients` and `mirror`: splits and mirrors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

UPSTREAMS = "".join(
    f"upstream {name} {{ server 127.0.0.1:{port}; }}" for name, port in zip("abc", (1, 2, 3), strict=True)
)
COPY = "location = /copy { internal; proxy_pass http://c$request_uri; }"
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]


def split(source: str, lines: str) -> str:
    return f"{UPSTREAMS} split_clients {source} $v {{ {lines} }}"


@pytest.mark.parametrize(
    ("source", "lines", "shares", "by"),
    [
        ("$remote_addr", "10% a; * b;", {"a": 10, "b": 90}, "client.ip"),
        ('"${remote_addr}AAA"', "0.5% a; * b;", {"a": 50, "b": 9950}, "client.ip"),
        ("$http_x_user", "20% a; 30% b; * c;", {"a": 20, "b": 30, "c": 50}, "header.x-user"),
        ("$cookie_sid", "50% a; 50% b;", {"a": 50, "b": 50}, "cookie.sid"),
        ("$arg_t", "10% a; 20% b; * a;", {"a": 80, "b": 20}, "query.t"),
        ("$request_id", "33.33% a; * b;", {"a": 3333, "b": 6667}, "random"),
        ('"${http_user_agent}${remote_addr}"', "1% a; * b;", {"a": 1, "b": 99}, "header.user-agent"),
    ],
)
def test_split_clients(
    web: Callable[..., dict[str, Any]], source: str, lines: str, shares: dict[str, int], by: str
) -> None:
    found = web("location / { proxy_pass http://$v; proxy_set_header Host $host; }", before=split(source, lines))
    [target] = [found] if "split" in found else found["routes"].values()
    assert target["split"] == {"to": shares, "by": by}


def test_a_path_and_times_hold_for_all_of_them(web: Callable[..., dict[str, Any]]) -> None:
    inside = "location /s/ { proxy_pass http://$v/; proxy_read_timeout 5s; proxy_hide_header X-A; }"
    route = web(inside, before=split("$remote_addr", "10% a; * b;"))["routes"]["/s/*"]
    # With a variable NGINX takes the written path as it is.
    assert route["rewrite"].startswith("/") and "strip_prefix" not in route
    assert "remove" in str(route["filters"])


@pytest.mark.parametrize("lines", ["10% a;", "60% a; 60% b;", "x a; * b;"])
def test_shares_that_leave_a_rest_close_the_route(imported: Callable[..., Any], lines: str) -> None:
    found = imported(f"{split('$remote_addr', lines)} server {{ listen 80; location / {{ proxy_pass http://$v; }} }}")
    assert "respond: 503" in found.yaml
    assert [note.kind for note in found.notes if note.directive.startswith("proxy_pass")] == ["missing"]


def test_what_has_no_word_closes_the_route(imported: Callable[..., Any]) -> None:
    text = f"{split('$geoip_country', '10% a; * b;')} server {{ listen 80; location / {{ proxy_pass http://$v; }} }}"
    assert "respond: 503" in imported(text).yaml


def test_a_mirror(web: Callable[..., dict[str, Any]]) -> None:
    route = web(f"location /a/ {{ mirror /copy; proxy_pass http://a; }} {COPY}", before=UPSTREAMS)["routes"]["/a/*"]
    assert route["mirror"] == {"to": "c", "methods": METHODS, "max_body": "1MiB"}
    assert route["accept"] == {"mirrored-writes": "as NGINX does it"}


def test_a_mirror_of_the_server_holds_for_all_but_those_that_switch_it_off(
    web: Callable[..., dict[str, Any]],
) -> None:
    inside = f"mirror /copy; location /a/ {{ proxy_pass http://a; }} location /b/ {{ mirror off; proxy_pass http://b; }} {COPY}"
    routes = web(inside, before=UPSTREAMS)["routes"]
    assert routes["/a/*"]["mirror"]["to"] == "c"
    assert "mirror" not in routes["/b/*"]


def test_a_mirror_without_bodies_and_with_another_path_is_told(imported: Callable[..., Any]) -> None:
    inside = "location /a/ { mirror /copy; mirror_request_body off; proxy_pass http://a/; }"
    found = imported(f"{UPSTREAMS} server {{ listen 80; {inside} location = /copy {{ proxy_pass http://c/all; }} }}")
    said = {note.directive: note for note in found.notes}
    assert said["mirror /copy"].kind == said["mirror_request_body off"].kind == "nearly"
    assert "/all" in said["mirror /copy"].text


def test_copies_that_ask_nobody_or_go_to_two_places_have_no_twin(imported: Callable[..., Any]) -> None:
    inside = "location /a/ { mirror /copy; mirror /none; proxy_pass http://a; } location = /none { return 204; }"
    for more in ("location = /copy { return 204; }", COPY):
        found = imported(f"{UPSTREAMS} server {{ listen 80; {inside} {more} }}")
        assert [note.kind for note in found.notes if note.directive == "mirror /none"] == ["missing"]
