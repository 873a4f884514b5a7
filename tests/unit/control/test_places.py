"""Where sockets are put and looked for."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from glorieta.control import places


def identity(*references: str) -> str:
    return places.identity(references, lambda reference: ":" in reference)


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's runtime folder; with a short name, because sockets' paths are short."""
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


def test_a_file_is_named_by_its_absolute_path_and_an_object_by_its_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert identity("a/../glorieta.yaml") == str(tmp_path / "glorieta.yaml")
    assert identity("shop.edge:edge") == f"{tmp_path}:shop.edge:edge"
    assert identity("teams/shop.py:edge") == f"{tmp_path}/teams/shop.py:edge"


def test_several_files_are_named_by_all_of_them_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert identity("base.yaml", "prod.yaml") == f"{tmp_path}/base.yaml + {tmp_path}/prod.yaml"
    assert identity("base.yaml", "prod.yaml") != identity("prod.yaml", "base.yaml")


def test_links_are_not_resolved_because_a_deployment_swaps_them(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("")
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    assert identity(str(tmp_path / "link.yaml")) != identity(str(tmp_path / "real.yaml"))


def test_the_folder_is_private(runtime: Path) -> None:
    sockets = places.own_sockets("/etc/glorieta.yaml")
    assert sockets is not None
    assert sockets.folder == runtime / "glorieta"
    assert sockets.folder.stat().st_mode & 0o777 == 0o700
    assert sockets.control != sockets.admin
    assert sockets.control.name != places.Sockets(sockets.folder, places.name_of("/other.yaml")).control.name


def test_systemds_folder_comes_first(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (runtime / "run").mkdir(mode=0o755)
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{runtime / 'run'}:/elsewhere")
    sockets = places.own_sockets("x")
    assert sockets is not None
    assert sockets.folder == runtime / "run"


def test_a_folder_that_others_may_write_to_is_not_used(runtime: Path) -> None:
    (runtime / "glorieta").mkdir()
    (runtime / "glorieta").chmod(0o777)
    sockets = places.own_sockets("x")
    assert sockets is None or sockets.folder != runtime / "glorieta"
    assert runtime / "glorieta" not in list(places.all_folders())


def test_a_folder_too_deep_for_a_sockets_path_is_not_used(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = runtime / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    sockets = places.own_sockets("x")
    assert sockets is None or not sockets.folder.is_relative_to(deep)


def test_what_is_opened_is_found_and_nothing_else(runtime: Path) -> None:
    sockets = places.own_sockets("/a.yaml")
    assert sockets is not None
    assert places.find_control("/a.yaml") == []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(sockets.control))
        assert places.find_control("/a.yaml") == [sockets.control]
        assert places.find_control("/b.yaml") == []
        assert sockets.control in places.every_control()
    os.unlink(sockets.control)
    sockets.control.write_text("no socket")
    assert places.find_control("/a.yaml") == []
