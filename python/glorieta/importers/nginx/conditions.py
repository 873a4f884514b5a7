"""`if (…)`: what a condition asks of a request, in the words of `match:`, or what it comes to here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .action import Condition
from .regex import Expression
from .unclear import Unclear
from .variables import Words

METHOD_CHOICE = re.compile(r"\^\(?([A-Z|]+)\)?\$")
FILE_TESTS = ("-f", "-d", "-e", "-x", "!-f", "!-d", "!-e", "!-x")
NOT_ASKED = "routes ask for host, path, method, headers and query, not for this"
NO_FILE = "asks for a file; the answer is taken to be that there is none"
FILES_ELSEWHERE = "give the files a path of their own (/static/*: {files: …}), or let the service serve them"
NEAREST = "let the service, or what stands in front, decide"
COOKIE = "(?:.*;\\s*)?%s=%s(?:;.*)?"


@dataclass(frozen=True)
class Question:
    """What an `if` asks. `holds` says whether the inside is for requests that are like this, or for all others."""

    holds: bool
    condition: Condition | None = None
    hosts: tuple[str, ...] = ()
    path: Expression | None = None
    always: bool | None = None
    """The answer where it does not depend on the request."""
    guessed: Unclear | None = None
    """Why the answer is only the nearest one."""


def question(args: tuple[str, ...], words: Words) -> Question:
    """Reads the arguments of `if`, or of its kin."""
    if not args:
        raise Unclear("asks for nothing")
    if args[0] in FILE_TESTS:
        # As with try_files: what is no file is what matters more.
        return Question(True, always=args[0].startswith("!"), guessed=Unclear(NO_FILE, FILES_ELSEWHERE))
    variable = args[0]
    if not variable.startswith("$"):
        raise Unclear(NOT_ASKED)
    name = variable[1:].strip("{}")
    if len(args) == 1:
        return truth(name, words)
    if len(args) != 3:
        raise Unclear(NOT_ASKED)
    operator, value = args[1], args[2]
    holds = not operator.startswith("!")
    if name in words.constants:
        return constant(words.constants[name], operator, value)
    if name == "scheme":
        return constant("http", operator, value)
    if operator in ("=", "!="):
        return equal(name, value, holds)
    return fits(name, Expression(value, operator.endswith("*")), holds)


def constant(known: str, operator: str, value: str) -> Question:
    holds = not operator.startswith("!")
    if operator in ("=", "!="):
        return Question(True, always=(known == value) == holds)
    return Question(True, always=Expression(value, operator.endswith("*")).matches(known) == holds)


def truth(name: str, words: Words) -> Question:
    """A variable alone: neither empty nor 0."""
    if name in words.constants:
        return Question(True, always=words.constants[name] not in ("", "0"))
    if name in words.captures:
        return Question(True, always=True)
    return Question(True, asked(name, {"regex": ".+"}))


def equal(name: str, value: str, holds: bool) -> Question:
    if name in ("host", "http_host"):
        return Question(holds, hosts=(value.lower(),))
    if name in ("uri", "document_uri"):
        return Question(holds, path=Expression(f"^{re.escape(value)}$"))
    if name == "request_method":
        return Question(holds, Condition(methods=(value,)))
    if not value:
        return Question(not holds, asked(name, {"regex": ".+"}))
    return Question(holds, asked(name, value))


def fits(name: str, expression: Expression, holds: bool) -> Question:
    if name in ("uri", "document_uri", "request_uri"):
        return Question(holds, path=expression)
    if name in ("host", "http_host"):
        from .names import finite_names

        return Question(holds, hosts=tuple(finite_names(expression)))
    if name == "request_method":
        choice = METHOD_CHOICE.fullmatch(expression.source)
        if not choice:
            raise Unclear("asks for methods by an expression", "match: {method: [GET, POST]}")
        return Question(holds, Condition(methods=tuple(choice[1].split("|"))))
    return Question(holds, asked(name, {"regex": expression.whole()}))


def asked(name: str, value: Any) -> Condition:
    """A condition on a header, a cookie or a query parameter."""
    if name.startswith("http_"):
        return Condition(headers=((name.removeprefix("http_").replace("_", "-"), value),))
    if name.startswith("arg_"):
        return Condition(query=((name.removeprefix("arg_"), value),))
    if name.startswith("cookie_"):
        inner = value["regex"] if isinstance(value, dict) else re.escape(value)
        cookie = re.escape(name.removeprefix("cookie_"))
        inner = inner.replace(".*", "[^;]*").replace(".+", "[^;]+")
        return Condition(headers=(("cookie", {"regex": COOKIE % (cookie, inner)}),))
    raise Unclear(f"${name}: {NOT_ASKED}", NEAREST)
