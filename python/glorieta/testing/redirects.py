"""Redirections that a test's client follows, as httpx does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from .asking import HOST, fields_of

if TYPE_CHECKING:
    from .response import TestResponse

    Request = tuple[str, str, dict[str, Any]]

MOST = 20
"""Redirections in a row, as in httpx."""
BODY = ("json", "data", "files", "content")


class TooManyRedirects(Exception):
    """One redirection led to the next, again and again."""


def redirected(method: str, url: str, what: dict[str, Any], response: TestResponse) -> Request | None:
    """The request that an answer sends the client to; none: it is no redirection, or leads to somebody else."""
    location = response.headers.get("location")
    if response.status_code not in (301, 302, 303, 307, 308) or location is None:
        return None
    target = urlsplit(urljoin(f"http://{HOST}{url}", location))
    if target.netloc != HOST:
        return None
    # The parameters stand in the URL that they were sent with, and not in the one that follows.
    left = {"params"}
    if method != "HEAD" and (response.status_code == 303 or (response.status_code < 303 and method == "POST")):
        method, left = "GET", {"params", *BODY}
    path = target.path or "/"
    return method, f"{path}?{target.query}" if target.query else path, without(what, left)


def without(what: dict[str, Any], left: set[str]) -> dict[str, Any]:
    """What is sent, without these parts; a body's type goes with it."""
    found = {name: value for name, value in what.items() if name not in left}
    if left & set(BODY) and found.get("headers"):
        found["headers"] = [field for field in fields_of(found["headers"]) if field[0] != "content-type"]
    return found
