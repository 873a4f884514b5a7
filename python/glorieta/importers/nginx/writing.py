"""The YAML as a person would write it: short forms, one line where it fits, comments where they belong."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ..note import Note, summary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .result import Path, Result

WIDTH = 116
PLAIN = re.compile(r"[A-Za-z/.$_][A-Za-z0-9/._$(){}?=+;,*<>^&%@~|\\:-]*(?: [A-Za-z0-9/._$()<>=+;%@~|\\:-]+)*")
INSIDE_FLOW = re.compile(r"[\[\]{},?]")
WORDS = {"true", "false", "null", "yes", "no", "y", "n"}
NUMBER = re.compile(r"[-+.]?[0-9][0-9_.eExXoO]*")
ALWAYS_BLOCK = {("listeners",), ("groups",), ("upstreams",)}
COMMENT_WIDTH = 110


def write(result: Result, notes: list[Note], source: str) -> str:
    lines = [*header(notes, source), *Writer(result).block(shortened(result.data()), (), 0)]
    return "\n".join(lines) + "\n"


def header(notes: Iterable[Note], source: str) -> Iterator[str]:
    """What was read, what became of it, and what a reader must know."""
    notes = list(notes)
    yield f"# From {source}, an NGINX configuration ({summary(notes)})."
    for kind, title in (("missing", "Without a twin:"), ("nearly", "Not the same in every respect:")):
        chosen = list(dict.fromkeys(note.line() for note in notes if note.kind == kind))
        if chosen:
            yield "#"
            yield f"# {title}"
            for line in chosen:
                yield from wrapped(line, "#   ", "#       ")


def wrapped(text: str, first: str, others: str) -> Iterator[str]:
    line = first
    for word in text.replace("\n", " ").split(" "):
        if len(line) + len(word) > COMMENT_WIDTH and line.strip("# "):
            yield line.rstrip()
            line = others
        line += f"{word} "
    yield line.rstrip()


def shortened(data: dict[str, Any]) -> dict[str, Any]:
    """Routes that only lead to an upstream are its name."""
    for section in ("listeners", "groups"):
        for container in data.get(section, {}).values():
            routes = container.get("routes", {})
            for key, route in routes.items():
                if list(route) == ["to"]:
                    routes[key] = route["to"]
    return data


class Writer:
    """Writes mappings in lines."""

    def __init__(self, result: Result) -> None:
        self.remarks = result.remarks

    def block(self, value: dict[str, Any], path: Path, indent: int) -> Iterator[str]:
        for key, item in value.items():
            inner = (*path, key)
            for remark in dict.fromkeys(self.remarks.get(inner, ())):
                yield from wrapped(remark, f"{' ' * indent}# ", f"{' ' * indent}#   ")
            name = scalar(key, flow=False)
            start = f"{' ' * indent}{name}:"
            short = f"{start} {flow(item)}"
            if isinstance(item, dict) and item and (len(short) > WIDTH or self.is_block(inner)):
                yield start
                yield from self.block(item, inner, indent + 2)
            elif isinstance(item, list) and len(short) > WIDTH:
                yield start
                yield from (f"{' ' * (indent + 2)}- {flow(each, inside=False)}" for each in item)
            else:
                yield short if isinstance(item, dict | list) else f"{start} {scalar(item, flow=False)}"

    def is_block(self, path: Path) -> bool:
        if path in ALWAYS_BLOCK or path[-1] == "routes":
            return True
        if len(path) == 2 and path[0] in ("listeners", "groups"):
            return True
        return any(each[: len(path)] == path and len(each) > len(path) for each in self.remarks)


def flow(value: Any, *, inside: bool = True) -> str:
    """In one line."""
    if isinstance(value, dict):
        pairs = (f"{scalar(key, flow=True)}: {flow(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(flow(each) for each in value)}]"
    return scalar(value, flow=inside)


def scalar(value: Any, *, flow: bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    plain = PLAIN.fullmatch(text) is not None and text.lower() not in WORDS and not text.endswith(":")
    if re.fullmatch(r"\d[\w.:/-]*", text) and not NUMBER.fullmatch(text) and not text.endswith(":"):
        plain = True
    if ": " in text or " #" in text or (flow and INSIDE_FLOW.search(text)):
        plain = False
    if plain and text:
        return text
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)
