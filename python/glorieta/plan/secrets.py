"""Which files a Plan refers to without holding what they say: the engine reads them each time it is applied."""

from __future__ import annotations

import json
import re

REFERENCE = re.compile(r'(?<!\$)(?:\$\$)*\$\{file:((?:[^}"\\]|\\.)+)\}')
"""`${file:PATH}` in a Plan's text; `$$` is a dollar."""


def secret_files(text: str) -> list[str]:
    """Their absolute paths, each once, from a Plan's text."""
    if "${file:" not in text:
        return []
    return sorted({json.loads(f'"{path}"') for path in REFERENCE.findall(text)})
