"""`server_name` in all its forms, as hosts of `match:`."""

from __future__ import annotations

import re

from ...config.errors import Wrong
from ...config.match import check_host
from .regex import Expression, split_alternatives
from .unclear import Unclear

MOST_NAMES = 64
NOBODY = ("_", "", "-", "--", "!@#", "*")
"""Names that no request has: they mean "whatever comes here"."""
ANY_LABELS = re.compile(
    r"\^\(?(?:\?(?:P?<\w+>|:))?(?:\.\+|\.\*|\[\^\.\]\+|\\w\+|\[\\w-\]\+|\[a-z0-9-\]\+)\)?\\\.([A-Za-z0-9\\.-]+)\$"
)
PIECE = re.compile(r"\((?:\?:)?([^()]*)\)(\??)|\\([.-])|([A-Za-z0-9_-])(\?)?|(\S)")


def hosts_of(name: str) -> tuple[list[str], str | None]:
    """The hosts of one server name, and what is not the same."""
    if name in NOBODY:
        return [], None
    if name.startswith("~"):
        return of_expression(name)
    if name.startswith("."):
        return [checked(name[1:]), checked(f"*{name}")], None
    if name.endswith(".*"):
        raise Unclear("a host that may end in anything has no twin", f"write the names out: {name[:-1]}example")
    if name == "$hostname":
        raise Unclear("the machine's own name is not read", "write the name")
    return [checked(name)], None


def of_expression(name: str) -> tuple[list[str], str | None]:
    expression = Expression(name[1:], True)
    wildcard = ANY_LABELS.fullmatch(expression.source)
    if wildcard:
        host = checked("*." + wildcard[1].replace("\\", ""))
        return [host], f"{host} stands for all names below, however many labels they have"
    return finite_names(expression), None


def finite_names(expression: Expression) -> list[str]:
    """The names that an expression means, where they can be listed."""
    found: list[str] = []
    for each in split_alternatives(expression.source):
        if not (each.startswith("^") and each.endswith("$")):
            raise Unclear(f'hosts by the expression "{expression.source}" have no twin', "write the names out")
        found += expanded(each[1:-1], expression.source)
    return [checked(each) for each in dict.fromkeys(found)]


def expanded(text: str, whole: str) -> list[str]:
    names = [""]
    position = 0
    while position < len(text):
        piece = PIECE.match(text, position)
        if piece is None or piece[6] is not None:
            raise Unclear(f'hosts by the expression "{whole}" have no twin', "write the names out, or *.name")
        if piece[1] is not None:
            choices = [each for part in piece[1].split("|") for each in expanded(part, whole)]
            choices += [""] if piece[2] else []
        elif piece[3] is not None:
            choices = [piece[3]]
        else:
            choices = [piece[4], ""] if piece[5] else [piece[4]]
        names = [name + choice for name in names for choice in choices]
        if len(names) > MOST_NAMES:
            raise Unclear(f'the expression "{whole}" means more than {MOST_NAMES} hosts', "write *.name")
        position = piece.end()
    return names


def checked(name: str) -> str:
    try:
        return check_host(name)
    except Wrong as wrong:
        raise Unclear(wrong.message, wrong.fix) from None
