"""Writes the golden Plans anew: `python tests/contract/write_goldens.py`. The difference is for a person to read."""

from __future__ import annotations

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "plans"


def golden_text(configuration: Path) -> str:
    from glorieta.plan import build

    plan = build(configuration, secrets=False).plan
    return json.dumps(plan, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2] / "python"))
    for configuration in sorted(FOLDER.glob("*.yaml")):
        configuration.with_suffix(".json").write_text(golden_text(configuration), encoding="utf-8")
