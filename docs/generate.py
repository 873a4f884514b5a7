"""Writes the generated pages of the documentation anew: `python docs/generate.py`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "python"))

from glorieta.config import reference_markdown  # noqa: E402
from glorieta.plan.confusions.table import confusions_markdown  # noqa: E402

PAGES = {"reference/configuration.md": reference_markdown, "reference/confusions.md": confusions_markdown}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (HERE / page).write_text(write(), encoding="utf-8")
        print(HERE / page)
