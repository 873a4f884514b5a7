"""Differences of the language that docs/guides/from-nginx.md names: each with the reason under which it is counted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .comparing import Comparison, Difference

UNRESERVED = re.compile(r"%([0-9A-Fa-f]{2})")
PLAIN = re.compile(r"[A-Za-z0-9\-._~]")
ENCODED_SLASH = re.compile("%2f", re.IGNORECASE)
FOLDER_MET = {(404, 405), (403, 405), (301, 405), (405, 404)}
"""Statuses of NGINX and of glorieta where nothing is there for a method that files do not have."""


def documented(difference: Difference, comparison: Comparison) -> str | None:
    """Why a difference is one of the language; none, if it is not."""
    return next((reason for reason, holds in REASONS.items() if holds(difference, comparison)), None)


def encoded_slash(_: Difference, comparison: Comparison) -> bool:
    return bool(ENCODED_SLASH.search(comparison.asked.path.partition("?")[0]))


def tidied(difference: Difference, _: Comparison) -> bool:
    return says_path(difference) and same(difference, tidy)


def double_slash(difference: Difference, comparison: Comparison) -> bool:
    return "//" in comparison.asked.path and says_path(difference) and same(difference, merged)


def empty_query(difference: Difference, comparison: Comparison) -> bool:
    return (
        comparison.asked.path.endswith("?")
        and difference.what == "target"
        and same(difference, lambda each: each.rstrip("?"))
    )


def claimed(difference: Difference, comparison: Comparison) -> bool:
    return (
        difference.what == "request x-real-ip"
        and comparison.asked.header("X-Real-IP") is not None
        and not difference.glorieta
    )


def upgraded(difference: Difference, comparison: Comparison) -> bool:
    if difference.what == "status":
        asked = comparison.asked.header("Upgrade") is not None and comparison.nginx.reached != []
        return asked and (difference.nginx, difference.glorieta) == (200, 101)
    return difference.what == "request upgrade" and difference.nginx is None


def sniffed(difference: Difference, _: Comparison) -> bool:
    return difference.what == "answer x-content-type-options" and difference.nginx is None


def nothing_there(difference: Difference, comparison: Comparison) -> bool:
    """Folders without an index are 404 and not 403, and their slash is not added; other methods are 405 or 404."""
    if difference.what != "status" or comparison.nginx.reached or comparison.glorieta.reached:
        return False
    statuses = (difference.nginx, difference.glorieta)
    path = tidy(comparison.asked.path.partition("?")[0])
    if statuses == (403, 404):
        return path.endswith("/")
    if statuses in ((301, 404), (301, 200)):
        location = comparison.location(*comparison.pairs()[0]) or ""
        return location.partition("?")[0].endswith(f"{path.rstrip('/')}/")
    return comparison.asked.method not in ("GET", "HEAD") and statuses in FOLDER_MET


def host_kept(difference: Difference, comparison: Comparison) -> bool:
    """A redirect to a path names no host: the client keeps the one that it asked, with its port."""
    relative = (comparison.glorieta.header("Location") or "").startswith("/")
    return (
        difference.what == "location"
        and relative
        and same(difference, lambda each: re.sub(r"(?<=\w):\d+", "", each).lower())
    )


def one_type(difference: Difference, comparison: Comparison) -> bool:
    """NGINX looks at the extension of what was asked for; files, which have types of their own, say nosniff."""
    path = comparison.asked.path.partition("?")[0]
    response = comparison.glorieta.response
    fixed = not comparison.glorieta.reached and response is not None and not response.headers("X-Content-Type-Options")
    return difference.what == "type" and fixed and "." in path.rpartition("/")[2]


def refused(difference: Difference, comparison: Comparison) -> bool:
    """A request that is refused outright has met no route, so it has no route's headers."""
    return comparison.nginx.status == comparison.glorieta.status == 400 and difference.what.startswith("answer ")


def dots_made(difference: Difference, comparison: Comparison) -> bool:
    """Dot segments that only rewriting has made."""
    if (
        comparison.glorieta.status != 400
        or not comparison.nginx.reached
        or difference.what not in ("status", "reached")
    ):
        return False
    target = comparison.nginx.reached[-1][1].target
    return tidy(target) != target


