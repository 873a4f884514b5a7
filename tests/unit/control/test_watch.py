"""The watcher, on real files: everything that editors and deployments do to a configuration."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glorieta.control.folders import folders_on_the_way
from glorieta.control.signatures import matches, signatures
from glorieta.control.watch import BACKSTOP_SECONDS, Watcher

Make = Callable[..., Watcher]


@pytest.fixture(params=["inotify", "polling"])
def watch(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes watchers of these files, as they are now; both ways of being told."""
    made: list[Watcher] = []

    def make(*files: Path, globs: tuple[str, ...] = ()) -> Watcher:
        known = signatures(str(file) for file in files)
        made.append(Watcher(known, time.monotonic(), matches(globs), use_inotify=request.param == "inotify"))
        assert (made[-1].fileno() is not None) == (request.param == "inotify")
        return made[-1]

    yield make
    for watcher in made:
        watcher.close()


def changed(watcher: Watcher, seconds: float = 2.5) -> bool:
    """Drives the watcher as the control loop does, until it reports a change or the time is over."""
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        if watcher.due(now) == 0.0 and watcher.look(now):
            return True
        wait = min(watcher.due(time.monotonic()), 0.5)
        descriptor = watcher.fileno()
        if descriptor is None:
            time.sleep(wait)
        elif select.select([descriptor], [], [], wait)[0]:
            watcher.next_look = 0.0
    return False


def replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.replace(path)


