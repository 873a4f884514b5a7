"""Runs what `tests:` says: asks for each request what would become of it, and compares.

Who answers comes in the call, so that this stays below the engine. Nothing from outside is read for it: on both sides
a reference (`${env:NAME}`) stands for what it names, so that a report may be shown to anybody.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..config.tests import read_request
from ..config.words import as_written
from .naming import candidates
from .told import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..config.edge import Edge
    from ..config.errors import Place
    from ..config.match import Condition
    from ..config.tests import Case, CaseCertificate

Report = dict[str, Any]
Ask = Callable[[dict[str, Any]], Report]
"""`glorieta.engine.Trial.ask`; `ValueError`: the question cannot be understood."""


@dataclass(frozen=True)
class Failure:
    """One expectation that was not met."""

    what: str
    expected: str
    actual: str

    def text(self) -> str:
        return f"{self.what}: expected {self.expected}, got {self.actual}"

    def as_json(self) -> dict[str, str]:
        return {"what": self.what, "expected": self.expected, "actual": self.actual}


@dataclass(frozen=True)
class Result:
    """How one test went."""

    name: str
    request: str
    place: Place | None
    failures: tuple[Failure, ...]
    story: str
    """The request's way, in one line."""
    seconds: float = field(default=0.0, compare=False)

    @property
    def passed(self) -> bool:
        return not self.failures

    def line(self) -> str:
        """One that failed, for a person."""
        where = f"{self.place} " if self.place else ""
        return f"{where}{self.name}: {'; '.join(each.text() for each in self.failures)}"

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "request": self.request,
            "file": self.place.file if self.place else None,
            "line": self.place.line if self.place else None,
            "passed": self.passed,
            "failures": [each.as_json() for each in self.failures],
            "story": self.story,
        }


def run_tests(edge: Edge, ask: Ask) -> list[Result]:
    """All tests of an edge, in their order."""
    return [run_test(edge, key, case, ask) for key, case in edge.tests.items()]


def run_test(edge: Edge, key: str, case: Case, ask: Ask) -> Result:
    places = edge.origin.places if edge.origin else None
    path = ("tests", key)
    place = places.find(path, key=True) if places else None
    began = time.perf_counter()
    try:
        report = ask(question(key, case))
    except ValueError as error:
        return Result(key, request_of(key, case), place, (Failure("request", "one that can be asked", str(error)),), "")
    failures = tuple(compared(case, report, team_of(edge, key)))
    return Result(key, request_of(key, case), place, failures, told(report), time.perf_counter() - began)


def request_of(key: str, case: Case) -> str:
    """`METHOD URL`, wherever it was written."""
    return case.request or key


def team_of(edge: Edge, key: str) -> str | None:
    """The team in whose file a test stands."""
    if edge.origin is None:
        return None
    return edge.origin.places.source(("tests", key)).team


def question(key: str, case: Case) -> dict[str, Any]:
    """What the engine is asked."""
    method, url = read_request(request_of(key, case))
    headers = [[name, as_written(value)] for name, values in case.headers.items() for value in values]
    return {
        "method": method or "GET",
        "url": as_written(url, quoted) if case.request else url,
        "headers": headers,
        "from": getattr(case, "from"),
        "body_bytes": None if case.body is None else int(case.body),
        "client_certificate": None if case.client_certificate is None else identity(case.client_certificate),
        "sni": case.sni,
        "protocol": case.protocol,
        "listener": case.listener,
    }


def identity(shown: CaseCertificate) -> dict[str, Any]:
    """What is known of a client, as words say it."""
    texts = {name: getattr(shown, name) for name in ("subject", "issuer", "serial", "fingerprint")}
    known = {name: as_written(text) for name, text in texts.items() if text is not None}
    return {**known, "names": [as_written(name) for name in shown.names]}


def quoted(reference: str) -> str:
    """A reference as a URL has it."""
    return quote(reference, safe="")


