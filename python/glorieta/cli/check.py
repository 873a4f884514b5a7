"""`glorieta check`: everything that is wrong with a configuration, at once."""

from __future__ import annotations

import typer

from ..control.exits import ExitCode
from .options import AsJson, Files, NoSecrets, Reference, Strict, references_of
from .output import print_json, print_warnings, refuse
from .streams import code_to_standard_error
from .surviving import surviving


def check(
    reference: Reference = None,
    files: Files = None,
    no_secrets: NoSecrets = False,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Say everything that is wrong with a configuration, each with its place and the fix.

    Nothing is started, opened or changed. The engine has the last word: the plan is built as it would be for
    running, only without sockets.

    With --no-secrets a configuration can be checked where its variables and files are not at hand, as in a merge
    request: what they would say is left unchecked, and so is what depends on it.

    \b
    Examples:
      glorieta check
      glorieta check /etc/glorieta/glorieta.yaml
      glorieta check -f base.yaml -f prod.yaml --strict
      glorieta check shop.edge:edge --json

    Exit codes: 0 it can be run · 2 it cannot, or --strict and there are warnings
    """
    from ..control.child import compile_reference

    references = references_of(reference, files)
    with code_to_standard_error():
        compiled = surviving(lambda: compile_reference(references, secrets=not no_secrets))
    if compiled.refused:
        refuse(compiled, as_json)
    failed = strict and bool(compiled.warnings)
    if as_json:
        print_json({"problems": [], "warnings": compiled.warnings, "version": compiled.version, "strict": strict})
    else:
        print_warnings(compiled.warnings_text)
        name = " ".join(references)
        print(
            f"{name}: refused for its warnings (--strict)" if failed else f"{name}: no errors, plan {compiled.version}"
        )
    if failed:
        raise typer.Exit(ExitCode.REFUSED)
