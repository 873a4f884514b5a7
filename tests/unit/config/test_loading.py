"""Files: read as text, or refused with a reason; everything that was read is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from glorieta.config import ConfigError, load, reading

GOOD = "version: 1\nlisteners: {web: {bind: ':80', respond: '${file:note}'}}\n"


def refused(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(path)
    return caught.value


def test_a_file_and_what_it_reads_are_known(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("hello\n")
    path = tmp_path / "glorieta.yaml"
    path.write_text(GOOD, encoding="utf-8-sig")
    loaded = load(path)
    assert loaded.files == (path, tmp_path / "note")
    assert loaded.edge.listeners["web"].respond is not None
    assert loaded.edge.listeners["web"].respond.body == f"${{file:{tmp_path}/note}}", "the Plan holds no content"
    assert str(loaded.places.find(("listeners", "web", "bind"))) == f"{path}:2:25"


def test_a_broken_file_is_known_too(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("hello")
    path = tmp_path / "glorieta.yaml"
    path.write_text(GOOD + "oops: 1\n")
    assert refused(path).files == (path, tmp_path / "note")
    assert refused(tmp_path / "none.yaml").files == (tmp_path / "none.yaml",)


def test_what_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(refused(tmp_path)).startswith(f"{tmp_path} is a folder; name a file, such as glorieta.yaml")
    path = tmp_path / "latin.yaml"
    path.write_bytes("version: 1\nlog: stdout # fünf\n".encode("latin-1"))
    assert str(refused(path)).startswith(f"{path}:2:16 is not UTF-8 text; save the file as UTF-8")
    monkeypatch.setattr(reading, "LARGEST_TEXT", 1024 * 1024)
    path.write_bytes(b"#" * (1024 * 1024 + 1))
    assert str(refused(path)).startswith(f"{path} is larger than 1 MiB")


def test_a_relative_name_stays_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("conf.yaml").write_text("version: 1\nx: 1\n")
    error = refused(Path("conf.yaml"))
    assert str(error).startswith('conf.yaml:2:1 unknown key "x"')
    assert error.files == (tmp_path / "conf.yaml",)
