"""What counts as changed: files, what patterns find, and what was written while it was read."""

from __future__ import annotations

import os
import time
from pathlib import Path

from glorieta.control.signatures import (
    CHANGED_MEANWHILE,
    matches,
    signature,
    signatures,
    signatures_since,
)

LONG_AGO = 3_600_000_000_000


def test_a_file_that_rested_while_it_was_read_has_its_signature(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    time.sleep(0.05)
    began = time.time_ns()
    assert signatures_since(began, [str(file)]) == {str(file): signature(str(file))}


def test_a_file_that_was_written_while_it_was_read_counts_as_changed(tmp_path: Path) -> None:
    """What was read may be either; without this the newer content would never be applied."""
    file = tmp_path / "a.yaml"
    file.write_text("1")
    time.sleep(0.05)
    began = time.time_ns()
    file.write_text("2")
    found = signatures_since(began, [str(file)])
    assert found == {str(file): CHANGED_MEANWHILE}
    assert found != signatures([str(file)])


def test_a_file_that_went_while_it_was_read_counts_as_changed(tmp_path: Path) -> None:
    file, never = tmp_path / "a.yaml", tmp_path / "quiet" / "never"
    never.parent.mkdir()
    file.write_text("1")
    time.sleep(0.05)
    began = time.time_ns()
    file.unlink()
    assert signatures_since(began, [str(file), str(never)]) == {str(file): CHANGED_MEANWHILE, str(never): None}


def test_a_clock_that_was_set_back_makes_nothing_change_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    facts = os.stat(file)
    assert signatures_since(facts.st_ctime_ns - LONG_AGO, [str(file)])[str(file)] == CHANGED_MEANWHILE
    assert signatures_since(facts.st_ctime_ns + LONG_AGO, [str(file)])[str(file)] == signature(str(file))


def test_what_a_pattern_finds_is_sorted_and_follows_folders(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml", "c.txt", "deep/d.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    flat, deep = f"{tmp_path}/*.yaml", f"{tmp_path}/**/*.yaml"
    assert matches([flat, deep]) == {
        flat: [f"{tmp_path}/a.yaml", f"{tmp_path}/b.yaml"],
        deep: [f"{tmp_path}/{name}" for name in ("a.yaml", "b.yaml", "deep/d.yaml")],
    }
