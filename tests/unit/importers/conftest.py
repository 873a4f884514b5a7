"""What the tests of importers share: a configuration in, its data out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from glorieta.importers import Imported, import_file
from glorieta.plan import compile as compile_plan

Import = Callable[..., Imported]


@pytest.fixture
def imported(tmp_path: Path) -> Import:
    """Imports a text; other files by name."""

    def run(text: str, *, whole_segments: bool = False, **files: str) -> Imported:
        for name, content in files.items():
            target = tmp_path / name.replace("__", "/").replace("_conf", ".conf")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
        main = tmp_path / "nginx.conf"
        main.write_text(text, encoding="utf-8")
        found = import_file(main, whole_segments=whole_segments)
        # Whatever is imported can be run, as far as Python can tell without another program's certificates.
        compile_plan(found.edge, secrets=False)
        return found

    return run


@pytest.fixture
def web(imported: Import) -> Callable[..., dict[str, Any]]:
    """The one listener of one server on port 80 with this inside."""

    def run(inside: str, *, before: str = "", **options: Any) -> dict[str, Any]:
        found = yaml.safe_load(imported(f"{before}\nserver {{ listen 80; {inside} }}", **options).yaml)
        return dict(found["listeners"]["web"])

    return run


@pytest.fixture
def data(imported: Import) -> Callable[..., dict[str, Any]]:
    """All of a configuration."""

    def run(text: str, **options: Any) -> dict[str, Any]:
        return dict(yaml.safe_load(imported(text, **options).yaml))

    return run
