"""Every case of h2spec, which knows RFC 9113 and RFC 7541 frame by frame. `tools/h2spec` builds it where Go is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from harness import Engine, Runner
from harness.certificates import Authority
from harness.plan import http, plan, respond, route, server_tls

if TYPE_CHECKING:
    from collections.abc import Sequence

BUILT = Path(__file__).parents[2] / "target" / "tools" / "h2spec"
CASES = 146
IN_CLEAR_HTTP_1 = "Sends invalid connection preface"
"""In clear, what is not the preface of HTTP/2 is a request of HTTP/1.1 that cannot be read, and is answered as one."""


@pytest.fixture(scope="module")
def h2spec() -> str:
    program = os.environ.get("H2SPEC") or shutil.which("h2spec") or (str(BUILT) if BUILT.exists() else None)
    if program is None:
        pytest.skip("h2spec is not there; where Go is installed, tools/h2spec builds it")
    return program


@pytest.fixture(scope="module")
def edge(start: Runner, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    certificate = Authority().leaf("localhost").write(tmp_path_factory.mktemp("certificates"), "localhost")
    # More than a window holds: a stream is still open when what is wrong with it arrives.
    routes = [route("/*", respond("x" * 200_000))]
    listeners = [
        http(routes, "clear"),
        http(routes, "only", versions=["h2"]),
        http(routes, "secure", tls=server_tls(certificate)),
    ]
    return start.engine(plan(listeners))


def run(program: str, edge: Engine, listener: str, *options: str) -> tuple[int, Sequence[str]]:
    """How many cases there were, and which failed."""
    report = edge.folder / f"{listener}.xml"
    command = [program, "-h", "127.0.0.1", "-p", str(edge.ports[listener]), "-j", str(report), "-o", "5", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert report.exists(), done.stdout + done.stderr
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = [each for each in cases if each.find("failure") is not None or each.find("error") is not None]
    return len(cases), [f"{each.get('package')}: {each.get('classname')}" for each in failed]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("listener", ["secure", "only", "clear"])
def test_every_case(edge: Engine, h2spec: str, listener: str) -> None:
    options = ["-t", "-k"] if listener == "secure" else []
    count, failed = run(h2spec, edge, listener, *options)
    assert count == CASES
    wanted = [each for each in failed if listener != "clear" or IN_CLEAR_HTTP_1 not in each]
    assert not wanted
