"""`make demo`, the README's first command: what it promises is true on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from harness.process import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glorieta", "demo", *options]
    paths = {**os.environ, "PYTHONPATH": str(CHECKOUT / "python"), **environment}
    return subprocess.run(command, cwd=folder, env=paths, capture_output=True, text=True, timeout=60, check=False)


def test_make_demo_calls_it() -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    dry = subprocess.run(
        ["make", "--dry-run", "demo"], cwd=CHECKOUT, env=kept, capture_output=True, text=True, timeout=60, check=False
    )
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.rstrip().endswith("glorieta demo")


def test_an_endpoint_dies_and_no_idempotent_request_fails(tmp_path: Path) -> None:
    """As the README says it: 300 requests a second, one of two equal services killed."""
    done = run(tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["passed"] and all(check["passed"] for check in result["checks"])
    assert result["idempotent_failures"] == []
    assert result["requests"] == 2400, "8 s at 300 requests/s"
    assert {each["method"] for each in result["cut"]} <= {"POST"}
    assert all(each["status"] == 502 for each in result["cut"])
    # Whether one was under way at that moment is chance; that all tries were counted is not.
    answered = sum(count for name, count in result["answers"].items() if name.startswith("service1"))
    assert result["upstream_outcomes"]["2xx"] >= answered > 0
    app, page, late = result["frontends"]
    assert (app["calls"], app["missing"]) == (["users", "orders"], None)
    assert (page["calls"], page["missing"]) == (["users", "orders", "recommendations"], None)
    assert (late["status"], late["missing"]) == (200, "recommendations;r=timeout")


def test_with_ci_it_ends_by_itself(tmp_path: Path) -> None:
    done = run(tmp_path, "--seconds", "2", CI="true")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "SIGKILL to service1-b",
        "Answers by instance",
        "POSTs cut after sending",
        "retries",
        "called users, orders\n",
        "ok     ",
    ):
        assert words in done.stdout
    assert "FAILED" not in done.stdout
