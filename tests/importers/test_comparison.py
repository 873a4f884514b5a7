"""The comparison itself: it notices wrong imports, and the commands do what the tests of answers do without them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness import Runner
from harness.process import CHECKOUT

from .checking import compare
from .corpus import read_case
from .pair import Pair
from .samples import samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .twin import Twin

WRONG = [
    ("two-services", "strip_prefix: true", "strip_prefix: false", "target"),
    ("two-services", "/service5/*: {to: service5", "/service5/*: {to: service6", "reached"),
    ("virtual-hosts", 'match: "*.two.example"', 'match: "*.five.example"', "status"),
    ("redirects", "status: 301", "status: 302", "status"),
    ("redirects", "https://away.example/", "https://away.example/x", "location"),
    ("location-kinds", "documents\\n", "Documents\\n", "body"),
    ("methods-and-access", "max_body: 1KiB", "max_body: 1025B", "status"),
    ("forwarded-headers", "X-Own: own}", "X-Own: other}", "request x-own"),
    ("single-app", "X-Real-IP: ", "X-Real-Address: ", "request x-real-ip"),
]
"""Configuration, what is changed in its YAML, into what, and in what the difference must show."""


@pytest.mark.parametrize(("name", "old", "new", "what"), WRONG, ids=[f"{each[0]}-{each[3]}" for each in WRONG])
@pytest.mark.tool("nginx", "nginx libnginx-mod-stream")
@pytest.mark.timeout(60)
def test_a_wrong_import_is_noticed(name: str, old: str, new: str, what: str, launch: Runner, tmp_path: Path) -> None:
    def serve(twin: Twin, runner: Runner) -> None:
        text = twin.file.read_text(encoding="utf-8")
        assert old in text, text
        twin.file.write_text(text.replace(old, new, 1), encoding="utf-8")
        runner.engine(twin.plan())

    differs = wrong(name, tmp_path, launch, serve)
    assert any(f"    {what}: " in each for each in differs), differs


@pytest.mark.parametrize("name", ["two-services", "single-page-application"])
@pytest.mark.tool("nginx", "nginx libnginx-mod-stream")
@pytest.mark.timeout(60)
def test_with_the_commands_of_a_person(name: str, launch: Runner, tmp_path: Path) -> None:
    """`glorieta import FILE -o glorieta.yaml`, then `glorieta run`."""

    def serve(twin: Twin, runner: Runner) -> None:
        output = tmp_path / "imported.yaml"
        command = [sys.executable, "-m", "glorieta", "import", str(twin.entry), "-o", str(output)]
        environment = {"PYTHONPATH": str(CHECKOUT / "python"), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        assert output.read_text(encoding="utf-8") == twin.imported.yaml
        runner.command(twin.imported.yaml)

    assert not wrong(name, tmp_path, launch, serve)


def wrong(name: str, folder: Path, runner: Runner, serve: Callable[[Twin, Runner], None]) -> list[str]:
    """The differences that nothing allows."""
    pair = Pair(read_case(name), folder, runner, serve)
    try:
        return compare(pair).wrong
    finally:
        pair.stop()


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (r"\.php$", ["/.php"]),
        (r"^/item/(?<id>[0-9]+)$", ["/item/7", "/item/11"]),
        (r"^/users/(\w+)/profile$", ["/users/a/profile", "/users/77/profile"]),
        (r"\.(gif|jpg)$", ["/.gif", "/.jpg"]),
        (r"^/(?:a|b)(?:$|/)", ["/a", "/b/"]),
        ("[", []),
    ],
)
def test_paths_are_made_of_expressions(expression: str, found: list[str]) -> None:
    assert samples(expression) == found
