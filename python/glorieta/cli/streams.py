"""The standard streams of a command where they are closed, full, or unable to show an arrow."""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterator

STREAMS = ("stdin", "stdout", "stderr")
PLAIN = {"→": "->", "←": "<-", "−": "-", "×": "x", "·": "|", "…": "...", "§": "section "}
"""What a person reads instead where a stream has no such character."""
REPLACING = "glorieta-plain"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def prepare() -> None:
    """Before anything is printed.

    A stream that is closed leads nowhere: the next file that is opened would get its number, and what is printed.
    """
    for name in STREAMS:
        if getattr(sys, name) is None:
            stream = open(os.devnull, "r" if name == "stdin" else "w", encoding="utf-8")  # noqa: SIM115 (it stays)
            # Processes that are started find it, too.
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
    codecs.register_error(REPLACING, replaced)
    for written in (sys.stdout, sys.stderr):
        if isinstance(written, io.TextIOWrapper):
            written.reconfigure(errors=REPLACING)


def replaced(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that a stream cannot show: something like them, or their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    plain = "".join(PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in unknown)
    return plain, error.end


def write_document(text: str) -> None:
    """A result for a file or for a program: it is UTF-8, whatever a terminal here could show."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


@contextlib.contextmanager
def code_to_standard_error() -> Iterator[None]:
    """What code in a configuration prints, and what programs print that it starts, goes to standard error: standard
    output is for what was asked for."""
    sys.stdout.flush()
    out = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stderr.flush()
        if sys.__stdout__ is not None:
            sys.__stdout__.flush()
        os.dup2(out, 1)
        os.close(out)


def flush() -> None:
    """Writes what is still held back. That nobody reads it any more is no error."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.flush()


def takes_nothing(error: OSError) -> bool:
    """Whether this says that a stream takes nothing more: a file that cannot be written has a name."""
    return error.filename is None and error.errno in FULL
