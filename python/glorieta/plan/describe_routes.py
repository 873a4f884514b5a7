"""Where routes lead, and what happens on the way, in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .describe_filters import filter_text
from .describe_gather import gather_texts
from .describe_numbers import time_text
from .model import mirror_of, proxies_of

if TYPE_CHECKING:
    from .model import Mirror, Route, SplitVariant, Target


def target_text(target: Target) -> str:
    if "proxy" in target:
        return target["proxy"]["upstream"]
    if "split" in target:
        return f"split {variants_text(target['split']['variants'])}"
    if "gather" in target:
        return f"gather {', '.join(part['name'] for part in target['gather']['parts'])}"
    if "handler" in target:
        return f"{target['handler']['name']} in {target['handler']['handler']}"
    if "redirect" in target:
        return f"redirect {target['redirect']['status']} {target['redirect']['location']}"
    if "respond" in target:
        return f"respond {target['respond']['status']}"
    return f"files {target['files']['root']}"


def options_text(route: Route, *, filters: bool = True) -> list[str]:
    """What happens on the way, as far as it is not what always happens."""
    parts = []
    target = route["target"]
    for proxy in proxies_of(route)[:1]:
        if proxy["strip_prefix"] is not None:
            parts.append(f"without {proxy['strip_prefix']}")
        if proxy["rewrite"] is not None:
            parts.append(f"as {proxy['rewrite']}")
        if proxy["host"] != "preserve":
            host = proxy["host"]
            parts.append(f"host {host if isinstance(host, str) else host['name']}")
    if "gather" in target:
        parts += gather_texts(target["gather"])
    if "split" in target:
        parts.append(by_text(target["split"]["by"]))
    if (mirror := mirror_of(route)) is not None:
        parts.append(mirror_text(mirror))
    if route["deadline_ms"] is not None:
        parts.append(f"deadline {time_text(route['deadline_ms'])}")
    if route["priority"]:
        parts.append(f"priority {route['priority']}")
    return parts + [filter_text(each) for each in route["filters"] if filters]


def variants_text(variants: list[SplitVariant]) -> str:
    """`stable 95%, canary 5%`."""
    whole = sum(each["weight"] for each in variants) or 1
    return ", ".join(f"{each['upstream']} {each['weight'] * 100 / whole:.3g}%" for each in variants)


def by_text(by: str | dict[str, str]) -> str:
    """What decides which variant a request meets."""
    if isinstance(by, str):
        return "by chance"
    return f"by cookie.{by['cookie']}, which glorieta gives" if "cookie" in by else f"by {by['word']}"


def mirror_text(mirror: Mirror) -> str:
    """`copies of 10% of GET, HEAD to shadow`."""
    share = "" if mirror["share_percent"] == 100 else f"{mirror['share_percent']}% of "
    return f"copies of {share}{', '.join(mirror['methods'])} to {mirror['upstream']}"
