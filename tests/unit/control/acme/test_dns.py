"""The program that writes records: what it is told, and what becomes of its failures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from glorieta.control.acme.dns import run_command
from glorieta.control.acme.problems import OrderFailed
from glorieta.control.acme.proving import DnsProver
from harness.waiting import wait_until

if TYPE_CHECKING:
    from glorieta.plan.model.acme import DnsCommand


def settings(folder: Path, script: str, seconds: float = 10.0) -> DnsCommand:
    program = folder / "hook"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {"command": [str(program), "--zone", "shop.example"], "timeout_ms": int(seconds * 1000), "wait_ms": 0}


class Listening:
    """The line to the serving process."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def pause(self, seconds: float) -> None:
        """Nothing is waited for."""

    def say(self, event: str, text: str, **_: object) -> None:
        self.said.append(text)


def test_it_is_told_by_its_environment(tmp_path: Path) -> None:
    script = f'echo "$*|$ACME_ACTION|$ACME_DOMAIN|$ACME_RECORD|$ACME_VALUE|$PATH" > {tmp_path}/said'
    run_command(settings(tmp_path, script), "present", "*.shop.example", "a-value")
    wanted = "--zone shop.example|present|shop.example|_acme-challenge.shop.example|a-value"
    assert (tmp_path / "said").read_text() == f"{wanted}|{os.environ['PATH']}\n"


def test_a_value_is_no_shells_affair(tmp_path: Path) -> None:
    run_command(settings(tmp_path, f'printf %s "$ACME_VALUE" > {tmp_path}/said'), "present", "a.example", "$(id); `id`")
    assert (tmp_path / "said").read_text() == "$(id); `id`"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'no such zone'; echo sorry >&2; exit 3", "failed with exit code 3: no such zone sorry"),
        ("exit 1", "failed with exit code 1: it said nothing"),
        (r"printf 'a\033[31mb\n\nc'; exit 1", "exit code 1: a?[31mb c"),
        ("kill -9 $$", "failed with exit code -9"),
    ],
)
def test_what_it_says_is_told_when_it_fails(tmp_path: Path, script: str, said: str) -> None:
    with pytest.raises(OrderFailed) as failed:
        run_command(settings(tmp_path, script), "present", "a.example", "v")
    assert said in str(failed.value)
    assert "hook (present _acme-challenge.a.example)" in str(failed.value)


def test_one_that_takes_too_long_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    script = f"sleep 300 & echo $! > {tmp_path}/pid\nwait"
    with pytest.raises(OrderFailed, match="was not done after 1 s and was ended"):
        run_command(settings(tmp_path, script, 1.0), "present", "a.example", "v")
    pid = int((tmp_path / "pid").read_text())
    state = Path(f"/proc/{pid}/stat")
    wait_until(lambda: not state.exists() or state.read_text().split()[2] == "Z", what="its end")


def test_one_that_is_not_there(tmp_path: Path) -> None:
    missing: DnsCommand = {"command": [str(tmp_path / "none")], "timeout_ms": 1000, "wait_ms": 0}
    with pytest.raises(OrderFailed, match="cannot be run: No such file"):
        run_command(missing, "present", "a.example", "v")


def test_what_stays_in_dns_is_said_and_fails_no_order(tmp_path: Path) -> None:
    line = Listening()
    prover = DnsProver(settings(tmp_path, "[ $ACME_ACTION = present ]"), line)  # type: ignore[arg-type]
    with prover.proving("a.example", "token", "token.thumbprint"):
        prover.settle()
    assert line.said[0].startswith("a record stays in DNS: ")


def test_what_was_half_done_is_cleaned_up(tmp_path: Path) -> None:
    script = f"echo $ACME_ACTION >> {tmp_path}/said; [ $ACME_ACTION = cleanup ]"
    prover = DnsProver(settings(tmp_path, script), Listening())  # type: ignore[arg-type]
    with pytest.raises(OrderFailed), prover.proving("a.example", "token", "token.thumbprint"):
        pass
    assert (tmp_path / "said").read_text() == "present\ncleanup\n"
