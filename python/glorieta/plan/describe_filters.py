"""Filters in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..config.units import format_size

if TYPE_CHECKING:
    from .model import Filter


def filter_text(each: Filter) -> str:
    kind, value = next(iter(each.items()))
    if kind == "addresses":
        words = [f"{word} {', '.join(value[word])}" for word in ("allow", "deny") if value[word]]
        return "; ".join(words)
    if kind == "max_body":
        return f"max_body {format_size(value['bytes'])}"
    if kind == "grpc_web":
        return "grpc_web"
    if kind == "compress":
        cautious = "" if value["credentials"] else ", not with credentials"
        return f"compress ({', '.join(value['algorithms'])} from {format_size(value['min_bytes'])}{cautious})"
    if kind == "decompress":
        bounds = f"up to {format_size(value['max_bytes'])}, {value['ratio']} times the length"
        return f"decompress ({', '.join(value['algorithms'])}; {bounds})"
    changed = [f"{direction} {', '.join(header_names(changes))}" for direction, changes in value.items()]
    return f"headers ({'; '.join(text for text in changed if not text.endswith(' '))})"


def header_names(changes: dict[str, list[Any]]) -> list[str]:
    """The headers that are changed, each once."""
    names = [*changes["remove"], *(name for kind in ("set", "add") for name, _ in changes[kind])]
    return list(dict.fromkeys(names))
