"""Addresses: where to listen, where to connect to, and networks."""

from __future__ import annotations

import pytest

from glorieta.config.address import check_bind, check_endpoint, check_network, full_bind, is_literal
from glorieta.config.errors import Wrong


def refusal(check: object, text: str) -> str:
    assert callable(check)
    with pytest.raises(Wrong) as caught:
        check(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        (":8080", "*:8080"),
        ("*:0", "*:0"),
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("localhost:80", "localhost:80"),
        ("[::1]:80", "[::1]:80"),
        ("unix:/run/a.sock", "unix:/run/a.sock"),
        ("unix:a.sock", "unix:a.sock"),
        ("systemd:web", "systemd:web"),
        ("systemd:0", "systemd:0"),
    ],
)
def test_every_form_of_bind_is_read(text: str, full: str) -> None:
    assert full_bind(check_bind(text)) == full


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8080", '"8080" is only a port; write ":8080" for every address, or 127.0.0.1:8080'),
        (":80, [::1]:81", '":80, [::1]:81" is several addresses; write a list: [":80", "[::1]:81"]'),
        ("localhost", '"localhost" has no port; write localhost:8080'),
        ("127.0.0.1:", '"127.0.0.1:" has no port; write 127.0.0.1:8080'),
        ("[::1]", '"[::1]" has no port; write [::1]:8080'),
        ("::1", '"::1": an IPv6 address needs brackets; write "[::1]:80"'),
        ("::1:443", '"::1:443": an IPv6 address needs brackets; write "[::1]:443"'),
        ("fe80::1", '"fe80::1": an IPv6 address needs brackets; write "[fe80::1]:80"'),
        ("a:65536", '"a:65536": "65536" is no port; ports are 0 to 65535'),
        ("a:http", '"a:http": "http" is no port; ports are 0 to 65535'),
        ("[::g]:80", '"[::g]:80": "[::g]" is no IPv6 address'),
        ("1.2.3.400:80", '"1.2.3.400:80": "1.2.3.400" is no IPv4 address'),
        ("a b:80", '"a b:80": "a b" is no host name'),
        ("http://x:80", '"http://x:80" is a URL; write an address, such as :8080'),
        ("unix:", "a path is missing after unix:; write unix:/run/app.sock"),
        ("systemd:", "a name or an index is missing after systemd:; write systemd:web, as FileDescriptorName= says"),
        ("unix:/" + "x" * 107, "the path of a Unix socket is longer than 107 bytes"),
    ],
)
def test_what_is_no_bind_says_what_to_write(text: str, expected: str) -> None:
    assert refusal(check_bind, text) == expected


@pytest.mark.parametrize(
    "text", ["10.0.0.1:80", "[2001:db8::1]:80", "orders.internal:8000", "a_b:1", "unix:/run/a.sock"]
)
def test_every_form_of_endpoint_is_read(text: str) -> None:
    assert check_endpoint(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a", "https://a:443"),
        ("https://a:8443/", "https://a:8443"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]:443"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://10.0.0.1", "https://10.0.0.1:443"),
    ],
)
def test_endpoints_by_tls_have_their_port(text: str, expected: str) -> None:
    assert check_endpoint(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost", '"localhost" has no port; write localhost:80'),
        (":3000", '":3000" is only a port; write localhost:3000'),
        ("3000", '"3000" is only a port; write localhost:3000'),
        ("https://", '"https://" names no host; write https://HOST:PORT; for a socket write unix:PATH, and tls: on'),
        ("https://a:1/x", '"a:1/x" has a path; write a:1 here, and rewrite: in the route'),
        ("https://u:p@a:1", "has a user in it, and endpoints know none; write https://HOST:PORT, and set the header"),
        ("http://a:1/x", '"http://a:1/x" is a URL; write a:1'),
        ("http://a", '"http://a" is a URL; write a:80'),
        ("a:1/x", '"a:1/x" has a path; write a:1 here, and rewrite: in the route'),
        ("0.0.0.0:80", '"0.0.0.0:80" is no place to connect to; write 127.0.0.1:80, or the service\'s address'),
        ("a:0", '"a:0": "0" is no port; ports are 1 to 65535'),
        ("-a:80", "a blank is missing after the dash; write - a:80"),
    ],
)
def test_what_is_no_endpoint_says_what_to_write(text: str, expected: str) -> None:
    assert refusal(check_endpoint, text) == expected


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.0.0.1", "::1", "fd00::/8", "0.0.0.0/0"])
def test_networks_are_read(text: str) -> None:
    assert check_network(text) == text


def test_a_network_has_no_bits_right_of_its_prefix() -> None:
    assert refusal(check_network, "10.0.0.1/8").endswith("write 10.0.0.0/8 or 10.0.0.1")
    assert refusal(check_network, "10.0.0.0/33").endswith("write 10.0.0.0/8 or 192.0.2.7")


@pytest.mark.parametrize(
    ("address", "literal"),
    [("10.0.0.1:80", True), ("[::1]:80", True), ("unix:/a", True), ("localhost:1", True), ("a.internal:1", False)],
)
def test_names_may_mean_several_addresses(address: str, literal: bool) -> None:
    assert is_literal(address) is literal
