"""How this installation starts another process of its own."""

from __future__ import annotations

import os
import sys

THRIFTY = {"MALLOC_MMAP_THRESHOLD_": str(256 * 1024)}
"""For the serving process: what is large and short-lived, such as the text of a Plan, goes back to the system when it
is freed (mallopt(3)). By itself glibc would keep it from the second time on: 20 MB at ten thousand routes."""
PACKAGE_FOLDER = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def command(module: str, *arguments: str) -> list[str]:
    """This Python with a module of this package. `-P`: a `json.py` beside the configuration is not ours."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """The environment for `command`: where this package was found only because it is in the working folder
    (`python -m glorieta` in a checkout), `-P` would hide it, so it is named."""
    elsewhere = [folder for folder in sys.path if folder and os.path.abspath(folder) != os.getcwd()]
    if PACKAGE_FOLDER in elsewhere or os.getcwd() != PACKAGE_FOLDER:
        return dict(os.environ)
    known = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": PACKAGE_FOLDER + (os.pathsep + known if known else "")}