def compared(case: Case, report: Report, team: str | None) -> Iterator[Failure]:
    """Every expectation that was not met, in the order of a request's way."""
    if report["outcome"] == "nothing":
        yield Failure("request", "an answer", f"none: {report['why']}")
        return
    route, forward, answer = report["route"], report["forward"], report["answer"]
    otherwise = outcome_text(report)
    if case.route is not None:
        names = {route["id"], route["name"], route["group"]} if route else set()
        if names.isdisjoint(candidates(case.route, team)):
            yield Failure("route", case.route, route["id"] if route else f"no route, but {otherwise}")
    if case.forwards is not None:
        yield from compare_forward(case.forwards, forward, report, team)
    yield from differ("method", case.method, forward and forward["method"], otherwise)
    if case.endpoint is not None and (forward is None or forward["endpoint"] != case.endpoint):
        yield Failure("endpoint", case.endpoint, endpoint_text(forward) if forward else otherwise)
    yield from compare_headers("sends", case.sends, forward and forward["headers"], otherwise)
    if case.status is not None and (answer is None or answer["status"] != case.status):
        yield Failure("status", str(case.status), otherwise)
    yield from differ("reason", case.reason, answer and answer["reason"], otherwise)
    location = None if case.location is None else as_written(case.location)
    yield from differ("location", location, answer and location_of(answer), otherwise)
    yield from compare_headers("answers", case.answers, answer and answer["headers"], otherwise)


def location_of(answer: Report) -> str | None:
    return next((value for name, value in answer["headers"] if name.lower() == "location"), None)


def differ(what: str, expected: str | None, actual: str | None, otherwise: str) -> Iterator[Failure]:
    """`otherwise`: what has become of the request, where there is nothing of the kind."""
    if expected is not None and expected != actual:
        yield Failure(what, expected, otherwise if actual is None else actual)


def compare_forward(expected: str, forward: Report | None, report: Report, team: str | None) -> Iterator[Failure]:
    upstream, _, path = expected.partition(" ")
    if forward is None and (gather := report["gather"]):
        if not any(asks(part, upstream, path, team) for part in gather["parts"]):
            yield Failure("forwards", expected, outcome_text(report))
        return
    if forward is None:
        yield Failure("forwards", expected, outcome_text(report))
        return
    if forward["upstream"] not in candidates(upstream, team):
        yield Failure("forwards", expected, f"{forward['upstream']} {forward['target'] or ''}".rstrip())
    elif path and forward["target"] not in (as_written(path), as_written(path, quoted)):
        yield Failure("forwards", expected, f"{upstream} {forward['target']}")


def asks(part: Report, upstream: str, path: str, team: str | None) -> bool:
    """Whether a part of a gathered answer goes there."""
    is_there = part["upstream"] in candidates(upstream, team)
    return is_there and (not path or part["target"] in (as_written(path), as_written(path, quoted)))


def endpoint_text(forward: Report) -> str:
    chance = f"one of {', '.join(each['address'] for each in forward['endpoints'])}: {forward['why']}"
    return str(forward["endpoint"] or chance)


def outcome_text(report: Report) -> str:
    """What has become of a request that was heard."""
    match report["outcome"]:
        case "forward" | "tunnel":
            return f"forwarding to {report['forward']['upstream']}"
        case "answer":
            return answer_text(report["answer"])
        case "handler":
            return f"what {report['handler']['name']} answers"
        case "gather":
            asked = (f"{part['upstream']} {part['target'] or part['path']}" for part in report["gather"]["parts"])
            return f"one answer of {', '.join(asked)}"
    return "a closed connection"


def answer_text(answer: Report) -> str:
    """An answer of glorieta's own, and why it gave that one."""
    why = "no route matches" if answer["reason"] == "no_route" else answer["detail"]
    text = f"the answer {answer['status']} {answer['reason'] or ''}".rstrip()
    return f"{text} ({why})" if why else text


def compare_headers(
    what: str, expected: Mapping[str, Condition], headers: list[list[str]] | None, otherwise: str
) -> Iterator[Failure]:
    for name, condition in expected.items():
        values = [value for own, value in headers or () if own.lower() == name.lower()]
        if headers is None:
            yield Failure(f"{what} {name}", condition_text(condition), otherwise)
        elif not meets(values, condition):
            yield Failure(f"{what} {name}", condition_text(condition), ", ".join(values) if values else "absent")


def meets(values: list[str], condition: Condition) -> bool:
    if condition.present is not None:
        return bool(values) == condition.present
    joined = ", ".join(values)
    if condition.exact is not None:
        return bool(values) and joined == as_written(condition.exact)
    if condition.prefix is not None:
        return joined.startswith(as_written(condition.prefix)) and bool(values)
    regex = as_written(condition.regex or "", re.escape)
    return bool(values) and re.fullmatch(python_regex(regex), joined) is not None


def python_regex(text: str) -> str:
    """Named groups are written `(?<name>…)` in the configuration."""
    return re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", text)


def condition_text(condition: Condition) -> str:
    if condition.present is not None:
        return "present" if condition.present else "absent"
    kind = next(name for name in ("exact", "prefix", "regex") if getattr(condition, name) is not None)
    text = str(getattr(condition, kind))
    return text if kind == "exact" else f"{kind} {text}"
