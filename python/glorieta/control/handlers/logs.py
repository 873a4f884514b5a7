"""What a handler process says: its log and what handlers print, on standard error.

Sentences for a person, or one JSON object a line for a program, as the serving process says its events
(`control.lines`). A handler's own `logging` calls are part of it.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING, Any

from ...handlers.live.errors import NoRequest
from ...handlers.live.scope import current_scope
from ...handlers.live.tracebacks import Told, traceback_of
from ..lines import line, printing

if TYPE_CHECKING:
    from types import TracebackType

    Raised = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

TALKATIVE = ("httpx", "httpcore")
"""Loggers of libraries that say a line for each call at INFO. The access log and the metrics have the calls."""
OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What `logging` gives every record: whatever else it has is the caller's `extra`."""


def begin(*, as_json: bool) -> None:
    """Has everything that this process says in one form. Levels that the handlers' code sets later are its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines() if as_json else Sentences("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    if as_json:
        logging.captureWarnings(True)
        out = sys.stderr
        sys.stdout, sys.stderr = printing("stdout", out, request_id), printing("stderr", out, request_id)


class Sentences(logging.Formatter):
    """For a person. Of an exception the author's frames come first."""

    def formatException(self, ei: Raised) -> str:
        return traceback_of(ei[1]) if ei[1] is not None else ""


class Lines(logging.Formatter):
    """For a program: a record is one line."""

    def format(self, record: logging.LogRecord) -> str:
        message, exception = said(record)
        return line(
            "logged",
            record.created,
            request_id=request_id(),
            level=record.levelname.lower(),
            logger=record.name,
            message=message,
            exception=exception,
            stack=record.stack_info,
            extra=extra_of(record),
        )


def said(record: logging.LogRecord) -> tuple[str, str | None]:
    """The message of a record, and the traceback that comes with it."""
    if isinstance(record.args, tuple) and len(record.args) == 1 and isinstance(told := record.args[0], Told):
        return told.what, told.traceback
    error = record.exc_info[1] if record.exc_info else None
    return record.getMessage(), traceback_of(error) if error is not None else None


def extra_of(record: logging.LogRecord) -> dict[str, Any] | None:
    """The caller's `extra`, as far as JSON has words for it; the rest as Python shows it."""
    extra = {name: value for name, value in vars(record).items() if name not in OF_EVERY_RECORD}
    try:
        json.dumps(extra, default=repr, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        extra = {name: repr(value) for name, value in extra.items()}
    return extra or None


def request_id() -> str | None:
    """The id of the request that is being answered; none: it is none of a request's."""
    try:
        return current_scope().transport.start.request_id
    except NoRequest:
        return None
