"""`admit`: which hosts and paths of a listener a team may take."""

from __future__ import annotations

from typing import Annotated, Any

from .base import TEXT, Shorthand, as_list, checked_text
from .errors import Wrong
from .match import check_host, check_path, expand_match


def check_admitted(text: str) -> str:
    """`shop.example/orders/*`, `shop.example` or `/orders/*`, in the form in which it is compared."""
    host, path = read_admitted(text)
    if path.startswith("~"):
        raise Wrong(f'"{text}": what lies within an expression cannot be told', "write a path that ends in /*")
    return f"{host}{path}"


def read_admitted(text: str) -> tuple[str, str]:
    """Host and path; `*` and `/*` for every one."""
    parts: Any = expand_match(text.strip())
    if not parts:
        raise Wrong("is empty", "write HOST/PATH, or * for all")
    return check_host(parts.get("host", "*")), check_path(parts.get("path", "/*"))


def written_admitted(text: str) -> str:
    """The shortest form."""
    host, path = read_admitted(text)
    if path == "/*":
        return host
    return path if host == "*" else f"{host}{path}"


Admitted = Annotated[list[Annotated[str, checked_text(check_admitted)]], Shorthand(as_list, (TEXT,))]
