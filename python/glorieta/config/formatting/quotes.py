"""Quotes that nobody needs: without them, every reader of YAML finds the same text.

Every reader, not only ours: `off`, `1.10` and `12:30` are texts for glorieta, and keep their quotes for the others.
"""

from __future__ import annotations

import re
from typing import Any

from yaml import ScalarNode
from yaml.resolver import Resolver

ORDINARY = re.compile(r"[\w/.](?:[\w/.@+*=~-]|:(?=[\w/])| (?=[\w/.@+*=~-]))*")
BRACES = str.maketrans("{}", "__")
"""Within a text braces mean something only where it stands in braces or brackets itself."""
WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
TEXT = "tag:yaml.org,2002:str"
RESOLVER: Any = Resolver()


def unquoted(text: str, value: str, *, in_braces: bool) -> str:
    """A quoted text as it is written, without its quotes if it may be."""
    return value if text[1:-1] == value and is_ordinary(value, in_braces=in_braces) else text


def is_ordinary(value: str, *, in_braces: bool) -> bool:
    plain = value if in_braces else value[:1] + value[1:].translate(BRACES)
    if not ORDINARY.fullmatch(plain) or value.startswith(("...", "---")) or value.lower() in WORDS:
        return False
    return not is_number(value) and RESOLVER.resolve(ScalarNode, value, (True, False)) == TEXT


def is_number(value: str) -> bool:
    for kind in (float, lambda text: int(text, 0)):
        try:
            kind(value)
        except ValueError:
            continue
        return True
    return False
