"""What a handler process says where the code is not what its Plan was made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from glorieta.config.errors import ConfigError
from glorieta.control.handlers.process import RELOAD, applications
from glorieta.handlers.locating import stamped

if TYPE_CHECKING:
    from pathlib import Path


def launch(*files: Path, **more: str) -> dict[str, Any]:
    return {"files": stamped(files), "applications": [], **more}


def told(about: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        applications(about, strict=True)
    return [f"{problem.where()}: {problem.text()}" for problem in refused.value.problems]


def test_every_file_that_has_changed_or_gone_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    same, changed, gone = (tmp_path / name for name in ("same.py", "changed.py", "gone.py"))
    for file in (same, changed, gone):
        file.write_text("a = 1\n")
    about = launch(same, changed, gone)
    assert applications(about, strict=True) == []
    changed.write_text("a = 2\n")
    gone.unlink()
    assert told(about) == [
        f"changed.py: has changed since the Plan was made of it; {RELOAD}",
        f"gone.py: is not there any more; {RELOAD}",
    ]
    assert told({**about, "fix": "put it back"})[0].endswith("; put it back")


def test_code_that_has_changed_is_better_than_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "shop.py"
    file.write_text("a = 1\n")
    about = launch(file)
    file.write_text("a = 2\n")
    assert applications(about, strict=False) == []
    assert "shop.py has changed since the Plan was made of it" in caplog.text