def test_nothing_is_reported_where_nothing_changes(watch: Make, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    watcher = watch(file)
    assert not changed(watcher, 0.8)
    file.read_text()
    (tmp_path / "another").write_text("not ours")
    assert not changed(watcher, 0.8)


def test_a_file_written_in_place_is_reported_once(watch: Make, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    watcher = watch(file)
    file.write_text("22")
    assert changed(watcher)
    assert not changed(watcher, 0.8)
    file.write_text("333")
    assert changed(watcher)


def test_a_file_renamed_over_another_is_reported(watch: Make, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    watcher = watch(file)
    for text in ("2", "3"):
        replace(file, text)
        assert changed(watcher), text


def test_every_file_of_the_set_counts(watch: Make, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.yaml", "b.key")]
    (tmp_path / "teams").mkdir()
    files.append(tmp_path / "teams" / "c.yaml")
    for file in files:
        file.write_text("1")
    watcher = watch(*files)
    for file in files:
        replace(file, "2")
        assert changed(watcher), file


def test_a_swapped_link_in_the_middle_of_the_path_is_reported(watch: Make, tmp_path: Path) -> None:
    """As Kubernetes mounts a ConfigMap: file → ..data/file, ..data → a folder that is exchanged."""
    for number in (1, 2, 3):
        (tmp_path / f"release-{number}").mkdir()
        (tmp_path / f"release-{number}" / "a.yaml").write_text(str(number))
    data, file = tmp_path / "..data", tmp_path / "a.yaml"
    data.symlink_to("release-1")
    file.symlink_to("..data/a.yaml")
    watcher = watch(file)
    for number in (2, 3):
        fresh = tmp_path / "fresh"
        fresh.symlink_to(f"release-{number}")
        fresh.replace(data)
        assert changed(watcher), number
        assert file.read_text() == str(number)


def test_a_link_to_a_whole_folder_elsewhere_is_followed(watch: Make, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "releases" / str(number)).mkdir(parents=True)
        (tmp_path / "releases" / str(number) / "a.yaml").write_text(str(number))
    (tmp_path / "srv").mkdir()
    current = tmp_path / "srv" / "current"
    current.symlink_to("../releases/1")
    watcher = watch(current / "a.yaml")
    fresh = tmp_path / "srv" / "fresh"
    fresh.symlink_to("../releases/2")
    fresh.replace(current)
    assert changed(watcher)
    (tmp_path / "releases" / "2" / "a.yaml").write_text("in place, behind the link")
    assert changed(watcher)


def test_a_file_that_is_gone_for_a_moment_is_reported_when_it_is_back(watch: Make, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    watcher = watch(file)
    file.unlink()
    assert not changed(watcher, 0.5)
    file.write_text("2")
    assert changed(watcher)
    assert watcher.known[str(file)] is not None


def test_a_file_that_stays_gone_is_reported(watch: Make, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    watcher = watch(file)
    file.unlink()
    assert changed(watcher, 4.0)


def test_a_file_whose_folder_appears_later_is_reported(watch: Make, tmp_path: Path) -> None:
    file = tmp_path / "late" / "deep" / "a.yaml"
    watcher = watch(file)
    assert not changed(watcher, 0.4)
    file.parent.mkdir(parents=True)
    file.write_text("1")
    assert changed(watcher)


def test_a_file_that_comes_to_match_a_pattern_is_reported(watch: Make, tmp_path: Path) -> None:
    file, teams = tmp_path / "glorieta.yaml", tmp_path / "teams"
    file.write_text("1")
    teams.mkdir()
    watcher = watch(file, globs=(f"{teams}/*.yaml",))
    (teams / "notes.txt").write_text("not ours")
    assert not changed(watcher, 0.5)
    replace(teams / "orders.yaml", "1")
    assert changed(watcher)
    assert watcher.changed == {f"{teams}/*.yaml"}
    assert not changed(watcher, 0.5)


def test_a_file_that_a_pattern_found_and_that_goes_is_reported(watch: Make, tmp_path: Path) -> None:
    team = tmp_path / "orders.yaml"
    team.write_text("1")
    watcher = watch(team, globs=(f"{tmp_path}/*.yaml",))
    team.unlink()
    assert changed(watcher, 4.0)


def test_folders_that_come_later_are_seen_by_a_pattern(watch: Make, tmp_path: Path) -> None:
    watcher = watch(globs=(f"{tmp_path}/teams/*/edge.yaml",))
    assert not changed(watcher, 0.4)
    (tmp_path / "teams").mkdir()
    assert not changed(watcher, 0.4)
    (tmp_path / "teams" / "orders").mkdir()
    assert not changed(watcher, 0.4)
    (tmp_path / "teams" / "orders" / "edge.yaml").write_text("1")
    assert changed(watcher)


def test_what_there_is_can_be_taken_as_known(watch: Make, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    watcher = watch(file, globs=(f"{tmp_path}/*.yaml",))
    replace(file, "2")
    (tmp_path / "b.yaml").write_text("1")
    watcher.settle()
    assert not changed(watcher, 0.5)
    replace(file, "3")
    assert changed(watcher)
    assert watcher.changed == {str(file)}


def test_it_stirs_until_it_rests(watch: Make, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    watcher = watch(file)
    replace(file, "2")
    now = time.monotonic()
    assert not watcher.look(now)
    assert watcher.is_stirring
    assert changed(watcher)
    assert not watcher.is_stirring


def test_a_burst_is_one_change(watch: Make, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.yaml" for number in range(5)]
    for file in files:
        file.write_text("1")
    watcher = watch(*files)
    for file in files:
        replace(file, "2")
        watcher.look(time.monotonic())
        time.sleep(0.03)
    assert changed(watcher)
    assert not changed(watcher, 0.8)


def test_what_changed_between_reading_and_watching_is_reported(watch: Make, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("1")
    before = signatures([str(file)])
    replace(file, "2")
    watcher = watch(file)
    watcher.watch(before, {})
    assert changed(watcher)


def test_while_files_never_rest_they_are_read_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("0")
    watcher = Watcher(signatures([str(file)]), 0.0, use_inotify=False)
    reported = []
    for step in range(60):
        now = 0.05 * step
        os.utime(file, ns=(step, step))
        if watcher.look(now):
            reported.append(now)
    assert reported
    assert 1.9 < reported[0] < 2.2


def test_with_inotify_an_idle_watcher_wakes_seldom(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("0")
    watcher = Watcher(signatures([str(file)]), 10.0)
    assert not watcher.look(10.0)
    assert watcher.due(10.0) == BACKSTOP_SECONDS
    watcher.close()


def test_every_folder_that_can_change_the_meaning_of_a_path_is_known(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "real").mkdir()
    (root / "real" / "a.yaml").write_text("")
    (root / "links").mkdir()
    (root / "links" / "one").symlink_to("../real")
    (root / "two").symlink_to("links/one/a.yaml")
    assert list(folders_on_the_way(str(root / "two"))) == [str(root), str(root / "links"), str(root / "real")]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert str(tmp_path.resolve()) in list(folders_on_the_way(str(tmp_path.resolve() / "a")))
