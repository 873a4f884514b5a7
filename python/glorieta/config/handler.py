"""Python that answers requests: routers of glorieta's (`handler:`), and any other application (`asgi:`)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from .base import TEXT, FullName, Noun, Shorthand, as_list, checked_text, whole
from .errors import Wrong
from .text import RequestHeader
from .units import Timeout

REFERENCE = re.compile(r"(?P<module>[\w./-]+):(?P<attribute>[A-Za-z_][\w.]*)")
"""How an object of Python is named, an edge as well."""
MOST_PROCESSES = 256


def check_reference(text: str) -> str:
    """`shop.mobile:router` or `mobile.py:router`."""
    found = REFERENCE.fullmatch(text)
    if not found:
        raise Wrong(f'"{text}" names no object of Python', "write module:name, such as shop.mobile:router")
    module = found["module"]
    if "/" in module and not module.endswith(".py"):
        raise Wrong(f'"{text}" is neither a module nor a file', f"write {module}.py:…, or {module.replace('/', '.')}:…")
    return text


def expand_asgi(value: Any) -> Any:
    return {"application": value} if isinstance(value, str) else value


Reference = Annotated[str, checked_text(check_reference)]


class Asgi(Noun):
    """An application by the ASGI standard (FastAPI, Starlette, Django), which gets every request of its route."""

    application: Reference | None = None
    """Where it is: `module:name`, or `file.py:name`; the folder of this file is where both are looked for first.
    Required."""
    calls: Annotated[list[FullName], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Upstreams that it may call, one or several; others are refused."""
    forward_headers: Annotated[list[RequestHeader], Shorthand(as_list, (TEXT,))] = Field(default_factory=list)
    """Headers of the client's that go to every one of them."""


class Handlers(Noun):
    """How the processes work in which Python answers requests. All handlers run in each of them."""

    processes: Annotated[int, whole(1, MOST_PROCESSES)] = 1
    """How many there are: one uses one CPU."""
    requests: Annotated[int, whole(1, 100_000)] = 128
    """Requests that one process may have, at work and waiting; with more the answer is 503."""
    wait: Timeout = timedelta(seconds=1)
    """How long a request may wait until a process takes it; then the answer is 503."""
    background: Timeout = timedelta(minutes=1)
    """How long work that follows an answer may call upstreams; then its calls end, and further ones fail."""
    leave: Timeout = timedelta(hours=1)
    """How long a process whose code was replaced may end what it has: WebSockets and streams go on in it so long."""
    threads: Annotated[int, whole(1, 10_000)] = 40
    """Threads of each process for functions that are not asynchronous; more calls wait for one."""


HandlerValue = Reference
AsgiValue = Annotated[Asgi, Shorthand(expand_asgi, (TEXT,))]
