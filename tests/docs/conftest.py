"""What all pages need before the first of them is played."""

from __future__ import annotations

import compileall
import re

import pytest

from .pages import CHECKOUT


@pytest.fixture(scope="session", autouse=True)
def compiled_package() -> None:
    """Commands of pages write no bytecode, so that a file that a page writes twice is read twice. Where ours is stale,
    each of their processes would compile the whole package again, which on a busy machine takes longer than a page
    waits for one to serve."""
    compileall.compile_dir(CHECKOUT / "python" / "glorieta", quiet=1, rx=re.compile("/examples/"))
