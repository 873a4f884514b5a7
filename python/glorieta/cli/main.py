"""The command `glorieta`: which commands there are, in the order in which a newcomer meets them."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import Annotated, NoReturn

import typer

from ..control.exits import SUMMARY, ExitCode
from . import (
    balance,
    cert,
    check,
    demo,
    dev,
    explain,
    fmt,
    import_,
    openapi,
    plan,
    reload,
    reverse,
    rollback,
    run,
    schema,
    streams,
    test,
    try_,
    version,
)

app = typer.Typer(
    name="glorieta",
    help=f"One proxy, one configuration: reverse proxy, load balancer (layer 4 and 7), BFF.\n\n{SUMMARY}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

for command in (
    run.run,
    dev.dev,
    check.check,
    explain.explain,
    try_.try_,
    test.test,
    fmt.fmt,
    plan.plan,
    reload.reload,
    rollback.rollback,
    reverse.reverse,
    balance.balance,
    import_.import_,
    openapi.openapi,
    schema.schema,
    demo.demo,
    version.version,
):
    # What Python keeps for itself is written with an underscore behind it: `try_` is `glorieta try`.
    app.command(command.__name__.rstrip("_"))(command)


app.add_typer(cert.app, name="cert")


def print_version(wanted: bool) -> None:
    if wanted:
        version.version()
        raise typer.Exit


@app.callback()
def glorieta(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """The command line; never returns.

    It ends without taking down what was made: at ten thousand routes that would cost a tenth of a second.
    """
    streams.prepare()
    # Commands end soon: nobody looks for cycles that the end removes anyway. What stays turns it on again.
    gc.disable()
    try:
        code = invoke()
        streams.flush()
    except OSError as error:
        if not streams.takes_nothing(error):
            raise
        with contextlib.suppress(OSError):
            print(f"glorieta: cannot write: {error.strerror}", file=sys.stderr, flush=True)
        code = ExitCode.FAILED
    os._exit(code)


def invoke() -> int:
    """Runs a command; its exit code."""
    try:
        app(prog_name="glorieta")
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except ModuleNotFoundError as error:
        if error.name != "glorieta._engine":
            raise
        print(f"glorieta: {error}", file=sys.stderr)
        return ExitCode.FAILED
    except SystemExit as end:
        return int(end.code or 0)
    return ExitCode.OK
