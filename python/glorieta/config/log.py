"""The access log: where it goes and what a line looks like."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from .base import TEXT, Noun, Shorthand, checked_text, is_off, off_as_text, whole
from .errors import Wrong, did_you_mean, nearest
from .text import check_log_template
from .values import as_template

STREAMS = ("off", "stdout", "stderr")
FORMATS = ("json", "combined", "human")


def check_log_target(text: str) -> str:
    """A stream's word, or a file: anything with a slash or a dot."""
    if not text:
        raise Wrong("a stream or a file is expected here", "write stdout, stderr, off or a file's path")
    if text in STREAMS or re.search(r"[/.]", text):
        return text
    if text in FORMATS:
        raise Wrong(f'"{text}" is a format', f"write {{format: {text}}}")
    if nearest(text, STREAMS):
        raise Wrong(f'"{text}" is no stream', did_you_mean(text, STREAMS))
    raise Wrong(f'"{text}" is neither a stream nor a file', f"write stdout, stderr, off or ./{text}")


def check_log_format(text: str) -> str:
    if text in FORMATS:
        return text
    if "$" not in text:
        raise Wrong(f'"{text}" is no format', did_you_mean(text, FORMATS))
    return check_log_template(text)


def expand_log(value: Any) -> Any:
    if is_off(value):
        return {"to": "off"}
    return {"to": value} if isinstance(value, str) else value


def format_as_template(value: Any) -> Any:
    """A template keeps what comes from outside as a reference; a format's word is no template."""
    return str(value) if value in FORMATS else as_template(value)


class Log(Noun):
    """The access log: one line per request. It never makes a request wait; text means `{to: text}`."""

    to: Annotated[str, checked_text(check_log_target), Shorthand(off_as_text)] = "stdout"
    """`stdout`, `stderr`, `off`, or a file's path, relative to the file in which this stands."""
    format: Annotated[str, checked_text(check_log_format), BeforeValidator(format_as_template)] = "json"
    """`json`, `combined` (as Apache's), `human`, or a template such as `${client.ip} ${method} ${path} ${status}`.
    Left out: `human` on a terminal, else `json`."""
    queue: Annotated[int, whole(1, 1_000_000)] = 8192
    """Lines that each worker may have waiting; beyond it lines are dropped and counted."""


LogValue = Annotated[Log, Shorthand(expand_log, (TEXT,))]
