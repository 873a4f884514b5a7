"""An explanation as lines for a person."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal

from ..describe import filter_text, listener_text, match_noun_text, role_text, roles_text, upstream_text
from ..precedence import in_order
from ..roles import BALANCER
from .evidence import evidence
from .inherited import group_filters, origin
from .rows import ORDER, aligned, route_row
from .shares import how, shares

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..confusions import Found
    from ..model import Group, Listener, Upstream
    from .view import View

RIGHT = 52
"""Where the column with roles begins."""
WIDTH = 110
LIMITS: tuple[Literal["allow", "deny"], ...] = ("allow", "deny")
MARKS = {"error": "E", "warning": "W", "note": "N"}


def text(view: View) -> str:
    sections = [list(listener_lines(view, listener)) for listener in view.plan["listeners"]]
    if any(len(listener["routes"]) > 1 for listener in view.plan["listeners"]):
        sections.append(wrapped(ORDER, ""))
    if view.plan["upstreams"]:
        sections.append(["upstreams", *upstream_lines(view)])
    if view.confusions:
        sections.append(["confusions", *confusion_lines(view)])
    return "\n\n".join("\n".join(lines) for lines in sections)


def listener_lines(view: View, listener: Listener) -> Iterator[str]:
    yield head(listener)
    groups = view.groups(listener)
    if listener["tcp"] is not None:
        yield from tcp_lines(view, listener)
        return
    for group in groups:
        alone = len(groups) == 1 and view.is_own(group)
        if not alone:
            yield group_head(view, group)
        indent = "  " if alone else "    "
        yield from about_group(view, group, indent)
        common = group_filters(view, group)
        rows = [route_row(view, group, route, common) for route in in_order(view.routes.get(group["id"], []))]
        yield from aligned(rows, indent)


def head(listener: Listener) -> str:
    return in_columns(
        f"{listener['id']}  {listener_text(listener)}", roles_text(listener["roles"], listener["protocol"])
    )


def group_head(view: View, group: Group) -> str:
    noun = view.noun(group)
    match = f"  {match_noun_text(noun.match)}" if noun is not None and noun.match is not None else ""
    what = "own routes" if view.is_own(group) else f"group {group['id']}{match}"
    declared = ", declared" if view.declares(group) else ""
    return in_columns(f"  {what}", f"{roles_text(group['roles'], 'http')}{declared}")


def in_columns(left: str, right: str) -> str:
    return f"{left:<{RIGHT}} {right}" if len(left) <= RIGHT else f"{left}  {right}"


def about_group(view: View, group: Group, indent: str) -> Iterator[str]:
    """Who answers for it, why it has its roles, and the filters that all its routes have."""
    people = [("owner", group["owner"]), ("client", group["client"]), ("team", view.team(group))]
    said = [f"{word} {value}" for word, value in people if value]
    if said:
        yield indent + ", ".join(said)
    because = evidence(view, group).get(BALANCER)
    if because and not view.declares(group):
        yield f"{indent}{role_text(BALANCER, 'http')}: {because}"
    common = group_filters(view, group)
    if common:
        layers = view.filters_of(group)
        texts = [(filter_text(each), origin(layers, next(iter(each)))) for each in common]
        listed = ", ".join(f"{what} from {where}" if where else what for what, where in texts)
        yield from wrapped(f"filters, in this order: {listed}", indent)


def tcp_lines(view: View, listener: Listener) -> list[str]:
    tcp = listener["tcp"]
    assert tcp is not None
    upstream = view.upstreams.get(tcp["upstream"])
    limits = [f"{word} {', '.join(tcp[word])}" for word in LIMITS if tcp[word]]
    about = ", ".join([*([upstream_text(upstream)] if upstream else []), *limits])
    return aligned([("every connection", tcp["upstream"], about)])


def upstream_lines(view: View) -> Iterator[str]:
    for upstream in view.plan["upstreams"]:
        check = "" if upstream["health"] else ", no active check"
        yield f"  {upstream['id']}  {upstream_text(upstream)}{check}"
        if chooses(upstream):
            yield f"    chosen: {how(upstream)}"
        width = max((len(endpoint["address"]) for endpoint in upstream["endpoints"]), default=0)
        for endpoint, share in zip(upstream["endpoints"], shares(upstream), strict=True):
            yield f"    {endpoint['address']:<{width}}  {share}"


def chooses(upstream: Upstream) -> bool:
    return len(upstream["endpoints"]) > 1 or not isinstance(upstream["balance"], str)


def confusion_lines(view: View) -> Iterator[str]:
    for found in view.confusions:
        yield from about_confusion(found)


def about_confusion(found: Found) -> Iterator[str]:
    where = f"{found.path_text} ({found.place})" if found.place else found.path_text
    accepted = f"   accepted: {found.accepted}" if found.accepted else ""
    yield f"  {MARKS[found.severity]} {found.code}  {where}{accepted}"
    indent = " " * (len(found.code) + 6)
    yield from wrapped(found.sentence, indent)
    if found.fix and not found.accepted:
        yield from wrapped(f"Fix: {found.fix}", indent)


def wrapped(line: str, indent: str) -> list[str]:
    """On several lines where one is too long, the later ones further in."""
    return textwrap.wrap(
        line,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if not line.startswith("filters") else f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