def hidden(difference: Difference, comparison: Comparison) -> bool:
    """Files whose names begin with a dot, and what stands in for them."""
    served = comparison.nginx.reached == comparison.glorieta.reached == []
    dotted = "/." in tidy(comparison.asked.path.partition("?")[0])
    return difference.what == "status" and served and dotted and comparison.glorieta.status == 404


def led_back(difference: Difference, comparison: Comparison) -> bool:
    """A redirect to the Host that the service was sent: NGINX changes it only where it begins as `proxy_pass` does."""
    if difference.what != "location" or not comparison.glorieta.reached:
        return False
    sent = comparison.glorieta.reached[-1][1].header("Host")
    where = comparison.nginx.header("Location") or ""
    return where.startswith(f"http://{sent}/") and str(difference.glorieta).startswith(
        f"http://{comparison.asked.host}/"
    )


def prefix_put_back(difference: Difference, comparison: Comparison) -> bool:
    """`strip_prefix` puts its prefix back into every Location and cookie path, also where NGINX leaves them."""
    prefix = next((value for name, value in forwarded(comparison) if name.lower() == "x-forwarded-prefix"), None)
    if prefix is None or difference.what not in ("location", "answer set-cookie"):
        return False
    return without(str(difference.nginx), prefix) == without(str(difference.glorieta), prefix)


def forwarded(comparison: Comparison) -> list[tuple[str, str]]:
    reached = comparison.glorieta.reached
    return reached[-1][1].fields if reached else []


def without(text: str, prefix: str) -> str:
    return text.replace(f"Path={prefix}/", "Path=/").replace(f"Path={prefix};", "Path=/;").replace(f"{prefix}/", "/")


def says_path(difference: Difference) -> bool:
    """Whether it may be about a path: of the target, of a redirect, or in a header."""
    return difference.what in ("target", "location") or difference.what.startswith(("request ", "answer "))


def same(difference: Difference, change: Callable[[str], str]) -> bool:
    """Whether a change makes both alike."""
    return change(text_of(difference.nginx)) == change(text_of(difference.glorieta))


def text_of(value: object) -> str:
    return str(value[0]) if isinstance(value, list) and len(value) == 1 else str(value)


def merged(target: str) -> str:
    return re.sub("(?<!:)/+", "/", tidy(target))


def tidy(url: str) -> str:
    """A target as glorieta writes it: unreserved characters plain, no dot segments (RFC 3986 §6.2.2)."""
    origin = re.match(r"\w+://[^/]*", url)
    start = origin[0] if origin else ""
    path, mark, query = url[len(start) :].partition("?")
    if not path.startswith("/"):
        return url
    path = UNRESERVED.sub(lambda found: plain(found[1]), path)
    segments: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            segments[-1:] = []
        elif segment != ".":
            segments.append(segment)
    if path.endswith(("/.", "/..")):
        segments.append("")
    return start + "/" + "/".join(segments) + mark + query


def plain(digits: str) -> str:
    character = chr(int(digits, 16))
    return character if PLAIN.fullmatch(character) else f"%{digits.upper()}"


REASONS = {
    "%2F stays as it is, where NGINX matches a slash": encoded_slash,
    "what was matched is what is forwarded: the tidy path": tidied,
    "// goes on merged, where NGINX forwards what was written": double_slash,
    "an empty query stays, where NGINX leaves it out": empty_query,
    "headers about the client are believed of trusted proxies only": claimed,
    "Upgrade works without being written": upgraded,
    "files say nosniff": sniffed,
    "a folder without an index is 404; files and 404 do not depend on the method as in NGINX": nothing_there,
    "a redirect to a path names the path only": host_kept,
    "a fixed answer has one type": one_type,
    "what is refused with 400 has met no route": refused,
    "a path that rewriting makes is checked again": dots_made,
    "names that begin with a dot are not served": hidden,
    "redirects to the service's own address lead to the client's host": led_back,
    "strip_prefix puts its prefix back into Location and cookie paths": prefix_put_back,
}
