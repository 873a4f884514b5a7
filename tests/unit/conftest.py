"""What every unit test shares: code that one has written and imported is forgotten before the next."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@pytest.fixture(autouse=True)
def forgotten_imports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Python keeps one module of a name, and a folder that it looks in. Configurations name both: without this, the
    `shop` of one test would be that of all others."""
    before = list(sys.path)
    yield
    if sys.path == before:
        return
    sys.path[:] = before
    folder = str(tmp_path_factory.getbasetemp())
    for name in [name for name, module in sys.modules.items() if place_of(module).startswith(folder)]:
        del sys.modules[name]


def place_of(module: ModuleType) -> str:
    """The file of a module, or the folder of one that is nothing but a folder."""
    file: str | None = getattr(module, "__file__", None)
    return file or next(iter(getattr(module, "__path__", ())), "")
