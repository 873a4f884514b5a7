"""The page: each request with its calls as bars on one line of time."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    Document = dict[str, Any]

SECONDS = 2
"""After so many the page is read again."""
STYLE = """
:root { color-scheme: light dark; --line: #8884; --good: #1f7a43; --bad: #b3362b; --left: #8592c4 }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
h1 { font-size: 1.2rem } section { border-top: 1px solid var(--line); padding: .6rem 0 }
.row { display: grid; grid-template-columns: 24rem 1fr 9rem; gap: 1rem; align-items: center }
.name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap } .request { font-weight: 600 }
.track { background: #8882; height: .7rem; border-radius: .2rem } .quiet { opacity: .7 }
.bar { height: 100%; min-width: 2px; border-radius: .2rem; background: var(--good) }
.bad { background: var(--bad) } .cancelled { background: var(--left) } .word { text-align: right }
"""


def html(requests: Sequence[Document]) -> str:
    """The whole page, the newest request first."""
    shown = "".join(map(section, requests)) or "<p>No request has reached a handler yet.</p>"
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>glorieta dev</title>"
        f"<meta http-equiv=refresh content={SECONDS}><style>{STYLE}</style>"
        f"<h1>The last requests of handlers</h1>{shown}</html>\n"
    )


def section(request: Document) -> str:
    took = max(float(request["took_ms"]), 0.1)
    at = time.strftime("%H:%M:%S", time.localtime(request["at"]))
    about = f"{at} · {request['handler']} · request_id {request['request_id']}"
    name = f"{request['method']} {request['target']}"
    lines = [row(name, 0.0, took, took, outcome(request), "request")]
    for call in request["calls"]:
        name = f"{call['upstream']}: {call['method']} {call['target']}"
        lines.append(row(name, call["began_ms"], call["ended_ms"], took, outcome(call), "call"))
    if request["more_calls"]:
        lines.append(f"<p class=quiet>and {int(request['more_calls'])} calls more</p>")
    return f"<section><div class=quiet>{escape(about)}</div>{''.join(lines)}</section>"


def row(name: str, began: float, ended: float, took: float, word: str, kind: str) -> str:
    """A name, its time as a part of all of it, and what became of it."""
    left = min(max(began / took, 0.0), 1.0) * 100
    width = min(max((ended - began) / took, 0.0), 1.0 - left / 100) * 100
    colour = "cancelled" if word.startswith("cancelled") else "" if word[:1] in "123" else "bad"
    bar = f'<div class="bar {colour}" style="margin-left:{left:.2f}%;width:{width:.2f}%"></div>'
    text = f"{word}, {ended - began:.0f} ms"
    return (
        f'<div class=row><div class="name {kind}" title="{escape(name)}">{escape(name)}</div>'
        f"<div class=track>{bar}</div><div class=word>{escape(text)}</div></div>"
    )


def outcome(document: Document) -> str:
    """A word for what became of a request or of a call."""
    if document.get("cancelled"):
        return "cancelled"
    status = document["status"]
    word = document.get("reason") or ("no answer" if status is None else str(status))
    tries = document.get("tries") or 0
    return f"{word} ({tries} tries)" if tries > 1 else word
