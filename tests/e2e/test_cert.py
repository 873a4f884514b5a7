"""`glorieta cert` as a person uses it: what it makes is believed by curl, and by nobody who was not told."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.process import CHECKOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.tool("curl", "curl")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT / "python"), "HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-m", "glorieta", "cert", *arguments],
        cwd=home,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def curl(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["curl", "-sS", "--max-time", "10", *arguments], cwd=home, capture_output=True, text=True, check=False
    )


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "6")
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def served(home: Path) -> Iterator[int]:
    """A server of Python's with a certificate of `glorieta cert`, which asks clients for theirs."""
    assert run(home, "make", "localhost", "127.0.0.1").returncode == 0
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(home / "localhost.crt", home / "localhost.key")
    context.load_verify_locations(home / ".local/share/glorieta/authority/ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hello)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_curl_believes_what_the_authority_signed(home: Path, served: int) -> None:
    authority = ".local/share/glorieta/authority/ca.crt"
    for host in ("localhost", "127.0.0.1"):
        asked = curl(home, "--cacert", authority, f"https://{host}:{served}/")
        assert asked.stdout == "hello\n", asked.stderr


def test_nobody_believes_it_who_was_not_told(home: Path, served: int) -> None:
    asked = curl(home, f"https://localhost:{served}/")
    assert asked.returncode == 60, asked
    assert "certificate" in asked.stderr


def test_it_is_not_good_for_another_name(home: Path, served: int) -> None:
    authority = ".local/share/glorieta/authority/ca.crt"
    resolved = ("--resolve", f"shop.example:{served}:127.0.0.1")
    asked = curl(home, "--cacert", authority, *resolved, f"https://shop.example:{served}/")
    assert asked.returncode == 60, asked


def test_a_clients_certificate_is_taken(home: Path, served: int) -> None:
    assert run(home, "make", "--client", "alice").returncode == 0
    shown = ("--cert", "alice.crt", "--key", "alice.key")
    asked = curl(home, "--cacert", ".local/share/glorieta/authority/ca.crt", *shown, f"https://localhost:{served}/")
    assert asked.stdout == "hello\n", asked.stderr


def test_make_says_what_it_made_and_never_overwrites(home: Path) -> None:
    first = run(home, "make", "localhost", "--json")
    document = json.loads(first.stdout)
    assert (document["certificate"], document["key"], document["names"]) == (
        "localhost.crt",
        "localhost.key",
        ["localhost"],
    )
    before = (home / "localhost.key").read_bytes()
    second = run(home, "make", "localhost")
    assert second.returncode == 2
    assert "localhost.key is there, and nothing is overwritten" in second.stderr
    assert (home / "localhost.key").read_bytes() == before


def test_show_says_names_and_days(home: Path) -> None:
    run(home, "make", "localhost")
    shown = run(home, "show", "localhost.crt")
    assert shown.returncode == 0
    assert "names      localhost\nvalid      396 days left" in shown.stdout
    document = json.loads(run(home, "show", "localhost.crt", "--json").stdout)
    assert document["certificates"][0]["days_left"] == 396
    assert document["certificates"][0]["key"] == "ECDSA P-256"
    assert run(home, "show", "nothing.crt").returncode == 1
    swapped = run(home, "show", "localhost.key")
    assert swapped.returncode == 2
    assert "holds a private key, and no certificate" in swapped.stderr


def test_trust_says_first_and_does_nothing_unasked(home: Path) -> None:
    nothing = run(home, "trust", "--print")
    assert nothing.returncode == 2
    assert "make a certificate first" in nothing.stderr
    run(home, "make", "localhost")
    printed = run(home, "trust", "--print")
    assert printed.returncode == 0
    unasked = run(home, "trust")
    assert unasked.returncode in (1, 2), "nobody is there to be asked"
    assert unasked.stdout == printed.stdout
    assert not Path("/usr/local/share/ca-certificates/glorieta-local.crt").exists()
