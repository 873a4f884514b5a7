"""What routes and groups match, in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .match import written_host, written_path
from .model import words_of
from .wording import shown

if TYPE_CHECKING:
    from ..config.match import Condition, Match
    from .model import Route, ValueMatch

EVERYTHING = "everything"


def match_text(route: Route) -> str:
    """What a route matches: `GET,HEAD shop.example/orders/* header x-beta present`."""
    hosts = "|".join(written_host(host) for host in route["hosts"] if host != "any")
    path = written_path(route["path"])
    place = f"{hosts} {path}" if hosts and not path.startswith("/") else f"{hosts}{path}"
    parts = [*([",".join(route["methods"])] if route["methods"] else []), place]
    parts += [f"header {condition_text(each)}" for each in route["headers"]]
    parts += [f"query {condition_text(each)}" for each in route["query"]]
    parts += [f"word {condition_text(each)}" for each in words_of(route)]
    return " ".join(parts)


def condition_text(match: ValueMatch) -> str:
    wanted = match["value"]
    if isinstance(wanted, str):
        return f"{match['name']} {shown(wanted)}"
    ((how, text),) = wanted.items()
    return f"{match['name']} {how} {shown(text)}"


def match_noun_text(match: Match) -> str:
    """What a group matches, as a person writes it."""
    place = "|".join(match.host) + (match.path or "")
    parts = [*([",".join(match.method)] if match.method else []), *([place] if place else [])]
    conditions = [
        *(("header", *each) for each in match.headers.items()),
        *(("query", *each) for each in match.query.items()),
        *(("word", *each) for each in match.words.items()),
    ]
    parts += [f"{kind} {name} {condition_noun_text(condition)}" for kind, name, condition in conditions]
    return " ".join(parts) or EVERYTHING


def condition_noun_text(condition: Condition) -> str:
    if condition.present is not None:
        return "present" if condition.present else "absent"
    return next(shown(value) for value in (condition.exact, condition.prefix, condition.regex) if value is not None)
