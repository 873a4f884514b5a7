"""`glorieta test`: asks every request of `tests:` what would become of it, without a socket."""

# ruff: noqa: PT028 (a command, no test of pytest's)

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..control.exits import ExitCode
from .options import AsJson, Files, NoSecrets, Reference, references_of
from .output import fail, print_json, print_warnings, refuse_error
from .streams import code_to_standard_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..plan.testing import Result


def test(
    reference: Reference = None,
    files: Files = None,
    no_secrets: NoSecrets = False,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results as JUnit XML as well, for a CI to show.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the tests that stand in a configuration under `tests:`.

    Each is a request, and what must become of it: its route, the upstream and the path that it is forwarded to, the
    headers that are sent, or the answer. The engine's own code decides, without a socket: nothing is sent.

    \b
    Examples:
      glorieta test
      glorieta test -f base.yaml -f prod.yaml
      glorieta test --junit results.xml

    Exit codes: 0 all passed · 1 some failed, or there are none · 2 the configuration is refused
    """
    from ..config import ConfigError, format_problems
    from ..plan import build
    from ..plan.testing import run_tests
    from .trial import trial_of

    references = references_of(reference, files)
    try:
        with code_to_standard_error():
            built = build(references, secrets=not no_secrets)
        results = run_tests(built.edge, trial_of(built).ask)
    except ConfigError as error:
        refuse_error(error, as_json)
    if junit:
        write_junit(junit, results, as_json)
    if as_json:
        print_json(as_document(results))
    else:
        if built.warnings:
            print_warnings(format_problems(built.warnings))
        print_results(results, " ".join(references))
    if not results or not all(each.passed for each in results):
        raise typer.Exit(ExitCode.FAILED)


def print_results(results: Sequence[Result], name: str) -> None:
    for each in results:
        if not each.passed:
            print(each.line())
            if each.story:
                print(f"  it went: {each.story}")
    failed = sum(not each.passed for each in results)
    if not results:
        print(f"{name}: no tests; write them under tests:")
    else:
        tests = f"{len(results)} test{'' if len(results) == 1 else 's'}"
        print(f"{tests}, {failed} failed" if failed else f"{tests}, all passed")


def as_document(results: Sequence[Result]) -> dict[str, Any]:
    failed = sum(not each.passed for each in results)
    return {"passed": len(results) - failed, "failed": failed, "tests": [each.as_json() for each in results]}


def write_junit(path: Path, results: Sequence[Result], as_json: bool) -> None:
    from ..plan.junit import junit_xml

    try:
        path.write_text(junit_xml(results), encoding="utf-8")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", as_json)
