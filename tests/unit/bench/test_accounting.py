"""The kernel's texts are read right, and the clocks tell what a process did."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from bench import accounting

STAT = """\
cpu  300 2 60 900 5 3 7 40 0 0
cpu0 100 1 20 400 2 1 3 10 0 0
cpu1 200 1 40 500 3 2 4 30 0 0
intr 12345 0 1
"""
SNMP = """\
Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm RtoMin ActiveOpens PassiveOpens AttemptFails
Tcp: 1 200 77 88 3
"""
ROLLUP = """\
55d0-7fff ---p 00000000 00:00 0                          [rollup]
Rss:                1000 kB
Pss:                 750 kB
Pss_Dirty:           700 kB
"""

WORK = """\
import time
while time.process_time() < 0.1:
    pass
print(flush=True)
input()
"""


def test_the_time_of_one_core() -> None:
    time_of_core = accounting.parse_core_time(STAT, 1)
    assert time_of_core.busy == pytest.approx((200 + 1 + 40 + 2 + 4) / 100)
    assert time_of_core.stolen == pytest.approx(0.3)


def test_a_core_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="core 2"):
        accounting.parse_core_time(STAT, 2)


def test_accepted_connections_are_found_by_name() -> None:
    assert accounting.parse_passive_opens(SNMP) == 88


def test_memory_is_in_bytes() -> None:
    assert accounting.parse_rollup(ROLLUP) == accounting.Memory(1_024_000, 768_000)


def test_the_clock_of_another_process_counts_its_work_and_not_its_sleep() -> None:
    with subprocess.Popen([sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        worked = accounting.cpu_seconds((process.pid,))
        time.sleep(0.1)
        rested = accounting.cpu_seconds((process.pid,))
        process.communicate(b"\n")
    assert worked >= 0.1
    assert rested - worked < 0.05


def test_children_belong_to_the_tree() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 5 & wait"]) as shell:
        try:
            end = time.monotonic() + 5
            while len(accounting.tree(shell.pid)) < 2 and time.monotonic() < end:
                time.sleep(0.01)
            tree = accounting.tree(shell.pid)
            assert len(tree) == 2
            assert set(tree) <= set(accounting.tree(os.getpid()))
        finally:
            for pid in accounting.tree(shell.pid):
                os.kill(pid, 15)
