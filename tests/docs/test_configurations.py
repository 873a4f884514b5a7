"""Every configuration in the documents is checked by the command line, and served unless it says why not."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness import HttpUpstream, RawClient, TcpNamed, build, configuring
from harness.certificates import put_certificates
from harness.datagrams import UdpClient, UdpService, named
from harness.h2_upstream import H2Upstream
from harness.process import CHECKOUT

from .moving import Moved
from .pages import Block, blocks

if TYPE_CHECKING:
    from glorieta.plan import Plan

WHOLE = [block for block in blocks("yaml") if block.mark != "part" and not block.composed]
PARTS = [block for block in blocks("yaml") if block.mark == "part"]
EXAMPLES = sorted((CHECKOUT / "examples").glob("*/glorieta.yaml"))
BY_TLS = [path for path in EXAMPLES if "\n    tls:" in path.read_text()]
"""Their certificates are made by their READMEs, which are played."""


def must_be_refused(block: Block) -> bool:
    return "refused" in (block.mark, block.about.partition(", ")[2])


def only_checked(block: Block) -> bool:
    return "check" in (block.mark, block.about.partition(", ")[2])


def glorieta(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glorieta", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(CHECKOUT / "python")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("block", WHOLE, ids=lambda block: block.place)
def test_check_says_what_the_document_says(block: Block, tmp_path: Path) -> None:
    assert yaml.safe_load(block.text)["version"] == 1, "a whole configuration begins with its version"
    (tmp_path / "glorieta.yaml").write_text(block.text)
    put_certificates(tmp_path, block.text)
    # Files that a document names by absolute paths are not on this machine.
    checked = glorieta(tmp_path, "check", *(("--no-secrets",) if "/etc/tls/" in block.text else ()))
    if must_be_refused(block):
        assert checked.returncode == 2 and checked.stderr, checked
        return
    assert checked.returncode == 0, checked.stderr
    assert not checked.stderr, f"a document shows what glorieta warns of: {checked.stderr}"


@pytest.mark.parametrize("block", PARTS, ids=lambda block: block.place)
def test_a_part_is_right_where_it_belongs(block: Block, tmp_path: Path) -> None:
    frame = {
        "routes": configuring.routes,
        "listener": configuring.listener,
        "upstream": lambda text: f"version: 1\nlisteners: {{web: {{bind: ':8080', to: a}}}}\n{text}",
        "top": configuring.top,
    }[block.about]
    plan: Plan = configuring.compiled(frame(block.text), tmp_path)
    assert plan["listeners"]


SERVED = [block for block in WHOLE if not must_be_refused(block) and not only_checked(block)]


@pytest.mark.parametrize("block", SERVED, ids=lambda block: block.place)
def test_a_configuration_serves(block: Block, launch: Any, own_services: Any) -> None:
    serve(block.text, launch, own_services)


@pytest.mark.parametrize("path", BY_TLS, ids=lambda path: path.parent.name)
def test_an_example_by_tls_is_right_once_its_certificates_are_there(path: Path, tmp_path: Path) -> None:
    (tmp_path / "glorieta.yaml").write_text(path.read_text())
    assert glorieta(tmp_path, "check").returncode == 2
    put_certificates(tmp_path, path.read_text())
    checked = glorieta(tmp_path, "check", "--strict")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("path", [each for each in EXAMPLES if each not in BY_TLS], ids=lambda path: path.parent.name)
def test_an_example_serves(path: Path, launch: Any, own_services: Any) -> None:
    assert glorieta(path.parent, "check").returncode == 0
    text = re.sub(r"root: (\w+)", rf"root: {path.parent}/\1", path.read_text())
    serve(re.sub(r"handler: (?=\w+\.py:)", f"handler: {path.parent}/", text), launch, own_services)


def serve(text: str, launch: Any, services: Any) -> None:
    """Serves it with services behind it; every listener leads to one of them, or answers by itself."""
    moved = Moved()
    moved.notice(text)
    # The services stand at one address, whatever else this machine calls localhost.
    text = text.replace("localhost:", "127.0.0.1:")
    document = yaml.safe_load(moved.there(text))
    protocols = {name: listener.get("protocol", "http") for name, listener in document["listeners"].items()}
    tcp = {listener["to"] for listener in document["listeners"].values() if listener.get("protocol") == "tcp"}
    udp = {listener["to"] for listener in document["listeners"].values() if listener.get("protocol") == "udp"}
    for name, upstream in document.get("upstreams", {}).items():
        for port in local_ports(upstream):
            services.keep(TcpNamed(b"named", port=port) if name in tcp else service_of(upstream, port))
            if name in udp:
                services.keep(UdpService(named(b"named"), port=port))
    edge = launch.command(moved.there(text).replace("\nadmin:", "\nx-admin:"))
    for name, port in edge.ports.items():
        if protocols[name] == "udp":
            with UdpClient(port) as asking:
                assert asking.ask(b"who") == b"named"
            continue
        with RawClient(port) as client:
            if protocols[name] == "tcp":
                assert client.read_to_end() == b"named"
                continue
            answer = client.exchange(build("GET", path_to_ask(document["listeners"][name]), {"Host": "localhost"}))
            assert answer.status < 500, (answer, edge.stdout)


def service_of(upstream: dict[str, Any], port: int) -> HttpUpstream | H2Upstream:
    return H2Upstream(port=port) if upstream.get("version") == "h2" else HttpUpstream(port=port)


def local_ports(upstream: dict[str, Any]) -> list[int]:
    endpoints = upstream.get("endpoints", [])
    addresses = [
        each["address"] if isinstance(each, dict) else each
        for each in ([endpoints] if isinstance(endpoints, str) else endpoints)
    ]
    here = (address for address in addresses if address.startswith(("localhost:", "127.0.0.1:")))
    return [int(address.rpartition(":")[2]) for address in here]


def path_to_ask(listener: dict[str, Any]) -> str:
    """A path of its first plain route, or the root."""
    for key in listener.get("routes", {}):
        if key.startswith("/") and "{" not in key:
            return key.removesuffix("*") + "hello" if key.endswith("*") else key
    return "/"
