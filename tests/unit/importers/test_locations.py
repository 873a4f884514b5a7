"""NGINX's order of locations, and routes that win in the same order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Web = Callable[..., dict[str, Any]]
LOCATION = "location {} {{ return 204; }}"


def routes(web: Web, *locations: str, **options: Any) -> dict[str, Any]:
    inside = " ".join(f"location {each} {{ return 2{index:02}; }}" for index, each in enumerate(locations))
    found = web(inside, **options)
    made = {key: (route.get("respond"), route.get("priority", 0)) for key, route in found.get("routes", {}).items()}
    return {**made, **({"": (found["respond"], 0)} if "respond" in found else {})}


@pytest.mark.parametrize(
    ("locations", "expected"),
    [
        (("/",), {"": (200, 0)}),
        (("/", "= /a", "/b/"), {"/*": (200, 0), "/a": (201, 0), "/b/*": (202, 0), "/b": (200, 0)}),
        (("/", r"~ \.php$"), {"": (200, 0), r"~.*\.php": (201, 0)}),
        # An expression may take from the prefix, so the prefix comes after it.
        (("/a/", r"~ \.php$", "/"), {"~/a/.*": (200, 0), r"~.*\.php": (201, 1), "": (202, 0)}),
        # It cannot: the prefix stays one.
        (("/a/", "~ ^/b/x", "/"), {"/a/*": (200, 0), "/a": (202, 0), "~/b/x.*": (201, 0), "": (202, 0)}),
        # ^~ forbids expressions.
        (("^~ /a/", r"~ \.php$"), {"/a/*": (200, 0), "/a": (404, 0), r"~.*\.php": (201, 0)}),
        # Expressions in the order of the file.
        (("~ a", "~* b", "~ c"), {"~.*a.*": (200, 2), "~(?i).*b.*": (201, 1), "~.*c.*": (202, 0)}),
        # Longer prefixes first.
        (("/a", "/a/b", "/"), {"~/a.*": (200, 0), "~/a/b.*": (201, 1), "": (202, 0)}),
        # A prefix without its slash takes more than glorieta's.
        (("/", "^~ /a", "~ b"), {"": (200, 0), "~/a.*": (201, 1), "~.*b.*": (202, 0)}),
        (("/a b/", "/é"), {"/a%20b/*": (200, 0), "~/%C3%A9.*": (201, 0), "/a%20b": (404, 0)}),
    ],
)
def test_order(web: Web, locations: tuple[str, ...], expected: dict[str, Any]) -> None:
    quoted = tuple(f'"{each}"' if " " in each and each.startswith("/") else each for each in locations)
    assert routes(web, *quoted) == expected


def test_whole_segments_are_plain_prefixes(web: Web) -> None:
    assert routes(web, "/", "/a", whole_segments=True) == {"/*": (200, 0), "/a/*": (201, 0)}


def test_nested_locations(web: Web) -> None:
    found = web(r"location /a/ { return 201; location /a/b/ { return 202; } location ~ \.x$ { return 203; } } ")
    assert {key: route["respond"] for key, route in found["routes"].items()} == {
        "~/a/.*": 201,
        "~/a/b/.*": 202,
        r"~/a/.*\.x": 203,
    }
    priorities = {key: route.get("priority", 0) for key, route in found["routes"].items()}
    assert priorities[r"~/a/.*\.x"] > priorities["~/a/b/.*"] > priorities["~/a/.*"]


def test_nginx_adds_the_slash_before_an_upstream_only(web: Web) -> None:
    found = web("location /a/ { proxy_pass http://127.0.0.1:81; } location / { return 204; }")
    assert found["routes"]["/a"]["redirect"]["status"] == 301
    assert found["routes"]["/a"]["redirect"]["location"].startswith("/a/")
    found = web("location /a/ { root /srv; } location / { return 204; }")
    assert found["routes"]["/a"] == {"respond": 204}
    found = web("location /a/ { root /srv; } location / { root /srv; }")
    assert "/a" not in found["routes"]


def test_what_no_location_takes(web: Web, data: Callable[[str], dict[str, Any]]) -> None:
    assert "respond" not in web("location /a/ { return 204; }")
    assert web("root /srv; location /a/ { return 204; }")["routes"]["/*"] == {"files": "/srv"}
    # Another server's routes must not answer for this one's hosts.
    found = data(
        "server { listen 80; server_name a.example; location /a/ { return 204; } } server { listen 80 default; }"
    )
    assert found["groups"]["a.example"]["routes"]["/*"] == {"respond": 404}


def test_without_linear_time_a_location_is_left_out_aloud(imported: Callable[..., Any]) -> None:
    found = imported("server { listen 80; location ~ ^/(?!a) { return 200; } location / { return 204; } }")
    assert [note.directive for note in found.of("missing")] == ["location ~ ^/(?!a)"]
    assert "look-around" in found.of("missing")[0].text
