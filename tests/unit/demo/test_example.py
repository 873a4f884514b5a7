"""The demo's copy of the example: what is read from it, and how it moves away from taken ports."""

import pytest

from glorieta.demo.example import Example, move_ports, port_of, read_example

TEXT = """\
version: 1
listeners:
  web:
    bind: ":8080"          # 8080 is the public one
    routes:
      /service1/*: {to: service1, strip_prefix: true}
upstreams:
  service1: {endpoints: [localhost:3001, localhost:3002], health: {path: /healthz}}
  service2: {endpoints: [{address: localhost:3003, weight: 2}]}
"""


def read(taken: set[int], text: str = TEXT) -> Example:
    numbers = iter(range(40000, 40100))
    return read_example(text, lambda port: port not in taken, lambda: next(numbers))


def test_an_example_on_free_ports_stays_as_it_is() -> None:
    example = read(set())
    assert example.text == TEXT
    assert (example.port, example.admin_port, example.moved) == (8080, 9900, {})
    assert example.services == {"service1": [3001, 3002], "service2": [3003]}


def test_taken_ports_move_and_nothing_else() -> None:
    example = read({8080, 3002})
    assert example.moved == {8080: 40000, 3002: 40001}
    assert 'bind: ":40000"          # 8080 is the public one' in example.text
    assert "[localhost:3001, localhost:40001]" in example.text
    assert (example.port, example.services["service1"]) == (40000, [3001, 40001])


def test_a_taken_admin_port_is_written_down() -> None:
    example = read({9900})
    assert example.admin_port == 40000
    assert 'admin: {address: "127.0.0.1:40000"}' in example.text


@pytest.mark.parametrize(
    ("admin", "port", "moved_text"),
    [
        ('admin: "127.0.0.1:9901"', 9901, 'admin: "127.0.0.1:40000"'),
        ('admin: ":9901"', 9901, 'admin: ":40000"'),
        ('admin: {address: "[::1]:9901"}', 9901, 'admin: {address: "[::1]:40000"}'),
        ("admin: {hosts: [admin.example]}", 9900, "admin: {hosts: [admin.example]}"),
        ("admin: unix:/run/admin.sock", 9900, "admin: unix:/run/admin.sock"),
        ("admin: off", 9900, "admin: off"),
    ],
)
def test_an_admin_address_is_read_in_every_form(admin: str, port: int, moved_text: str) -> None:
    text = f"{TEXT}{admin}\n"
    assert read(set(), text).admin_port == port
    moved = read({port}, text)
    assert (moved.admin_port, moved.text.count("admin:")) == (40000, 1)
    assert moved_text in moved.text


def test_a_port_moves_once_even_onto_another() -> None:
    assert move_ports("a:1 b:2 c:12", {1: 2, 2: 1}) == "a:2 b:1 c:12"


@pytest.mark.parametrize(
    ("address", "port"), [(":8080", 8080), (["127.0.0.1:1", ":2"], 1), ({"address": "[::1]:7"}, 7)]
)
def test_ports_of_every_written_form(address: object, port: int) -> None:
    assert port_of(address) == port
